"""`nas-rlm measure`: latency of ONNX files on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas_rlm.cli.output import (
    JsonOption,
    SeedOption,
    print_json,
    print_table,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from nas_rlm.measure.protocol import Measurement


def measure(
    files: Annotated[list[Path], typer.Argument(help="ONNX files: .onnx or ONNX text.")],
    threads: Annotated[int, typer.Option(help="Threads of one forward pass.")] = 1,
    rounds: Annotated[
        int, typer.Option(help="How often the list is gone through; retries come on top.")
    ] = 3,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Time ONNX files on this machine.

    Files are timed in onnxruntime, in interleaved rounds. Weights that a file does not hold are
    drawn at random.
    """
    from nas_rlm.measure.protocol import Protocol
    from nas_rlm.measured_files import measure_files

    protocol = Protocol(threads=threads, rounds=rounds)
    with progress_bar("measuring") as progress:
        measured = measure_files(files, protocol, seed=seed, progress=progress)
    if json:
        rows = [
            {"file": str(file), **item.to_mapping()}
            for file, item in zip(files, measured, strict=True)
        ]
        for row in rows:
            del row["environment"], row["protocol"]
        print_json(
            {
                "environment": measured[0].environment.to_mapping(),
                "protocol": measured[0].to_mapping()["protocol"],
                "seed": seed,
                "rows": rows,
            }
        )
    else:
        print_table(
            ("file", "median ms", "p95 ms", "runs", "p90/p50", "stable"),
            [
                (
                    file,
                    f"{item.value:.3f}",
                    f"{item.p95:.3f}",
                    len(item.samples_ms),
                    f"{item.spread:.2f}",
                    "yes" if item.is_stable else "no",
                )
                for file, item in zip(files, measured, strict=True)
            ],
        )
    say_how_measured(measured)


def say_how_measured(measured: "Sequence[Measurement]") -> None:
    """Say on which machine, and whether a latency is not stable."""
    environment, protocol = measured[0].environment, measured[0].protocol
    say(f"Measured on {environment.short}, {environment.cores} cores, {environment.system}.")
    if not all(item.is_stable for item in measured):
        limit = protocol.stability_limit
        say(
            f"Unstable: p90/p50 above {limit}. Stop other work, or measure more rounds (`nas-rlm measure --rounds`)."
        )
