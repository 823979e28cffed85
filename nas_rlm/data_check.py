"""Check every row of every known data file: it is an architecture, and its counts are exact.

A row must be an architecture of its space, come back unchanged from its published string and from
its genome, and have metrics in range. Counts that the file holds must equal ours. A deviation that
is understood and documented is counted apart and is no error: in 204 rows of NAS-Bench-201 the runs
of the benchmark report different parameters and the file has their mean.

What no count can prove, that a measured accuracy or latency is the one of the known file, the
checksum of the content tells. Another one is no error: rows of a newer file can be right too.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nas_rlm.data_files import DATA_FILES, data_folder
from nas_rlm.data_tables import (
    DataFile,
    content_sha256,
    read_architecture,
    read_lines,
    read_metrics,
)
from nas_rlm.errors import DataFileError, suggest
from nas_rlm.progress import Progress, no_progress
from search_spaces import SearchSpace, get_space

MAX_PROBLEMS = 20
"""Disagreeing rows of a file that are named; the others are only counted."""

_PROGRESS_STEP = 250
_MILLION = 1e6
_ROW = "row"
"""Name of the check that a row is an architecture with metrics in range."""


class Check(NamedTuple):
    """One number, or several, that a file and our own counting must agree on.

    Attributes:
        name: As printed.
        columns: Cells that `told` reads.
        told: What the file says.
        counted: What we count.
        is_known: Whether a deviation (told, counted) is a documented one.
    """

    name: str
    columns: tuple[str, ...]
    told: Callable[[Sequence[str]], object]
    counted: Callable[[SearchSpace[Any], Any], object]
    is_known: Callable[[Any, Any], bool] | None = None


@dataclass(frozen=True)
class Problem:
    """One row that is wrong."""

    line: int
    check: str
    told: str
    counted: str


@dataclass
class FileReport:
    """What was found in a file."""

    file: str
    space: str
    is_present: bool
    is_known_content: bool | None = None
    """Whether the checksum is the known one; None where none is known."""
    rows: int = 0
    checks: dict[str, int] = field(default_factory=dict)
    """Check to rows that agree."""
    documented: dict[str, int] = field(default_factory=dict)
    """Check to rows that deviate as documented."""
    n_wrong: int = 0
    problems: list[Problem] = field(default_factory=list)
    """The first `MAX_PROBLEMS` of them."""
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether the file is there and nothing in it is wrong."""
        return self.is_present and not self.n_wrong


def check_data(
    files: Sequence[str] | None = None,
    *,
    folder: Path | None = None,
    progress: Progress = no_progress,
) -> tuple[FileReport, ...]:
    """Check data files, every row of each.

    Args:
        files: Names of files, with or without ``.csv.gz``; None for all.
        folder: Where they lie; None for the folder that ``NAS_RLM_DATA`` names.
        progress: Called as rows are checked.

    Returns:
        One report a file, also for a file that is not there.

    Raises:
        DataFileError: If a name is unknown, or a file is truncated or lacks a column.
        DataFolderError: If the folder is missing or a file cannot be read.
    """
    chosen = list(DATA_FILES.values()) if files is None else [find_file(name) for name in files]
    place = data_folder() if folder is None else folder
    present = [file for file in chosen if (place / file.name).exists()]
    total, done, reports = sum(file.n_rows for file in present), 0, []
    for file in chosen:
        report = FileReport(file.name, file.space, is_present=file in present)
        if report.is_present:
            started = time.perf_counter()
            if file.sha256:
                report.is_known_content = content_sha256(place / file.name) == file.sha256
            for count in _checked_rows(file, place, report):
                if count % _PROGRESS_STEP == 0:
                    progress(min(done + count, total), total, {})
            done += file.n_rows
            progress(done, total, {})
            report.seconds = time.perf_counter() - started
        reports.append(report)
    return tuple(reports)


def find_file(name: str) -> DataFile:
    """Return a known file by its name, with or without ``.csv.gz``.

    Raises:
        DataFileError: If there is none.
    """
    full = name if name.endswith(".csv.gz") else f"{name}.csv.gz"
    if full not in DATA_FILES:
        message = f"Unknown data file {name!r}. {suggest(full, DATA_FILES, kind='files')}"
        raise DataFileError(message)
    return DATA_FILES[full]


def _checked_rows(file: DataFile, folder: Path, report: FileReport) -> Iterator[int]:
    """Check the rows of a file into a report; yields how many are done."""
    space = get_space(file.space)
    checks = CHECKS.get(file.name, ())
    columns = [*file.architecture_columns, *file.metric_columns.values()]
    n_plain = len(columns)
    slices = []
    for check in checks:
        slices.append(slice(len(columns), len(columns) + len(check.columns)))
        columns += check.columns
    agreed: Counter[str] = Counter(dict.fromkeys((_ROW, *(c.name for c in checks)), 0))
    documented: Counter[str] = Counter()
    for line in read_lines(folder / file.name, columns):
        report.rows += 1
        try:
            architecture = _check_row(file, space, line.cells[:n_plain])
        except DataFileError as error:
            _note(report, Problem(line.number, _ROW, str(error), ""))
            yield report.rows
            continue
        agreed[_ROW] += 1
        for check, part in zip(checks, slices, strict=True):
            counted = check.counted(space, architecture)
            told = _told(check, line.cells[part])
            if told == counted:
                agreed[check.name] += 1
            elif check.is_known is not None and check.is_known(told, counted):
                documented[check.name] += 1
            else:
                _note(report, Problem(line.number, check.name, str(told), str(counted)))
        yield report.rows
    report.checks, report.documented = dict(agreed), dict(documented)
    if report.rows != file.n_rows:
        _note(report, Problem(0, "rows", str(report.rows), str(file.n_rows)))
    limit = DOCUMENTED.get(file.name, {})
    for name, count in documented.items():
        if count != limit.get(name):
            _note(report, Problem(0, f"{name}, documented", str(count), str(limit.get(name))))


def _check_row(file: DataFile, space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read architecture and metrics of a row; it must come back from string and genome."""
    n_cells = len(file.architecture_columns)
    architecture = read_architecture(file, space, cells[:n_cells])
    if space.parse(space.format(architecture)) != architecture:
        message = f"{space.format(architecture)!r} does not parse to the architecture it names"
        raise DataFileError(message)
    if space.from_genome(space.to_genome(architecture)) != architecture:
        message = f"the genome of {space.format(architecture)!r} is another architecture"
        raise DataFileError(message)
    names = tuple(file.metric_columns)
    for name, value in zip(names, read_metrics(file, names, cells[n_cells:]), strict=True):
        low, high = _RANGES[name.partition("/")[0]]
        if value < low or value > high:
            message = f"{name} must be from {low:g} to {high:g}, but is {value!r}"
            raise DataFileError(message)
    return architecture


def _told(check: Check, cells: Sequence[str]) -> object:
    """What a file says; its cells where they cannot be read."""
    try:
        return check.told(cells)
    except ValueError:
        return ",".join(cells)[:80]


def _note(report: FileReport, problem: Problem) -> None:
    """Add a problem to a report."""
    report.n_wrong += 1
    if len(report.problems) < MAX_PROBLEMS:
        report.problems.append(problem)


_RANGES: Mapping[str, tuple[float, float]] = {
    "accuracy_percent": (0.0, 100.0),
    "latency_ms": (0.0, 1e6),
    "train_seconds": (1e-6, 1e9),
}


def _integer(cells: Sequence[str]) -> int:
    """A whole number."""
    return int(cells[0])


def _millions(cells: Sequence[str]) -> int:
    """A number of millions with up to six decimals."""
    return round(float(cells[0]) * _MILLION)


def _integers(cells: Sequence[str]) -> tuple[int, ...]:
    """Whole numbers."""
    return tuple(map(int, cells))


def _genome(space: SearchSpace[Any], architecture: Any) -> object:
    """The genes."""
    return space.to_genome(architecture)


def _params(space: SearchSpace[Any], architecture: Any) -> object:
    """Parameters as published."""
    return space.published_counts(architecture).parameters


def _mult_adds(space: SearchSpace[Any], architecture: Any) -> object:
    """Mult-adds as published."""
    return space.published_counts(architecture).mult_adds


def _nasbench201_params(name: str) -> Check:
    """Parameters of a task of NAS-Bench-201."""
    column = {"": "c10", "_cifar100": "c100", "_imagenet16": "in16"}[name]
    space = get_space(f"nasbench201{name}")
    return Check(
        f"{column} parameters",
        (f"{column}_params_M",),
        _millions,
        lambda _, cell: space.published_counts(cell).parameters,
        _is_mean_over_other_networks,
    )


def _is_mean_over_other_networks(told: Any, counted: Any) -> bool:
    """Whether a count is the mean of up to three, some of which lack convolutions of the cell.

    A run that disagrees lacks, or has, whole edges: 28,000 parameters for a 1x1 and 243,040 for a
    3x3 convolution, over all cells of the network.
    """
    return isinstance(told, int) and any(
        edges and abs((counted - told) * n_runs - edges) <= n_runs
        for n_runs in (1, 2, 3)
        for edges in _EDGE_SUMS
    )


_EDGE_SUMS = frozenset(
    28_000 * n_1x1 + 243_040 * n_3x3 for n_1x1 in range(-15, 16) for n_3x3 in range(-15, 16)
)


def _nasbench201_formula(cells: Sequence[str]) -> int:
    """Mult-adds of a NAS-Bench-201 cell by the closed formula of the published table."""
    n_1x1, n_3x3, n_pools = (cells.count(op) for op in "234")
    return 7_943_872 + 4_362_240 * n_1x1 + 35_819_520 * n_3x3 + 1_290_240 * n_pools


def _nasbench101_hash(_: SearchSpace[Any], cell: Any) -> object:
    """The published hash."""
    from search_spaces.nasbench101.module_hash import module_hash

    return module_hash(cell)


def _nasbench301(index: int) -> Callable[[SearchSpace[Any], Any], object]:
    """Parameters (0) or FLOPs (1) by the convention of NAS-Bench-301."""

    def counted(_: SearchSpace[Any], network: Any) -> object:
        from search_spaces.nds.cell_counts import nasbench301_counts

        return nasbench301_counts(network)[index]

    return counted


_NASBENCH201_OPS = tuple(f"op{edge}" for edge in range(6))
_MACRO_OPS = tuple(f"op{layer}" for layer in range(8))

CHECKS: Mapping[str, tuple[Check, ...]] = {
    "nasbench201.csv.gz": (
        Check("operations", _NASBENCH201_OPS, _integers, _genome),
        _nasbench201_params(""),
        _nasbench201_params("_cifar100"),
        _nasbench201_params("_imagenet16"),
        Check("mult-adds", _NASBENCH201_OPS, _nasbench201_formula, _mult_adds),
    ),
    "nasbench101.csv.gz": (
        Check("module hash", ("hash",), lambda cells: cells[0], _nasbench101_hash),
        Check("parameters", ("params",), _integer, _params),
        Check(
            "vertices, edges",
            ("n_vertices", "n_edges"),
            _integers,
            lambda _, cell: (len(cell.matrix), cell.n_edges),
        ),
    ),
    "ofa_mbv3_accuracy.csv.gz": (
        Check("parameters", ("params",), _integer, _params),
        Check("mult-adds", ("macs",), _integer, _mult_adds),
    ),
    "ofa_mbv3_latency.csv.gz": (Check("mult-adds", ("macs",), _integer, _mult_adds),),
    "nasbench_macro.csv.gz": (
        Check("operations", _MACRO_OPS, _integers, _genome),
        Check("parameters", ("params",), _integer, _params),
        Check("mult-adds", ("flops",), _integer, _mult_adds),
    ),
    "darts_nb301_surrogate.csv.gz": (
        Check("parameters", ("params_M",), _millions, _nasbench301(0)),
        Check("FLOPs", ("flops_M",), _millions, _nasbench301(1)),
    ),
}
"""File name to its checks beside `_ROW`; FBNet and ENAS publish no counts."""

DOCUMENTED: Mapping[str, Mapping[str, int]] = {
    "nasbench201.csv.gz": {f"{task} parameters": 204 for task in ("c10", "c100", "in16")}
}
"""File name to check to the rows that deviate as documented; any other number is an error."""
