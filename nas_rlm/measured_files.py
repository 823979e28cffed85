"""Network files measured on this machine, and their latencies as a file of rows."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.measure.interleaved import measure_many
from nas_rlm.measure.protocol import Measurement, Protocol
from nas_rlm.network_files import read_runnable
from nas_rlm.progress import Progress, no_progress


def measure_files(
    files: Sequence[Path],
    protocol: Protocol,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[Measurement]:
    """Time network files in interleaved rounds.

    Args:
        files: ONNX files, binary or text, at least one; weights that a file does not hold are
            drawn at random.
        protocol: How.
        seed: Seed of weights, inputs and order.
        progress: Called as rounds are taken.

    Returns:
        One measurement per file; one that is not stable says so.

    Raises:
        SearchSpaceError: If a file cannot be read.
        MeasurementError: If a network cannot be run.
    """
    models = [read_runnable(file, seed=seed) for file in files]
    return measure_many(
        models,
        protocol,
        names=[str(file) for file in files],
        seed=seed,
        progress=lambda step, total: progress(step, total, {}),
    )


def write_latencies(
    path: Path, files: Sequence[Path], measured: Sequence[Measurement], metric: str
) -> None:
    """Write latencies as rows that `nas_rlm.row_files.read_rows` reads.

    Args:
        path: CSV file; replaced if it exists. It names the networks relative to its folder.
        files: The networks.
        measured: One measurement per file.
        metric: Name of the column.

    Raises:
        RunFolderError: If it cannot be written.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", metric])
    for file, item in zip(files, measured, strict=True):
        writer.writerow([os.path.relpath(file, path.parent), repr(item.value)])
    with explained(path, "be written"):
        write_atomically(path, stream.getvalue().encode())
