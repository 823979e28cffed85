"""Train the checkpoint that ships with the package, and measure it on rows it never saw.

    python experiments/pretrain/run.py [--validate] [FOLDER]

The folder (default ``nas_rlm/pretrained/model``) gets the checkpoint; ``results.json`` beside this
file gets rows, seconds and, for each metric and space, Kendall's tau-b, Spearman's rho and the share
of true values inside the 80 % interval on the validation networks. The table of the model card is
made from it. A run that was killed goes on when it is started again. With ``--validate`` nothing is
trained: the checkpoint in the folder is measured again.
"""

import argparse
import json
import shutil
import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nas_rlm.atomic_files import write_atomically
from nas_rlm.comparison.space_rows import read_space_rows
from nas_rlm.comparison.tables import update_document
from nas_rlm.dataset import hold_out
from nas_rlm.evaluation.calibration import interval_coverage
from nas_rlm.evaluation.rank_metrics import kendall_tau, spearman
from nas_rlm.measure.device import cpu_model
from nas_rlm.seeding import generator
from surrogates import Surrogate
from surrogates.rlm.regressor import RlmRegressor

HERE = Path(__file__).parent
CONFIG = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
CARD = HERE.parents[1] / "nas_rlm" / "pretrained" / "MODEL_CARD.md"
FOLDER = HERE.parents[1] / "nas_rlm" / "pretrained" / "model"


def read_source(source: dict) -> tuple[list[str], list[dict[str, float]], np.ndarray, np.ndarray]:
    """Texts and labels of a space, which of them are never trained on, and which of those calibrate."""
    rows = read_space_rows(
        source["space"], source["metrics"], is_pruned=source.get("is_pruned", True)
    )
    known = np.any([~np.isnan(rows.columns[name]) for name in source["metrics"]], axis=0)
    order = generator(CONFIG["seed"], "pretrain", source["space"]).permutation(
        np.flatnonzero(known)
    )[: source["rows"]]
    suffix = source.get("suffix", "")
    labels = [
        {f"{name}{suffix}": value for name, value in row.items()}
        for row in rows.labels(order, source["metrics"])
    ]
    digests = list(rows.digests(order))
    held = hold_out(digests, share=CONFIG["validation_share"], salt="pretrain validation")
    calibrates = hold_out(digests, share=0.5, salt="pretrain calibration") & held
    return rows.texts(order), labels, held, calibrates


def write_card(results: dict) -> None:
    """Write the table of the model card."""
    lines = [
        "| space | metric | networks | Kendall tau-b | Spearman rho | within 80 % interval |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for space, metrics in results["validation"].items():
        lines += [
            f"| {space} | `{metric}` | {found['rows']} | {found['kendall_tau']:.3f} | "
            f"{found['spearman']:.3f} | {found['coverage_80']:.2f} |"
            for metric, found in metrics.items()
        ]
    facts = (
        f"{results['rows']:,} training rows, seed {results['seed']}, {results['seconds']:,} s on "
        f"{results['machine']}, one thread."
    )
    update_document(CARD, "validation", "\n".join([*lines, "", facts]))


def validated(
    model: Surrogate, validation: dict[str, list[tuple[str, dict[str, float]]]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Compare predictions with the labels of rows that were never trained on, space by space."""
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for space, rows in validation.items():
        metrics = list(dict.fromkeys(name for _, label in rows for name in label))
        predicted = model.predict([text for text, _ in rows], metrics)
        for metric in metrics:
            index = [place for place, (_, label) in enumerate(rows) if metric in label]
            true = np.array([rows[place][1][metric] for place in index])
            own = predicted[metric].take(index)
            found[space][metric] = {
                "rows": len(index),
                "kendall_tau": round(kendall_tau(own.mean, true), 4),
                "spearman": round(spearman(own.mean, true), 4),
                "coverage_80": round(interval_coverage(own.interval(0.8), true), 4),
            }
            print(space, metric, found[space][metric], flush=True)
    return found


class Rows(NamedTuple):
    """Texts and labels of all sources: to train on, to calibrate with, and to validate on.

    Attributes:
        texts: Of the training rows, length n.
        labels: Of the training rows, length n.
        calibration: Texts with labels.
        validation: Space to texts with labels.
    """

    texts: list[str]
    labels: list[dict[str, float]]
    calibration: list[tuple[str, dict[str, float]]]
    validation: dict[str, list[tuple[str, dict[str, float]]]]


def read_rows() -> Rows:
    """Read all sources."""
    found = Rows([], [], [], defaultdict(list))
    for source in CONFIG["source"]:
        rows = list(zip(*read_source(source), strict=True))
        asked: set[str] = set()  # a network with many descriptions counts once
        for text, label, is_held, calibrates in rows:
            if not is_held:
                found.texts.append(text)
                found.labels.append(label)
            elif text not in asked:
                asked.add(text)
                chosen = found.calibration if calibrates else found.validation[source["space"]]
                chosen.append((text, label))
        print(f"{source['space']}: {len(rows)} rows", flush=True)
    return found


def trained(rows: Rows, folder: Path) -> tuple[RlmRegressor, float]:
    """Train, calibrate and save; return also the seconds of the training."""
    start = time.perf_counter()
    begun: list[tuple[int, float]] = []  # reading texts comes before the first step

    def shown(step: int, total: int, scalars: dict[str, float]) -> None:
        now = time.perf_counter()
        if not begun:
            begun.append((step, now))
        first, then = begun[0]
        if step % 100 == 0 and step > first:
            left = (now - then) / (step - first) * (total - step)
            print(f"step {step}/{total} loss {scalars['loss']:.3f} left {left:.0f} s", flush=True)

    model = RlmRegressor(**CONFIG["surrogate"])
    kept = HERE / "kept"
    model.fit(rows.texts, rows.labels, seed=CONFIG["seed"], progress=shown, keep=kept)
    seconds = time.perf_counter() - start
    model.recalibrate(*map(list, zip(*rows.calibration, strict=True)))
    model.save(folder)
    shutil.rmtree(kept)
    return model, seconds


def main() -> None:
    """Read, train or load, validate, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--validate", action="store_true")
    options = parser.parse_args()
    path = HERE / "results.json"
    rows = read_rows()
    if options.validate:
        model = RlmRegressor.load(options.folder)
        results = json.loads(path.read_text(encoding="utf-8"))
    else:
        model, seconds = trained(rows, options.folder)
        results = {
            "machine": cpu_model(),
            "seconds": round(seconds),
            "rows": len(rows.texts),
            "seed": CONFIG["seed"],
        }
    results["validation"] = validated(model, rows.validation)
    write_atomically(path, json.dumps(results, indent=1).encode() + b"\n")
    write_card(results)


if __name__ == "__main__":
    main()
