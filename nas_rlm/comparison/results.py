"""The file of a comparison: one JSON document, rows added as they are measured.

``{"protocol", "rows": [{"method", "target", "n", "seed", "metric", "value", "train_seconds",
"predict_seconds", "commit", "machine"}]}``. A run that is interrupted goes on after the last row.
Seconds are those of the cell; a cell that serves several targets has the same in all their rows. The
commit is that of the working tree when the row was measured. Older files have one machine for all
rows, beside them.
"""

import functools
import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.errors import DatasetError
from nas_rlm.measure.device import current_environment

RESULTS_FILE = "results.json"
_SHARED = ", shared by several cells at once"

Cell = tuple[str, str, int, int]
"""Method, target, training rows, seed: what is trained and tested at once."""


@dataclass(frozen=True)
class Row:
    """One figure."""

    method: str
    target: str
    n: int
    seed: int
    metric: str
    value: float
    train_seconds: float
    predict_seconds: float
    commit: str = ""
    machine: str = ""

    @property
    def cell(self) -> Cell:
        """What was trained and tested for this figure."""
        return self.method, self.target, self.n, self.seed


@dataclass
class Results:
    """All figures of one protocol."""

    protocol: str
    rows: list[Row] = field(default_factory=list)

    @property
    def methods_of_commits(self) -> dict[str, dict[str, list[str]]]:
        """Machine to commits to methods, all in the order in which something was measured there."""
        found: dict[str, dict[str, dict[str, None]]] = {}
        for row in self.rows:
            found.setdefault(row.machine, {}).setdefault(row.commit, {})[row.method] = None
        return {
            machine: {commit: list(methods) for commit, methods in commits.items()}
            for machine, commits in found.items()
        }

    @property
    def cells(self) -> set[Cell]:
        """What is measured already."""
        return {row.cell for row in self.rows}

    def add(self, rows: Iterable[Row], folder: Path, *, processes: int = 1) -> None:
        """Add figures and write the file.

        Args:
            rows: The figures.
            folder: Where the file is.
            processes: How many cells ran at once; if not 1, the machine of the rows says so.

        Raises:
            RunFolderError: If it cannot be written.
        """
        commit = current_commit()
        machine = current_machine() + (_SHARED if processes != 1 else "")
        self.rows += [replace(row, commit=commit, machine=machine) for row in rows]
        document: dict[str, Any] = {
            "protocol": self.protocol,
            "rows": [asdict(row) for row in self.rows],
        }
        with explained(folder, "be written"):
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(document, indent=1, allow_nan=False)
            write_atomically(folder / RESULTS_FILE, text.encode())


def read_results(folder: Path, protocol: str) -> Results:
    """Read the figures of a protocol, none if the folder has no file.

    Raises:
        DatasetError: If the file is damaged or belongs to another protocol.
    """
    path = folder / RESULTS_FILE
    if not path.exists():
        return Results(protocol)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        shared = {"machine": document["machine"]} if "machine" in document else {}
        rows = [_row({**shared, **row}) for row in document["rows"]]
        results = Results(document["protocol"], rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path.name} of {folder.name!r} is damaged: {error!r}. Delete it and run again."
        raise DatasetError(message) from error
    if results.protocol != protocol:
        message = (
            f"{path.name} must hold protocol {protocol!r}, but holds {results.protocol!r}. "
            "Choose another folder."
        )
        raise DatasetError(message)
    return results


def _row(values: dict[str, Any]) -> Row:
    """Read one figure.

    Raises:
        TypeError: If a value is missing, unknown or of another type.
    """
    row = Row(**values)
    for name, kind in Row.__annotations__.items():
        value = getattr(row, name)
        if not isinstance(value, int | float if kind is float else kind):
            message = f"{name!r} is {value!r}"
            raise TypeError(message)
    return row


@functools.cache
def current_commit() -> str:
    """Return the commit of the working tree, ``+`` appended if it has changes; asked once."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "*.py", "*.toml")
    return commit if changed == "" else f"{commit}+"


def current_machine() -> str:
    """Describe processor and threads in one line."""
    import torch

    environment = current_environment()
    return f"{environment.cpu_model}, {torch.get_num_threads()} threads"


def _git(*arguments: str) -> str | None:
    """Output of a git command in the folder of the package, None if it cannot be run."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - the user's git
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
