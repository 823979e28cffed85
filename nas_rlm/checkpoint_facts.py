"""What a checkpoint knows: its metrics, settings, size, and what its training recorded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import surrogates
from nas_rlm.pretrained import checkpoint_folder
from surrogates.checkpoint import MANIFEST, WEIGHTS, place_of, read_manifest, read_weights

_ROWS = "rows_per_metric"


@dataclass(frozen=True)
class CheckpointFacts:
    """What stands in a checkpoint folder."""

    folder: Path
    surrogate: str
    """Registered name, e.g. ``rlm``."""
    metrics: tuple[str, ...]
    """What it predicts, in its own order."""
    settings: Mapping[str, Any]
    """Settings of the surrogate; empty if it has none."""
    training: Mapping[str, Any]
    """Rows, steps, seed and the like; empty if the surrogate does not record them."""
    n_parameters: int
    """Numbers in its tensors; 0 if it has none."""
    n_bytes: int
    """Size of all its files."""

    def to_mapping(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return {**asdict(self), "folder": str(self.folder)}


def checkpoint_facts(model: Path | None = None) -> CheckpointFacts:
    """Read a checkpoint, whole, so that a damaged one is refused.

    Args:
        model: Its folder; the shipped one when None.

    Returns:
        The facts.

    Raises:
        PretrainedError: If the shipped checkpoint is wanted and not installed.
        CheckpointError: If the folder does not hold a readable checkpoint.
    """
    folder = checkpoint_folder(model)
    surrogate = surrogates.load_surrogate(folder)
    parts = [file.parent for file in sorted(folder.rglob(MANIFEST))]
    states = {part: read_manifest(part)["state"] for part in parts}
    training = dict(states[folder].get("training", {}))
    for state in states.values():
        if rows_per_metric := state.get("training", {}).get(_ROWS):
            training[_ROWS] = training.get(_ROWS, {}) | rows_per_metric
    of_parts = [read_weights(part) for part in parts if place_of(part, WEIGHTS).is_file()]
    return CheckpointFacts(
        folder=folder,
        surrogate=surrogate.name,
        metrics=surrogate.metrics,
        settings=states[folder].get("settings", {}),
        training=training,
        n_parameters=sum(tensor.numel() for own in of_parts for tensor in own.values()),
        n_bytes=sum(item.stat().st_size for item in folder.rglob("*") if item.is_file()),
    )
