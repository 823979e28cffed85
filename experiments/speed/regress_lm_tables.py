"""The tables of the protocol ``speed`` from what ``regress_lm.py`` measured; nothing is typed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

GOAL_DEFAULT, GOAL_KINDEST = 10_000, 2_000
"""How many times faster than regress-lm ours should be."""


def document(results: dict[str, Any]) -> str:
    """The tables of the experiments page; nothing is compared that was not run."""
    ours, peer = results["ours_speed"], results.get("peer_speed")
    rates = (
        (f"{ours['n_rows']:,} rows at once, {ours['n_different']:,} different texts", "all"),
        ("the different texts alone", "different"),
    )
    values = {
        "all": ours["per_second_by_batch"][str(ours["n_rows"])],
        "different": ours["different_per_second"],
    }
    ranges = {
        "all": ours["range_of_turns"][str(ours["n_rows"])],
        "different": ours["range_of_turns"]["different"],
    }
    head = ["text to numbers, NAS-Bench-201", "architectures a second", "peak MB"]
    lines = [
        [f"ours, {label}", "{:,.0f} ({:,.0f} to {:,.0f})".format(values[key], *ranges[key]), ""]
        for label, key in rates
    ]
    lines[0][2] = f"{ours['peak_mb']:,.0f}"
    if peer:
        head += ["ours is faster by", "by the different texts alone", "goal"]
        lines = [[*line, "", "", ""] for line in lines]
        default = peer["default_per_second"]
        for label, rate, peak, goal in (
            (
                f"defaults (2,048 tokens, {results['n_samples']} samples)",
                default,
                peer["peak_mb"],
                GOAL_DEFAULT,
            ),
            (
                f"the cell alone ({peer['kindest_tokens']} tokens, {results['n_samples']} samples)",
                peer["kindest_per_second"],
                None,
                GOAL_KINDEST,
            ),
        ):
            ratios = [f"{value / rate:,.0f}" for value in values.values()]
            shown = "" if peak is None else f"{peak:,.0f}"
            lines.append([f"regress-lm, {label}", f"{rate:.3f}", shown, *ratios, f"{goal:,}"])
    parts = [_table(head, lines), _training(results)]
    for title, unit, found in (
        ("rows at once", "architectures a second", ours["per_second_by_batch"]),
        (
            "metrics, each alone",
            "different texts a second",
            results["ours_metrics"]["alone_per_second"],
        ),
        (
            "metrics, chain",
            "different texts a second",
            results["ours_metrics"]["chain_per_second"],
        ),
        ("statements of one text", "ms", _in_ms(results["ours_statements"]["seconds"])),
    ):
        parts.append(_table([title, *found], [[unit, *(f"{v:,.0f}" for v in found.values())]]))
    parts.append(
        f"{results['machine']}; load average {results['load']} when "
        f"it started (other programs slow these figures); commit {results['commit']}"
        + (f"; regress-lm {results['regress_lm']}." if peer else ".")
    )
    return "\n\n".join(parts)


def _training(results: dict[str, Any]) -> str:
    """One sentence for each side."""
    trained = results["ours_training"]
    last = trained["tried"][-1]
    sentence = (
        f"Training on {trained['n_rows']:,} accuracies: ours, one member and {last['steps']} steps (the fewest "
        f"tried with tau {results['goal_tau']:.2f} on development rows, or the most), takes {last['seconds']:.1f} s "
        f"and has tau {trained['tau']:.3f} on {trained['n_scored']:,} test rows."
    )
    peer = results.get("peer_training")
    if peer:
        sentence += (
            f" regress-lm did {peer['steps']} steps of 16 cells in {peer['seconds']:.0f} s and then "
            f"has tau {peer['tau_24_rows']:.2f} on 24 of them."
        )
    return sentence


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def _in_ms(values: dict[str, float]) -> dict[str, float]:
    return {name: 1000.0 * value for name, value in values.items()}
