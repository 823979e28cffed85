"""The log of a training: a line of JSON every few steps, and events for TensorBoard if wanted.

A line has ``step`` (of all members together), ``total``, ``seconds`` of training so far, and what
the surrogate told: ``loss`` and, after a first cycle, ``held_out_kendall_tau/METRIC``. A training
that goes on after a kill repeats some steps; their older lines are dropped, so that a step never
stands twice.
"""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.errors import ConfigError
from nas_rlm.json_lines import JsonLinesLog, read_json_lines
from nas_rlm.progress import Progress

LINE_STEPS = 10
"""Steps between two lines; a step that tells more than the loss, and the last, have one too."""


class TrainingLog:
    """A `Progress` that writes down what it is told and passes it on.

    Use it as a context manager, which closes the files.
    """

    def __init__(self, path: Path, shown: Progress, *, events: Path | None = None) -> None:
        """Prepare a log; files are made at the first line.

        Args:
            path: Of the JSON lines.
            shown: Called with every step.
            events: Folder of TensorBoard events; None for none.

        Raises:
            ConfigError: If events are wanted and tensorboard is not installed.
        """
        self._path = path
        self._shown = shown
        self._events = events
        self._start = time.perf_counter()
        self._lines: JsonLinesLog | None = None
        self._writer: Any = None
        self._writer_class = None if events is None else _summary_writer()

    def __call__(self, step: int, total: int, scalars: Mapping[str, float]) -> None:
        """Take a step; see `Progress`.

        Raises:
            RunFolderError: If the log cannot be read or written.
        """
        self._shown(step, total, scalars)
        is_due = step % LINE_STEPS == 0 or step == total or len(scalars) > 1
        if not scalars or not is_due:
            return
        lines = self._lines or self._open(step)
        values = {k: v if math.isfinite(v) else None for k, v in scalars.items()}
        seconds = round(time.perf_counter() - self._start, 3)
        lines.append({"step": step, "total": total, "seconds": seconds, **values})
        if self._writer is not None:
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._writer is not None:
            self._writer.close()

    def _open(self, step: int) -> JsonLinesLog:
        """Open the files and drop what an earlier process wrote of this step and later ones."""
        earlier = [line for line in read_json_lines(self._path) if line.get("step", 0) < step]
        with explained(self._path, "be written"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(
                self._path, "".join(json.dumps(line) + "\n" for line in earlier).encode()
            )
        if earlier:
            self._start -= float(earlier[-1].get("seconds", 0.0))
        self._lines = JsonLinesLog(self._path, is_durable=False)
        if self._writer_class is not None:
            self._writer = self._writer_class(str(self._events), purge_step=step)
        return self._lines


def _summary_writer() -> Any:
    """Return the class that writes events."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        message = (
            "TensorBoard events need the package tensorboard, which is not installed. Install the "
            "extra: pip install 'nas-rlm[track]', or train without it."
        )
        raise ConfigError(message) from error
    return SummaryWriter
