"""`nas-rlm add-device`: latencies of a device of your own, from some tens of measurements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas_rlm.cli.checkpoints import ModelOption, say_if_shipped
from nas_rlm.cli.measure import say_how_measured
from nas_rlm.cli.output import JsonOption, SeedOption, print_json, progress_bar, say
from nas_rlm.cli.training_rows import print_metrics

if TYPE_CHECKING:
    from nas_rlm.new_device import DeviceReport


def add_device(
    name: Annotated[str, typer.Argument(help="Name of the device: a-z, 0-9 and _.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="CSV or .parquet file of measurements: a column `file`, `text` or "
            "`architecture` and a column `latency_ms`; with --measure, ONNX files."
        ),
    ] = None,
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Checkpoint folder to write, must be new; model-NAME otherwise."),
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Search space of the column `architecture`.")
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Take the latencies of ONNX files on this machine, and keep them in OUT.csv.",
        ),
    ] = False,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Learn the latencies of a new device from some tens of measurements.

    The metric latency_ms/NAME is learned as a linear function of what is predicted for the known
    devices that order the measured networks best. The new checkpoint knows it beside all that the
    old one knows.
    """
    import surrogates
    from nas_rlm.new_device import add_device as learn_device
    from nas_rlm.new_device import latency_of
    from nas_rlm.pretrained import checkpoint_folder
    from nas_rlm.row_files import read_rows
    from nas_rlm.training import check_new_folder

    folder = Path(f"model-{name}") if out is None else out
    table = _table(name, files or [], folder, is_measured=measure)
    start = surrogates.load_surrogate(checkpoint_folder(model))
    metric = latency_of(name, start)
    check_new_folder(folder)
    if measure:
        _measure(files or [], table, metric, seed)
    with progress_bar("reading rows") as progress:
        rows = read_rows(table, space=space, device=name, progress=progress)
    report = learn_device(rows, name, start, folder)
    say_if_shipped(model)
    if json:
        print_json(report.to_mapping())
        return
    print_metrics([report.latencies])
    say(_origin(report))
    say(
        "Each network predicted by all others: off by "
        f"{report.left_out_error_percent:.1f} % (median), Kendall tau "
        f"{report.left_out_kendall_tau:.3f}."
    )
    say(f"The new checkpoint knows {metric} and all that the old one knows: {folder}")


def _table(name: str, files: list[Path], folder: Path, *, is_measured: bool) -> Path:
    """Return the file of rows: the one given, or the one that measurements will be kept in.

    Raises:
        ConfigError: If there is not one file, too little to measure, or a file in the way.
    """
    from nas_rlm.errors import ConfigError
    from nas_rlm.new_device import MIN_LATENCIES

    if not is_measured and len(files) == 1:
        return files[0]
    if not is_measured:
        message = (
            f"`add-device` needs one file of measurements, but got {len(files)}. With --measure it "
            "takes ONNX files and measures them."
        )
        raise ConfigError(message)
    if not files:
        message = "Nothing to measure: name ONNX files behind --measure."
        raise ConfigError(message)
    if not folder.name:
        message = f"`--out` must name a new folder, but is {str(folder)!r}."
        raise ConfigError(message)
    table = folder.with_name(f"{folder.name}.csv")
    if table.exists():
        message = (
            f"{str(table)!r} exists already. Go on from its latencies with "
            f"`nas-rlm add-device {name} {table}`, or name another folder with --out."
        )
        raise ConfigError(message)
    n_different = len({file.resolve() for file in files})
    if n_different < MIN_LATENCIES:
        message = (
            f"A new device needs at least {MIN_LATENCIES} different latencies, better some tens, "
            f"but got {n_different} different files. Name more behind --measure."
        )
        raise ConfigError(message)
    return table


def _measure(files: list[Path], table: Path, metric: str, seed: int) -> None:
    """Measure files and keep the latencies."""
    from nas_rlm.measure.protocol import Protocol
    from nas_rlm.measured_files import measure_files, write_latencies

    with progress_bar("measuring") as progress:
        measured = measure_files(files, Protocol(), seed=seed, progress=progress)
    write_latencies(table, files, measured, metric)
    say_how_measured(measured)
    say(f"Latencies: {table}")


def _origin(report: "DeviceReport") -> str:
    """Say which known metric a new one is most like."""
    metric, nearest = report.latencies.metric, report.nearest
    if nearest is None:
        return f"{metric} follows from other known metrics, since none is a latency."
    return (
        f"{metric} is nearest to {nearest.metric}, whose predictions order these networks with a "
        f"Kendall tau of {nearest.kendall_tau:.3f}, the best of {nearest.candidates} known "
        "latencies."
    )
