"""The files of measured architectures in the folder that ``NAS_RLM_DATA`` names.

The folder is the user's; the package holds none of it. `DATA_FILES` lists the known files: add a
`nas_rlm.data_tables.DataFile` there to read another one. Where a number is not what its name
usually says (a surrogate's output, shared weights, a split, fewer epochs), the task behind the
slash says so; see ``docs/units.md``.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_rlm.data_tables import DataFile, read_architecture, read_lines, read_metrics
from nas_rlm.errors import DataFileError, DataFolderError, suggest
from search_spaces import SearchSpace, get_space

DATA_VARIABLE = "NAS_RLM_DATA"
"""Environment variable that names the folder."""

ENAS_LAYERS = 6
DARTS_EDGES = 8
OFA_LAYERS, OFA_STAGES = 20, 5
NASBENCH101_EPOCHS = (4, 12, 36, 108)


@dataclasses.dataclass(frozen=True)
class MetricTable:
    """Architectures of one space with their metrics."""

    space: str
    genomes: NDArray[np.int64]
    """Shape ``(n, genes)``, no two rows equal."""
    metrics: dict[str, NDArray[np.float64]]
    """Metric name to shape ``(n,)``, in the metric's unit, NaN where not measured."""


def _parsed(space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read a published string that is one cell."""
    return space.parse(cells[0])


def _nasbench101(space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read adjacency bits and interior operations."""
    return space.parse(f"{cells[0]} {cells[1]}")


def _fbnet(space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read 22 operation indices."""
    return space.parse(",".join(cells))


def _nasbench_macro(space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read eight digits behind the letter that keeps their zeros."""
    if not cells[0].startswith("a"):
        message = f"'arch' must begin with 'a', but is {cells[0][:50]!r}"
        raise DataFileError(message)
    return space.parse(cells[0][1:])


def _ofa_mbv3(space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read kernel sizes, expansion ratios, depths and resolution."""
    from search_spaces.ofa_mobile.architecture import MobileArchitecture

    numbers = [int(cell) for cell in cells]
    depths = 2 * OFA_LAYERS
    architecture = MobileArchitecture(
        kernels=tuple(numbers[:OFA_LAYERS]),
        expansions=tuple(numbers[OFA_LAYERS:depths]),
        depths=tuple(numbers[depths:-1]),
        resolution=numbers[-1],
    )
    space.to_genome(architecture)  # refuses what is not in the space
    return architecture


def _nasbench301(space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read inputs and operations of the edges, normal cell before reduction cell."""
    from search_spaces.nds.nasbench301 import from_compact

    numbers = [int(cell) for cell in cells]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    architecture = from_compact(pairs[:DARTS_EDGES], pairs[DARTS_EDGES:])
    space.to_genome(architecture)
    return architecture


def _enas_macro(space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read operation and skip bits of each layer; the letter before the bits keeps their zeros.

    What is returned is the network that was scored: skips as the row has them, max pooling in every
    layer. The program that scored them (see `search_spaces.enas_macro.network`) builds all six
    operations of a layer, and binds the choice among them late, so that the last one always runs. The
    accuracies say the same: 3,548 patterns of skips occur with several operations, and none of them
    with two accuracies.
    """
    numbers = []
    for op, skips in zip(cells[::2], cells[1::2], strict=True):
        if not skips.startswith("b"):
            message = f"skips must begin with 'b', but are {skips[:50]!r}"
            raise DataFileError(message)
        numbers += [op, *skips[1:]]
    named = space.parse(" ".join(numbers))
    return dataclasses.replace(named, ops=("max_pool_3x3",) * ENAS_LAYERS)


_NASBENCH201_TASKS = {"cifar10": "c10", "cifar100": "c100", "imagenet16": "in16"}
_PHONES_AND_CPUS = (
    "essential_ph_1",
    "fpga",
    "gold_6226",
    "gold_6240",
    "pixel2",
    "pixel3",
    "samsung_a50",
    "samsung_s7",
    "silver_4114",
    "silver_4210r",
)
_GPUS = ("1080ti", "2080ti", "titan_rtx", "titanx", "titanxp")
_OFA_GPUS = {"2080ti": "2080ti", "titan_rtx": "titan_rtx", "titanxp": "titan_xp", "v100": "v100"}
_OFA_COLUMNS = (
    *(f"ks{layer}" for layer in range(OFA_LAYERS)),
    *(f"e{layer}" for layer in range(OFA_LAYERS)),
    *(f"d{stage}" for stage in range(OFA_STAGES)),
    "r",
)


def _latencies(*batches: int) -> dict[str, str]:
    """Latency metrics of the devices of HELP to their columns."""
    gpus = [f"{gpu}_{batch}" for gpu in _GPUS for batch in batches]
    return {f"latency_ms/{name}": f"help_{name}_ms" for name in (*gpus, *_PHONES_AND_CPUS)}


_EPOCHS = {f"accuracy_percent/cifar10_{n}epochs": f"val{n}" for n in NASBENCH101_EPOCHS}

DATA_FILES: dict[str, DataFile] = {
    file.name: file
    for file in (
        DataFile(
            name="nasbench201.csv.gz",
            space="nasbench201",
            architecture_columns=("arch_str",),
            read_architecture=_parsed,
            metric_columns={
                **{f"accuracy_percent/{t}": f"{c}_val" for t, c in _NASBENCH201_TASKS.items()},
                "accuracy_percent/cifar10_test": "c10_test_vis",
                **{
                    f"train_seconds/{t}": f"{c}_train_time_s"
                    for t, c in _NASBENCH201_TASKS.items()
                },
                **_latencies(1, 32, 256),
                **{
                    f"latency_ms/nnmeter_{d}": f"nnmeter_{d}_ms"
                    for d in ("cpu", "gpu", "gpu1", "vpu")
                },
            },
            n_rows=15_625,
            sha256="19479c44583d200707ea436a7f4288c2ce8fc2502324cbbe77ee3d13b28f64b5",
        ),
        DataFile(
            name="nasbench101.csv.gz",
            space="nasbench101",
            architecture_columns=("adj", "ops"),
            read_architecture=_nasbench101,
            metric_columns={**_EPOCHS, "train_seconds/cifar10_108epochs": "time108_s"},
            metric_factors=dict.fromkeys(_EPOCHS, 100.0),
            n_rows=23_985,
            sha256="fc89cd0c5a27bc05afbfb642502664860dc60a8467730554474fe046029bfad6",
        ),
        DataFile(
            name="fbnet.csv.gz",
            space="fbnet",
            architecture_columns=tuple(f"op{layer}" for layer in range(22)),
            read_architecture=_fbnet,
            metric_columns=_latencies(1, 32, 64),
            n_rows=5_000,
            sha256="4805079b65892df3472aa033a18b2020e7240e0e73d2695fbe8960d8018e0fc2",
        ),
        DataFile(
            name="ofa_mbv3_accuracy.csv.gz",
            space="ofa_mbv3",
            architecture_columns=_OFA_COLUMNS,
            read_architecture=_ofa_mbv3,
            metric_columns={"accuracy_percent/imagenet": "top1"},
            n_rows=1_937,
            sha256="ad776fc6b715c04ca7e2246fb870e7a58e376c45e9ce67efb46fc392e5ce0eff",
        ),
        DataFile(
            name="ofa_mbv3_latency.csv.gz",
            space="ofa_mbv3",
            architecture_columns=_OFA_COLUMNS,
            read_architecture=_ofa_mbv3,
            metric_columns={
                f"latency_ms/{gpu}_{batch}": f"help_{column}_{batch}_ms"
                for gpu, column in _OFA_GPUS.items()
                for batch in (1, 32, 64)
            },
            n_rows=5_000,
            sha256="7e0f0406f4cfd50929afc55e4de2440bce5d4d3e387bb60f3d64d0ab7e7502fc",
        ),
        DataFile(
            name="nasbench_macro.csv.gz",
            space="nasbench_macro",
            architecture_columns=("arch",),
            read_architecture=_nasbench_macro,
            metric_columns={"accuracy_percent/cifar10": "acc_mean"},
            n_rows=6_561,
            sha256="cb7baac715be9fac42fc9c69d72105c77cc1a97f69a3efc6fed88a799c791a15",
        ),
        DataFile(
            name="darts_nb301_surrogate.csv.gz",
            space="nds_darts",
            architecture_columns=tuple(
                f"{cell}{edge}_{what}"
                for cell in "nr"
                for edge in range(DARTS_EDGES)
                for what in ("in", "op")
            ),
            read_architecture=_nasbench301,
            metric_columns={"accuracy_percent/cifar10_surrogate": "val_acc"},
            n_rows=1_218,
            sha256="9c318a95f856cabc73e1df6f2d515624d668defa70bf62039435081a7dd0071f",
        ),
        DataFile(
            name="enas_weight_sharing.csv.gz",
            space="enas_macro",
            architecture_columns=tuple(
                f"{what}{layer}" for layer in range(ENAS_LAYERS) for what in ("op", "skip")
            ),
            read_architecture=_enas_macro,
            metric_columns={"accuracy_percent/cifar10_shared_weights": "ws_acc"},
            metric_factors={"accuracy_percent/cifar10_shared_weights": 100.0},
            n_rows=20_020,
            sha256="419b5f0ed3619f4d893c21be0324d93c3ce97620e173159ffac093711f7ba414",
            n_first_rows=1_000,  # of the supernet's warm-up
        ),
    )
}
"""File name to file; a space may have several."""


def files_of(space: str) -> tuple[DataFile, ...]:
    """Return the files that hold architectures of a space; none for most spaces."""
    return tuple(file for file in DATA_FILES.values() if file.space == space)


def metrics_of(space: str) -> tuple[str, ...]:
    """Return every metric that the files of a space hold."""
    return tuple(dict.fromkeys(name for file in files_of(space) for name in file.metric_columns))


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of measured architectures.

    Args:
        environment: Where the variable is looked up.

    Returns:
        The folder, which exists.

    Raises:
        DataFolderError: If the variable is not set or does not name a folder.
    """
    value = environment.get(DATA_VARIABLE, "")
    if not value:
        message = (
            f"The environment variable {DATA_VARIABLE} is not set. "
            "Set it to the folder that holds the files of measured architectures."
        )
        raise DataFolderError(message)
    folder = Path(value)
    if not folder.is_dir():
        message = (
            f"{DATA_VARIABLE} must name a folder of measured architectures, but {value!r} is none."
        )
        raise DataFolderError(message)
    return folder


def read_metric_table(
    space: str, metrics: Sequence[str] | None = None, *, folder: Path | None = None
) -> MetricTable:
    """Read genomes and metrics of a space from its files.

    Args:
        space: A space with at least one file in `DATA_FILES`.
        metrics: Which metrics; None for all that its files have. Only files with one are read.
        folder: Where the files lie; None for `data_folder`.

    Returns:
        The table: every architecture once, in the order of its first row. A metric that an
        architecture was measured for several times is the mean.

    Raises:
        DataFolderError: If the folder or a file is missing or unreadable.
        DataFileError: If the space or a metric is in no file, or the content is wrong.
    """
    files = files_of(space)
    if not files:
        known = {file.space for file in DATA_FILES.values()}
        message = f"No data file for space {space!r}. {suggest(space, known, kind='spaces')}"
        raise DataFileError(message)
    wanted = metrics_of(space) if metrics is None else tuple(dict.fromkeys(metrics))
    for name in wanted:
        if name not in metrics_of(space):
            hint = suggest(name, metrics_of(space), kind="metrics")
            message = f"No data file of space {space!r} has a metric {name!r}. {hint}"
            raise DataFileError(message)
    place = data_folder() if folder is None else folder
    rows: dict[tuple[int, ...], int] = {}
    cells: list[tuple[int, int, float]] = []
    for file in files:
        own = [index for index, name in enumerate(wanted) if name in file.metric_columns]
        if own:
            _read_file(file, place, [wanted[index] for index in own], own, rows, cells)
    genomes = np.array(list(rows), dtype=np.int64).reshape(len(rows), -1)
    columns = _means(cells, len(rows), len(wanted))
    return MetricTable(
        space, genomes, {name: columns[:, index] for index, name in enumerate(wanted)}
    )


def _read_file(
    file: DataFile,
    folder: Path,
    names: Sequence[str],
    places: Sequence[int],
    rows: dict[tuple[int, ...], int],
    cells: list[tuple[int, int, float]],
) -> None:
    """Add the rows of a file: genomes to `rows`, (row, column, value) to `cells`."""
    space = get_space(file.space)
    n_cells = len(file.architecture_columns)
    columns = [*file.architecture_columns, *(file.metric_columns[name] for name in names)]
    n_read = 0
    for line in read_lines(folder / file.name, columns):
        n_read += 1
        try:
            architecture = read_architecture(file, space, line.cells[:n_cells])
            values = read_metrics(file, names, line.cells[n_cells:])
        except DataFileError as error:
            message = f"{file.name}, line {line.number}: {error}."
            raise DataFileError(message) from error
        if n_read > file.n_first_rows:
            row = rows.setdefault(space.to_genome(architecture), len(rows))
            cells += [(row, place, value) for place, value in zip(places, values, strict=True)]
    if n_read != file.n_rows:
        message = f"{file.name} must have {file.n_rows} rows, but has {n_read}. Get it anew."
        raise DataFileError(message)


def _means(
    cells: Sequence[tuple[int, int, float]], n_rows: int, n_columns: int
) -> NDArray[np.float64]:
    """Mean of the values of each place, NaN where there is none, shape ``(n_rows, n_columns)``."""
    sums, counts = np.zeros((n_rows, n_columns)), np.zeros((n_rows, n_columns))
    if cells:
        rows, columns, values = (np.array(part) for part in zip(*cells, strict=True))
        is_known = ~np.isnan(values)
        place = (rows[is_known], columns[is_known])
        np.add.at(sums, place, values[is_known])
        np.add.at(counts, place, 1)
    counts[counts == 0] = np.nan
    return np.asarray(sums / counts, dtype=np.float64)
