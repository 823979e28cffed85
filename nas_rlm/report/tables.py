"""Tables of a search outcome: column names and rows."""

from dataclasses import dataclass

from nas_rlm.search.outcome import CheckedValue, SearchOutcome

_DECIMALS = {"accuracy_percent": 2, "latency_ms": 3}


@dataclass(frozen=True)
class Table:
    """A titled table; a cell of None means that there is no value."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]


def outcome_tables(outcome: SearchOutcome) -> tuple[Table, ...]:
    """Return the front, the rank agreement, the hypervolumes and the seconds as tables."""
    return (
        front_table(outcome),
        Table(
            "Predictions against the truth",
            ("metric", "Kendall tau", "architectures", "which"),
            tuple(
                (row.metric, _fixed(row.kendall_tau, 3), row.rows, row.scope)
                for row in outcome.agreement
            ),
        ),
        Table(
            "Hypervolume of the found front over the exact one",
            ("metrics", "share", "exact within"),
            tuple(
                (" x ".join(row.metrics), _fixed(row.share, 4), row.scope)
                for row in outcome.quality
            ),
        ),
        Table(
            "Seconds",
            ("phase", "seconds"),
            (
                *((phase, _fixed(seconds, 1)) for phase, seconds in outcome.seconds.items()),
                ("total", _fixed(sum(outcome.seconds.values()), 1)),
            ),
        ),
        *(
            [Table("Notes", ("note",), tuple((note,) for note in outcome.notes))]
            if outcome.notes
            else []
        ),
    )


def front_table(outcome: SearchOutcome) -> Table:
    """Return one row per architecture of the front.

    Per metric: predicted, interval, true and, where a true value has one, its spread.
    """
    columns = ["architecture"]
    for metric in outcome.metrics:
        columns += [metric, f"{outcome.level:.0%} interval", "true"]
        columns += ["spread"] if _has_spread(outcome, metric) else []
    rows = []
    for row in outcome.front:
        cells: list[str | int | float | None] = [row.architecture]
        for metric in outcome.metrics:
            cells += _value_cells(metric, row.values[metric])[: 3 + _has_spread(outcome, metric)]
        rows.append(tuple(cells))
    title = f"Front: {len(rows)} of {outcome.candidates} candidates"
    return Table(title, tuple(columns), tuple(rows))


def _value_cells(metric: str, value: CheckedValue) -> list[str | int | float | None]:
    """Return the four cells of one metric."""
    decimals = _DECIMALS.get(metric.partition("/")[0], 0)
    interval = f"{_fixed(value.low, decimals)} .. {_fixed(value.high, decimals)}"
    true = None if value.true is None else _fixed(value.true, decimals)
    spread = None
    if value.true_low is not None and value.true_high is not None:
        spread = f"{_fixed(value.true_low, decimals)} .. {_fixed(value.true_high, decimals)}"
    return [_fixed(value.predicted, decimals), interval, true, spread]


def _has_spread(outcome: SearchOutcome, metric: str) -> bool:
    """Return whether a true value of the metric has a spread."""
    return any(row.values[metric].true_low is not None for row in outcome.front)


def _fixed(value: float, decimals: int) -> str:
    """Return a number with a fixed number of decimals."""
    return f"{value:.{decimals}f}"
