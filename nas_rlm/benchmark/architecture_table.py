"""What a published table holds, whatever its format: architectures of one space and metrics."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import search_spaces
from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.errors import BenchmarkError
from search_spaces.errors import SearchSpaceError


@dataclass(frozen=True)
class ArchitectureTable:
    """Rows of a published table."""

    space: str
    architectures: tuple[str, ...]
    """Published strings, as the search space formats them."""
    metrics: tuple[Mapping[str, float], ...]
    """Per architecture: metric name to value; what the table lacks is absent."""

    def __len__(self) -> int:
        return len(self.architectures)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Every metric of at least one row, in order of first appearance."""
        return tuple(dict.fromkeys(name for row in self.metrics for name in row))

    def write_csv(self, path: Path) -> None:
        """Write the rows as ``nas-rlm train --csv`` reads them.

        Args:
            path: The file; replaced if it exists.

        Raises:
            RunFolderError: If it cannot be written.
        """
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["architecture", *self.metric_names])
        for string, row in zip(self.architectures, self.metrics, strict=True):
            writer.writerow(
                [string, *[repr(row[n]) if n in row else "" for n in self.metric_names]]
            )
        with explained(path, "be written"):
            write_atomically(path, stream.getvalue().encode())


def checked_string(space: search_spaces.SearchSpace[object], string: object, where: str) -> str:
    """Return the published string of an architecture as its space formats it.

    Args:
        space: The search space.
        string: What a file holds.
        where: File and row, for the message.

    Raises:
        BenchmarkError: If it is not an architecture of the space.
    """
    if not isinstance(string, str):
        message = f"{where}: architecture must be a string, but is {str(string)[:80]!r}."
        raise BenchmarkError(message)
    try:
        return space.format(space.parse(string))
    except SearchSpaceError as error:
        message = f"{where}: {error}"
        raise BenchmarkError(message) from error
