"""Rows of the files that "On Network Design Spaces for Visual Recognition" publishes.

A file such as ``DARTS.json`` or ``ResNeXt-A.json`` is a list of trained networks (the files of
repeated runs hold two lists, ``top`` and ``mid``). Of each network it has the configuration
(``net``), the error of every epoch in percent (``test_ep_top1``), parameters, mult-adds (``flops``)
and much about the training.

    for row in read_nds(Path("DARTS.json"), space="nds_darts"):
        row.architecture, row.metrics["accuracy_percent/cifar10_test"]

The errors are on the test images of CIFAR-10, after training on all others: no validation images
were held back, and the metric name says so. Counts are those of the file, which were taken with an
auxiliary head where ``aux`` is true.

Files are untrusted: they are parsed as JSON and every value that is kept is checked.

Source:
    arXiv:1905.13214; https://github.com/facebookresearch/nds (notebooks that read the files).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import search_spaces
from nas_rlm.errors import DataFileError
from nas_rlm.metrics import METRICS
from search_spaces.errors import InvalidArchitectureError
from search_spaces.nds import CellNetwork, CellSpace, ResidualNetwork, ResidualSpace
from search_spaces.nds import genotype as cell_form
from search_spaces.nds import residual as residual_form

TEST_TASK = "cifar10_test"
"""CIFAR-10, scored on its test images."""
MAX_BYTES = 2_000_000_000
"""Largest file that is read; the published ones stay well below."""
_MAX_EPOCHS = 10_000
_PARTS = ("top", "mid")


@dataclass(frozen=True)
class NdsRow:
    """One trained network.

    Attributes:
        architecture: Its configuration.
        metrics: ``accuracy_percent/<task>`` behind the last epoch, ``params`` and ``macs``.
        best_accuracy_percent: Accuracy of its best epoch; chosen on the images that it is
            measured on, so it flatters.
        n_epochs: How long it was trained.
        seed: Seed of the training; None where the file has none.
    """

    architecture: CellNetwork | ResidualNetwork
    metrics: Mapping[str, float]
    best_accuracy_percent: float
    n_epochs: int
    seed: int | None


def read_nds(path: Path, *, task: str = TEST_TASK, space: str | None = None) -> tuple[NdsRow, ...]:
    """Read a file of trained networks.

    Args:
        path: The file.
        task: What stands behind the slash of the accuracy's name.
        space: Name of the search space that every network must be in; None for any.

    Returns:
        One row a training, in the order of the file; repeated trainings of a network stay apart.

    Raises:
        DataFileError: If the file cannot be read or a row does not hold what it should; the
            message says which row.
        UnknownMetricError: If the name of the task is malformed.
        SearchSpaceError: If the space is unknown.
    """
    accuracy = METRICS.with_tasks(task).parse(f"accuracy_percent/{task}").name
    owner = search_spaces.get_space(space) if space else None
    if owner is not None and not isinstance(owner, CellSpace | ResidualSpace):
        message = f"Space must be one of the nds spaces, but got {space!r}."
        raise DataFileError(message)
    rows = []
    for where, row in _entries(_parsed(path), path.name):
        if not isinstance(row, dict):
            message = f"{where} must be an object, but is {type(row).__name__}."
            raise DataFileError(message)
        try:
            architecture = _architecture(row.get("net"))
            _check_owner(architecture, owner)
        except InvalidArchitectureError as error:
            message = f"{where}: {error}"
            raise DataFileError(message) from error
        rows.append(_row(row, architecture, accuracy, where))
    return tuple(rows)


def _parsed(path: Path) -> Any:
    """Parse a file."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            message = f"{path.name} must have at most {MAX_BYTES} bytes, but has {size}."
            raise DataFileError(message)
        return json.loads(path.read_bytes())
    except OSError as error:
        message = f"{path.name} must be a readable file, but is not: {error.strerror}."
        raise DataFileError(message) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataFileError):
            raise
        message = f"{path.name} must be JSON, but does not parse: {str(error)[:200]}."
        raise DataFileError(message) from error


def _entries(content: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every row with what to call it in messages."""
    if isinstance(content, dict) and set(content) == set(_PARTS):
        parts = [(f"{name}, {part}", content[part]) for part in _PARTS]
    else:
        parts = [(name, content)]
    for where, rows in parts:
        if not isinstance(rows, list):
            message = f"{where} must be a list of networks, but is {type(rows).__name__}."
            raise DataFileError(message)
        for index, row in enumerate(rows):
            yield f"{where}, row {index}", row


def _architecture(net: Any) -> CellNetwork | ResidualNetwork:
    """Read the configuration of a network."""
    if not isinstance(net, dict):
        message = f"Network must be an object, but got {str(net)[:80]!r}."
        raise InvalidArchitectureError(message)
    return cell_form.read_net(net) if "genotype" in net else residual_form.read_net(net)


def _check_owner(
    architecture: CellNetwork | ResidualNetwork, owner: CellSpace | ResidualSpace | None
) -> None:
    """Refuse a network that is not in the space."""
    if isinstance(owner, CellSpace):
        if not isinstance(architecture, CellNetwork):
            message = f"Network of {owner.name} must be one of cells, but is not."
            raise InvalidArchitectureError(message)
        owner.check(architecture)
    elif isinstance(owner, ResidualSpace):
        if not isinstance(architecture, ResidualNetwork):
            message = f"Network of {owner.name} must be one of residual stages, but is not."
            raise InvalidArchitectureError(message)
        owner.check(architecture)


def _row(
    row: Mapping[str, Any], architecture: CellNetwork | ResidualNetwork, accuracy: str, where: str
) -> NdsRow:
    """Check and convert what is kept of a row."""
    errors = row.get("test_ep_top1")
    if not isinstance(errors, list) or not 1 <= len(errors) <= _MAX_EPOCHS:
        message = f"{where} must have 'test_ep_top1', a list of 1..{_MAX_EPOCHS} errors."
        raise DataFileError(message)
    for error in errors:
        _number(error, "test_ep_top1", where, last=100.0)
    counts = {
        metric: _number(row.get(key), key, where, last=1e15, first=1.0)
        for metric, key in (("params", "params"), ("macs", "flops"))
    }
    seed = row.get("rng_seed")
    if seed is not None:
        seed = int(_number(seed, "rng_seed", where, last=2.0**64))
    return NdsRow(
        architecture=architecture,
        metrics={accuracy: 100.0 - errors[-1], **counts},
        best_accuracy_percent=100.0 - min(errors),
        n_epochs=len(errors),
        seed=seed,
    )


def _number(value: Any, key: str, where: str, *, last: float, first: float = 0.0) -> float:
    """Return a finite number within bounds."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not first <= value <= last:
        message = f"{where} must have {key!r} in {first:g}..{last:g}, but has {str(value)[:40]!r}."
        raise DataFileError(message)
    return float(value)
