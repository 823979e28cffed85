"""Parquet files of networks: our own layout and that of GraphArch-Regression."""

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import search_spaces
from nas_rlm import parquet_rows
from nas_rlm.errors import DatasetError
from nas_rlm.row_files import read_rows

STRING = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
SPACE = search_spaces.get_space("nasbench201")
TEXT = SPACE.to_text(SPACE.parse(STRING))
OTHER = SPACE.to_text(SPACE.parse(STRING.replace("nor_conv_1x1", "nor_conv_3x3")))
ROW = {
    "identifier": "NB201_0",
    "space": "NB201",
    "uid": "0",
    "arch_str": STRING,
    "input": TEXT,
    "target_metric": "val_accuracy",
    "val_accuracy": 91.5,
    "flops": 1e8,
    "params": 1000.0,
    "metadata": "{'zcp_synflow': 3.5, 'lat_pixel3': 2.25, 'lat_FPGA': nan, 'lat_gold_6226': None}",
    "metainformation": None,
}


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def test_published_rows_become_texts_and_metrics(tmp_path: Path) -> None:
    other = ROW | {
        "space": "NB101",
        "input": OTHER,
        "val_accuracy": 0.9,
        "metadata": "",
        "uid": None,
    }
    third = other | {"val_accuracy": 0.75, "params": None}
    rows = read_rows(write(tmp_path, ROW, other, third))
    assert rows.texts == (TEXT, OTHER, OTHER)
    assert rows.labels == (
        {"accuracy_percent/nb201": 91.5, "params": 1000.0, "latency_ms/pixel3": 2.25},
        {"accuracy_percent/nb101": 90.0, "params": 1000.0},
        {"accuracy_percent/nb101": 75.0},
    )


def test_one_value_above_one_means_percent(tmp_path: Path) -> None:
    low = ROW | {"val_accuracy": 0.9, "input": OTHER}
    rows = read_rows(write(tmp_path, ROW, low))
    assert rows.column("accuracy_percent/nb201").tolist() == [91.5, 0.9]


def test_a_space_is_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, ROW, ROW | {"space": "FBNet", "input": OTHER})
    assert read_rows(path, space="FBNet").texts == (OTHER,)
    with pytest.raises(DatasetError, match="no row of space 'NDS' with a text"):
        read_rows(path, space="NDS")


def test_own_rows_are_read_as_in_a_csv_file(tmp_path: Path) -> None:
    rows = [
        {"architecture": STRING, "params": 7, "latency_ms/phone": None},
        {"architecture": STRING, "params": None, "latency_ms/phone": 1.5},
    ]
    found = read_rows(write(tmp_path, *rows), space="nasbench201")
    assert found.texts == (TEXT, TEXT)
    assert found.labels == ({"params": 7.0}, {"latency_ms/phone": 1.5})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": "__import__('os').system('true')"}, "row 1: 'metadata' must be the text of"),
        ({"metadata": "[" * 5000}, "row 1: 'metadata' must be the text of a dictionary"),
        ({"metadata": "{'lat_a': 1" + " " * 100_000 + "}"}, "of at most 100000 characters"),
        ({"metadata": "{'acc': 1}"}, "must begin with 'lat_' or 'zcp_', but one is 'acc'"),
        ({"metadata": "{'lat_Big Phone': 1}"}, "names a device 'big phone'"),
        ({"metadata": "{'lat_fpga': -1}"}, "'lat_fpga' must be a number of at least 0"),
        ({"metadata": "{'lat_fpga': 'fast'}"}, "'lat_fpga' must be a number"),
        ({"input": None}, "row 1: 'input' must be ONNX text, but is 'None'"),
        ({"val_accuracy": float("inf")}, "'val_accuracy' must be a number"),
        ({"space": "a b"}, "'space' must be a name"),
        ({"val_accuracy": None, "params": None, "metadata": None}, "no row with a text"),
    ],
)
def test_a_bad_row_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_rows(write(tmp_path, ROW | change))


def test_text_that_is_not_onnx_is_refused(tmp_path: Path) -> None:
    with pytest.raises(search_spaces.SearchSpaceError):
        read_rows(write(tmp_path, ROW | {"input": "conv, conv, relu"}))


def test_cells_that_are_no_text_or_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match="row 1: 'params' must be text or a number, but is list"
    ):
        read_rows(write(tmp_path, {"text": TEXT, "params": [1]}))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns = [pa.array([STRING]), pa.array([1.0]), pa.array([2.0])]
    pq.write_table(pa.Table.from_arrays(columns, ["architecture", "params", "params"]), path)
    with pytest.raises(DatasetError, match=r"rows\.parquet: every column .* 'params' is twice"):
        read_rows(path, space="nasbench201")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ROW)
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-40], b"no parquet at all, but long enough"):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="not a parquet file"):
            read_rows(path)
    broken = bytearray(whole)
    broken[8:200] = bytes(192)
    path.write_bytes(bytes(broken))
    with pytest.raises(DatasetError, match=r"is damaged behind row 0|not a parquet file"):
        read_rows(path)
    with pytest.raises(DatasetError, match="cannot be read: "):
        read_rows(tmp_path / "missing.parquet")


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "MAX_BYTES", 1_000)
    with pytest.raises(DatasetError, match="must hold at most 1000 bytes"):
        read_rows(write(tmp_path, ROW))


def test_without_pyarrow_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, ROW)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match=r"pip install 'nas-rlm\[parquet\]'"):
        read_rows(path)
