"""The known files of measured architectures: one row of each, and how rows become a table."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from nas_rlm import data_files
from nas_rlm.benchmark.nasbench201 import TASK_FILES, Nasbench201Table
from nas_rlm.benchmark_rows import benchmark_rows
from nas_rlm.data_files import DATA_FILES, data_folder, files_of, metrics_of, read_metric_table
from nas_rlm.data_tables import DataFile, read_architecture
from nas_rlm.errors import DataFileError, DataFolderError
from nas_rlm.metrics import parse_metric
from search_spaces import get_space

SMALL = DataFile(
    name="small.csv",
    space="nasbench_macro",
    architecture_columns=("arch",),
    read_architecture=DATA_FILES["nasbench_macro.csv.gz"].read_architecture,
    metric_columns={"latency_ms/fpga": "fpga", "accuracy_percent/cifar10": "share"},
    n_rows=4,
    metric_factors={"accuracy_percent/cifar10": 100.0},
    n_first_rows=1,
)
OTHER = DataFile(
    name="other.csv",
    space="nasbench_macro",
    architecture_columns=("arch",),
    read_architecture=SMALL.read_architecture,
    metric_columns={"latency_ms/pixel3": "ms"},
    n_rows=2,
)
ROWS = "fpga,arch,share\n9,a22222222,0\n1.5,a00000001,0.9\n,a00000002,0.8\n2.5,a00000001,0.7\n"
OTHERS = "arch,ms\na00000002,7\na20000000,8\n"
PUBLISHED = {
    "nasbench201.csv.gz": (
        ["|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
         "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"],
        (4, 2, 1, 2, 1, 1),
    ),
    "nasbench101.csv.gz": (
        ["011000001110000101000010000001000000", "conv1x1,conv3x3,conv1x1,conv3x3"],
        "011000001110000101000010000001000000 "
        "input,conv1x1-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,conv3x3-bn-relu,output",
    ),
    "fbnet.csv.gz": (
        list("7818488874147327324245"),
        tuple(map(int, "7818488874147327324245")),
    ),
    "ofa_mbv3_accuracy.csv.gz": (
        [*"55553777757333555755", *"43636633644634364434", *"33343", "224"],
        '{"ks": [5, 5, 5, 5, 3, 7, 7, 7, 7, 5, 7, 3, 3, 3, 5, 5, 5, 7, 5, 5], "e": [4, 3, 6, 3, '
        '6, 6, 3, 3, 6, 4, 4, 6, 3, 4, 3, 6, 4, 4, 3, 4], "d": [3, 3, 3, 4, 3], "r": 224}',
    ),
    "ofa_mbv3_latency.csv.gz": (
        [*"3" * 20, *"4" * 20, *"22222", "128"],
        (0,) * 20 + (1,) * 20 + (0,) * 6,
    ),
    "nasbench_macro.csv.gz": (["a02012100"], "02012100"),
    "darts_nb301_surrogate.csv.gz": (
        list("00151101132313321002130330012036"),
        ("max_pool_3x3", 0, "dil_conv_3x3", 1),  # operation and input of the first two edges
    ),
    "enas_weight_sharing.csv.gz": (
        ["1", "b", "4", "b0", "5", "b00", "0", "b111", "2", "b1111", "3", "b00001"],
        "5 5 0 5 0 0 5 1 1 1 5 1 1 1 1 5 0 0 0 0 1",  # the network that was scored
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(data_files, "DATA_FILES", {"small.csv": SMALL, "other.csv": OTHER})
    (tmp_path / "small.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "other.csv").write_text(OTHERS, encoding="utf-8")
    return tmp_path


def genome(digits: str) -> list[int]:
    return [int(digit) for digit in digits]


@pytest.mark.parametrize("name", DATA_FILES)
def test_a_published_row_is_the_architecture_that_it_names(name: str) -> None:
    file, (cells, expected) = DATA_FILES[name], PUBLISHED[name]
    space = get_space(file.space)
    assert len(cells) == len(file.architecture_columns)
    architecture = read_architecture(file, space, cells)
    if name.startswith("darts"):
        first = architecture.normal.edges[:2]
        assert tuple(item for edge in first for item in edge) == expected
        assert (architecture.width, architecture.depth) == (32, 8)
    elif isinstance(expected, str):
        assert space.format(architecture) == expected
    else:
        assert space.to_genome(architecture) == expected


@pytest.mark.parametrize("name", DATA_FILES)
def test_a_spoilt_row_is_refused(name: str) -> None:
    file, (cells, _) = DATA_FILES[name], PUBLISHED[name]
    space = get_space(file.space)
    for place in range(len(cells)):
        for spoilt in ("?", "77"):
            bad = [*cells[:place], spoilt, *cells[place + 1 :]]
            with pytest.raises(DataFileError, match=f"no architecture of {file.space}: "):
                read_architecture(file, space, bad)


def test_every_listed_metric_is_a_known_one() -> None:
    for file in DATA_FILES.values():
        assert set(file.metric_factors) <= set(file.metric_columns)
        for name in file.metric_columns:
            assert parse_metric(name).name == name


def test_numbers_that_are_not_plain_accuracies_say_so() -> None:
    assert metrics_of("nds_darts") == ("accuracy_percent/cifar10_surrogate",)
    assert metrics_of("enas_macro") == ("accuracy_percent/cifar10_shared_weights",)
    assert "accuracy_percent/cifar10" not in metrics_of("nasbench101")
    assert metrics_of("twopath") == ()


def test_a_space_may_have_several_files() -> None:
    assert [file.name for file in files_of("ofa_mbv3")] == [
        "ofa_mbv3_accuracy.csv.gz",
        "ofa_mbv3_latency.csv.gz",
    ]
    assert "accuracy_percent/imagenet" in metrics_of("ofa_mbv3")
    assert "latency_ms/v100_64" in metrics_of("ofa_mbv3")


def test_files_are_joined_and_repeats_averaged(folder: Path) -> None:
    """The first row is not used; row 2 and 4 are one architecture; one has no latency."""
    table = read_metric_table("nasbench_macro", folder=folder)
    assert table.genomes.tolist() == [genome("00000001"), genome("00000002"), genome("20000000")]
    nan = np.nan
    np.testing.assert_allclose(table.metrics["latency_ms/fpga"], [2.0, nan, nan])
    np.testing.assert_allclose(table.metrics["accuracy_percent/cifar10"], [80.0, 80.0, nan])
    np.testing.assert_allclose(table.metrics["latency_ms/pixel3"], [nan, 7.0, 8.0])


def test_only_the_files_of_the_metrics_asked_for_are_read(folder: Path) -> None:
    (folder / "other.csv").unlink()
    table = read_metric_table("nasbench_macro", ["latency_ms/fpga"], folder=folder)
    assert set(table.metrics) == {"latency_ms/fpga"}
    with pytest.raises(DataFolderError, match=r"other\.csv"):
        read_metric_table("nasbench_macro", ["latency_ms/pixel3"], folder=folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROWS.replace("a00000002", "a00000009"), r"small\.csv, line 4: no architecture"),
        (ROWS.replace("a00000002", "00000002"), "line 4: .*must begin with 'a'"),
        (ROWS.replace("1.5", "fast"), "line 3: 'fpga' must be a finite number"),
        (ROWS + "1,a00000000,1\n", "must have 4 rows, but has 5"),
        (ROWS[: ROWS.index("2.5")], "must have 4 rows, but has 3"),
    ],
)
def test_a_wrong_row_is_refused(folder: Path, text: str, message: str) -> None:
    (folder / "small.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        read_metric_table("nasbench_macro", folder=folder)


def test_an_unknown_space_or_metric_is_refused(folder: Path) -> None:
    with pytest.raises(DataFileError, match=r"for space 'nasbench_makro'\. Did you mean"):
        read_metric_table("nasbench_makro", folder=folder)
    with pytest.raises(DataFileError, match=r"has a metric 'latency_ms/fgpa'\. Did you mean"):
        read_metric_table("nasbench_macro", ["latency_ms/fgpa"], folder=folder)


def test_benchmark_rows_take_metrics_of_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_RLM_DATA", str(folder))
    rows = benchmark_rows("nasbench_macro", ["latency_ms/pixel3", "params"], n_rows=2)
    space = get_space("nasbench_macro")
    texts = {
        space.to_text(space.parse("00000002")): 7.0,
        space.to_text(space.parse("20000000")): 8.0,
    }
    assert {
        text: labels["latency_ms/pixel3"]
        for text, labels in zip(rows.texts, rows.labels, strict=True)
    } == texts


def test_the_folder_comes_from_the_environment(tmp_path: Path) -> None:
    assert data_folder({"NAS_RLM_DATA": str(tmp_path)}) == tmp_path
    for environment in ({}, {"NAS_RLM_DATA": ""}):
        with pytest.raises(DataFolderError, match="NAS_RLM_DATA is not set"):
            data_folder(environment)
    with pytest.raises(DataFolderError, match="must name a folder of measured architectures"):
        data_folder({"NAS_RLM_DATA": str(tmp_path / "none")})


@pytest.mark.data
def test_accuracies_of_shared_weights_follow_from_the_skips_alone(data_folder: Path) -> None:
    with gzip.open(data_folder / "enas_weight_sharing.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))[1_000:]
    accuracies: dict[tuple[str, ...], set[str]] = {}
    operations: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for row in rows:
        skips = tuple(row[f"skip{layer}"] for layer in range(6))
        accuracies.setdefault(skips, set()).add(row["ws_acc"])
        operations.setdefault(skips, set()).add(tuple(row[f"op{layer}"] for layer in range(6)))
    assert sum(len(own) > 1 for own in operations.values()) == 3_548
    assert all(len(own) == 1 for own in accuracies.values())
    table = read_metric_table("enas_macro", folder=data_folder)
    assert len(table.genomes) == len(accuracies)


@pytest.mark.data
def test_the_real_file_agrees_with_the_installed_table(data_folder: Path) -> None:
    metrics = [f"accuracy_percent/{task}" for task in TASK_FILES]
    table = read_metric_table("nasbench201", [*metrics, "latency_ms/fpga"], folder=data_folder)
    assert table.genomes.shape == (15_625, 6)
    assert np.isfinite(table.metrics["latency_ms/fpga"]).all()
    for task, metric in zip(TASK_FILES, metrics, strict=True):
        truth = Nasbench201Table(task).accuracies_percent(table.genomes)
        np.testing.assert_allclose(table.metrics[metric], truth, atol=1e-7)


@pytest.mark.data
@pytest.mark.parametrize("space", sorted({file.space for file in DATA_FILES.values()}))
def test_every_space_with_files_gives_rows(space: str, data_folder: Path) -> None:
    table = read_metric_table(space, folder=data_folder)
    assert len(np.unique(table.genomes, axis=0)) == len(table.genomes) > 1_000
    for name, column in table.metrics.items():
        assert np.isfinite(column).sum() > 500, name
    if space == "ofa_mbv3":
        assert len(table.genomes) < 1_937 + 5_000  # some were measured twice
