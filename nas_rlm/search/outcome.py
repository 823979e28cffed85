"""What a search run found, as plain values: the checked front and how far it can be trusted."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CheckedValue:
    """One metric of one architecture: predicted, and where it could be checked, true."""

    predicted: float
    """Mean of the predictive distribution, in the metric's unit."""
    low: float
    """Lower end of the central interval of `SearchOutcome.level`."""
    high: float
    """Upper end of that interval."""
    true: float | None = None
    """From the table or measured again; None where it was not checked."""
    true_low: float | None = None
    """Lower end of the spread of the true value: lowest run of a table, or the lower end of the
    central interval of the timed passes; None where there is one value only."""
    true_high: float | None = None
    """Upper end of that spread."""


@dataclass(frozen=True)
class FrontRow:
    """One architecture of the predicted front."""

    architecture: str
    """Published string form."""
    digest: str
    """Of its canonical ONNX text."""
    file: str
    """Its ONNX file, relative to the run folder; empty where none was written."""
    values: Mapping[str, CheckedValue]
    """Metric name to value, in the order of `SearchOutcome.metrics`."""


@dataclass(frozen=True)
class Agreement:
    """Rank agreement of predicted and true values of one metric."""

    metric: str
    kendall_tau: float
    """Kendall's tau-b; NaN is never stored, an undefined one has no row."""
    rows: int
    """Architectures compared; none of them was trained on."""
    scope: str
    """Which they are, e.g. ``"all rows that were not trained on"``."""


@dataclass(frozen=True)
class FrontQuality:
    """Hypervolume of the found front over that of the exact front, both on true values."""

    metrics: tuple[str, ...]
    share: float
    """In [0, 1]."""
    scope: str
    """The set in which the exact front is the exact one, e.g. ``"the whole space"``."""


@dataclass(frozen=True)
class SearchOutcome:
    """The result of one search run, as its folder stores it and the command line prints it."""

    space: str
    surrogate: str
    seed: int
    metrics: tuple[str, ...]
    """Predicted metrics: objectives first, then those only budgeted."""
    level: float
    """Probability mass of the intervals."""
    candidates: int
    """Distinct architectures proposed and predicted."""
    front: tuple[FrontRow, ...]
    agreement: tuple[Agreement, ...]
    quality: tuple[FrontQuality, ...]
    seconds: Mapping[str, float]
    """Phase to wall-clock seconds, in order; summed over the processes of a resumed run, without
    what a killed process had spent on the phase that it did not finish."""
    notes: tuple[str, ...] = ()
    """Sentences about what did not go as asked, e.g. measurements that stayed unstable."""

    def to_mapping(self) -> dict[str, Any]:
        """Return the outcome as JSON values; `from_mapping` gives it back."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "SearchOutcome":
        """Rebuild an outcome from what `to_mapping` or a JSON file of it holds.

        Raises:
            KeyError: If a key is missing.
            TypeError: If a key is unknown.
        """
        plain = dict(mapping)
        plain["metrics"] = tuple(mapping["metrics"])
        plain["front"] = tuple(
            FrontRow(
                **{
                    **row,
                    "values": {
                        name: CheckedValue(**value) for name, value in row["values"].items()
                    },
                }
            )
            for row in mapping["front"]
        )
        plain["agreement"] = tuple(Agreement(**row) for row in mapping["agreement"])
        plain["quality"] = tuple(
            FrontQuality(**{**row, "metrics": tuple(row["metrics"])}) for row in mapping["quality"]
        )
        plain["notes"] = tuple(mapping.get("notes", ()))
        return cls(**plain)
