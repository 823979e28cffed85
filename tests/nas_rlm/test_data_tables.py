"""Reading one file of measured architectures: what is read, and what is refused by line."""

import gzip
import math
from pathlib import Path

import pytest

from nas_rlm.data_tables import (
    DataFile,
    read_architecture,
    read_lines,
    read_metrics,
    read_number,
)
from nas_rlm.errors import DataFileError, DataFolderError
from search_spaces import get_space

FILE = DataFile(
    name="small.csv",
    space="fbnet",
    architecture_columns=("ops",),
    read_architecture=lambda space, cells: space.parse(cells[0]),
    metric_columns={"latency_ms/fpga": "fpga", "accuracy_percent/imagenet": "acc"},
    n_rows=2,
    metric_factors={"accuracy_percent/imagenet": 100.0},
)


def write(folder: Path, text: str, name: str = "x.csv.gz") -> Path:
    path = folder / name
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "wt", encoding="utf-8") as stream:
        stream.write(text)
    return path


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_cells_come_in_the_order_asked_for(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, 'a,b,c\n1,"2\n3",4\n5,,6\n', name)
    assert [tuple(line) for line in read_lines(path, ["b", "a"])] == [
        (3, ("2\n3", "1")),
        (4, ("", "5")),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b\n1\n", r"x\.csv\.gz has no column 'a'\. Known columns: b"),
        ("", "has no column 'a'"),
        ("a,b\n1,2\n3\n", r"line 3: must have 2 cells, but has 1"),
        ("a,b\n1,2,3\n", r"line 2: must have 2 cells, but has 3"),
        ('a,b\n1,"2\n', "truncated or not a CSV file"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        list(read_lines(write(tmp_path, text), ["a"]))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n" + "0,3\n" * 5000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataFileError, match="is truncated or not a CSV file"):
        list(read_lines(path, ["a"]))


@pytest.mark.parametrize("content", [b"no gzip at all", b"\x1f\x8b\x08\x00garbage of some length"])
def test_what_is_not_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv.gz").write_bytes(content)
    with pytest.raises(DataFileError, match="is truncated or not a CSV file"):
        list(read_lines(tmp_path / "x.csv.gz", ["a"]))


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataFileError, match="is truncated or not a CSV file"):
        list(read_lines(tmp_path / "x.csv", ["a"]))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match=r"x\.csv' cannot be read: No such file"):
        list(read_lines(tmp_path / "x.csv", ["a"]))


@pytest.mark.parametrize("cell", ["fast", "inf", "nan", "-inf", "1e999"])
def test_what_is_not_a_finite_number_is_refused(cell: str) -> None:
    with pytest.raises(DataFileError, match=f"finite number or empty, but is '{cell}'"):
        read_number(cell)


def test_an_empty_cell_is_not_known() -> None:
    assert math.isnan(read_number(""))
    assert read_number("1e3") == 1000.0


def test_metrics_come_in_their_unit() -> None:
    names = list(FILE.metric_columns)
    assert read_metrics(FILE, names, ["1.5", "0.7302"]) == [1.5, 73.02]
    with pytest.raises(DataFileError, match="'acc' must be a finite number"):
        read_metrics(FILE, names, ["1.5", "high"])


def test_cells_that_are_no_architecture_are_refused() -> None:
    space = get_space("fbnet")
    cells = [",".join("0" * 22)]
    assert read_architecture(FILE, space, cells) == space.from_genome([0] * 22)
    for bad in ("0,1", "", "9" * 22):
        with pytest.raises(DataFileError, match="no architecture of fbnet: "):
            read_architecture(FILE, space, [bad])
