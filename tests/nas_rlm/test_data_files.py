"""Files of measured architectures: what is read, and what is refused by row and column."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from nas_rlm import data_files
from nas_rlm.benchmark.nasbench201 import TASK_FILES, Nasbench201Table
from nas_rlm.data_files import DATA_FILES, DataFile, data_folder, read_columns, read_metric_table
from nas_rlm.errors import DataFileError, DataFolderError
from nas_rlm.metrics import parse_metric

SMALL = DataFile(
    name="small.csv.gz",
    space="small",
    genome_columns=("op0", "op1"),
    metric_columns={"params": "size_M", "latency_ms/fpga": "fpga"},
    n_rows=2,
    metric_factors={"params": 1e6},
)


@pytest.fixture(autouse=True)
def small_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(data_files.DATA_FILES, "small", SMALL)


def write(folder: Path, text: str, name: str = "small.csv.gz") -> Path:
    path = folder / name
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "wt", encoding="utf-8") as stream:
        stream.write(text)
    return path


def test_a_table_has_units_and_gaps(tmp_path: Path) -> None:
    write(tmp_path, "fpga,op0,x,op1,size_M\n1.5,0,?,3,0.1\n,2,?,1,2\n")
    table = read_metric_table("small", folder=tmp_path)
    np.testing.assert_array_equal(table.genomes, [[0, 3], [2, 1]])
    np.testing.assert_array_equal(table.metrics["params"], [1e5, 2e6])
    np.testing.assert_array_equal(table.metrics["latency_ms/fpga"], [1.5, np.nan])


def test_only_the_metrics_asked_for_are_read(tmp_path: Path) -> None:
    write(tmp_path, "fpga,op0,op1\n1,0,3\n2,2,1\n")
    assert set(read_metric_table("small", ["latency_ms/fpga"], folder=tmp_path).metrics) == {
        "latency_ms/fpga"
    }


def test_a_plain_csv_file_is_read_too(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n1,"2"\n', "x.csv")
    assert {name: column.tolist() for name, column in read_columns(path, ["b", "a"]).items()} == {
        "b": [2.0],
        "a": [1.0],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("op0,op1,fpga\n0,3,1\n2,1,1\n", "has no column 'size_M'"),
        ("", "has no column 'op0'"),
        ("op0,op1,fpga,size_M\n0,3,1\n", "line 2: must have 4 cells, but has 3"),
        ("op0,op1,fpga,size_M\n0,3,fast,1\n", "line 2: 'fpga' must be a finite number or empty"),
        ("op0,op1,fpga,size_M\n0,3,1,1\n0,3,inf,1\n", "line 3: 'fpga' .* but is 'inf'"),
        ("op0,op1,fpga,size_M\n0,3,nan,1\n", "but is 'nan'"),
        ("op0,op1,fpga,size_M\n0,3,1,1\n", "must have 2 rows, but has 1"),
        ("op0,op1,fpga,size_M\n0.5,3,1,1\n0,3,1,1\n", "genome must be integers"),
        ("op0,op1,fpga,size_M\n,3,1,1\n0,3,1,1\n", "genome must be integers"),
        ("op0,op1,fpga,size_M\n-1,3,1,1\n0,3,1,1\n", "genome must be integers"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(DataFileError, match=message):
        read_metric_table("small", folder=tmp_path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "op0,op1,fpga,size_M\n" + "0,3,1,1\n" * 5000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataFileError, match="is truncated or not a CSV file"):
        read_metric_table("small", folder=tmp_path)


@pytest.mark.parametrize("content", [b"no gzip at all", b"\x1f\x8b\x08\x00garbage of some length"])
def test_what_is_not_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "small.csv.gz").write_bytes(content)
    with pytest.raises(DataFileError, match="is truncated or not a CSV file"):
        read_metric_table("small", folder=tmp_path)


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataFileError, match="is truncated or not a CSV file"):
        read_columns(tmp_path / "x.csv", ["a"])


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match=r"small\.csv\.gz' cannot be read: No such file"):
        read_metric_table("small", folder=tmp_path)


def test_an_unknown_space_or_metric_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataFileError, match=r"No data file for space 'smal'\. Did you mean 'small'"
    ):
        read_metric_table("smal", folder=tmp_path)
    with pytest.raises(DataFileError, match=r"has no metric 'latency_ms/fgpa'\. Did you mean"):
        read_metric_table("small", ["latency_ms/fgpa"], folder=tmp_path)


def test_the_folder_comes_from_the_environment(tmp_path: Path) -> None:
    assert data_folder({"NAS_RLM_DATA": str(tmp_path)}) == tmp_path
    for environment in ({}, {"NAS_RLM_DATA": ""}):
        with pytest.raises(DataFolderError, match="NAS_RLM_DATA is not set"):
            data_folder(environment)
    with pytest.raises(DataFolderError, match="must name a folder of measured architectures"):
        data_folder({"NAS_RLM_DATA": str(tmp_path / "none")})


def test_every_listed_metric_is_a_known_one() -> None:
    for file in DATA_FILES.values():
        assert set(file.metric_factors) <= set(file.metric_columns)
        for name in file.metric_columns:
            assert parse_metric(name).name == name


@pytest.mark.data
def test_the_real_file_agrees_with_the_installed_table(data_folder: Path) -> None:
    metrics = [f"accuracy_percent/{task}" for task in TASK_FILES]
    table = read_metric_table("nasbench201", [*metrics, "latency_ms/fpga"], folder=data_folder)
    assert table.genomes.shape == (15_625, 6)
    assert np.isfinite(table.metrics["latency_ms/fpga"]).all()
    for task, metric in zip(TASK_FILES, metrics, strict=True):
        truth = Nasbench201Table(task).accuracies_percent(table.genomes)
        np.testing.assert_allclose(table.metrics[metric], truth, atol=1e-7)
