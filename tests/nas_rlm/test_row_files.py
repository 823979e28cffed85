"""CSV files of networks and metrics."""

import csv
from pathlib import Path

import pytest

import search_spaces
from nas_rlm.errors import DatasetError, UnknownMetricError
from nas_rlm.export import export_architectures
from nas_rlm.metrics import Direction
from nas_rlm.row_files import named_metric, read_rows
from search_spaces.errors import InvalidArchitectureError, SearchSpaceError

ONE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
DEAD = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|none~2|"
LIVE = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
"""The same network, but for operations that nothing needs."""
TWO = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def text_of(string: str) -> str:
    space = search_spaces.get_space("nasbench201")
    return space.to_text(space.parse(string))


def written(folder: Path, content: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(content, encoding="utf-8")
    return path


def test_architecture_strings_become_texts_and_empty_cells_are_absent(tmp_path: Path) -> None:
    path = written(tmp_path, f"architecture,params,latency_ms/pixel9\n{ONE},10,1.5\n{TWO},,2.5\n")
    steps: list[tuple[int, int]] = []
    rows = read_rows(
        path, space="nasbench201", progress=lambda step, total, _: steps.append((step, total))
    )
    assert rows.texts == (text_of(ONE), text_of(TWO))
    assert rows.labels == ({"params": 10.0, "latency_ms/pixel9": 1.5}, {"latency_ms/pixel9": 2.5})
    assert steps == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("device", "is_pruned"), [("pixel3", False), ("local", True), ("my_phone", True)]
)
def test_published_latencies_go_with_the_network_that_was_timed(
    tmp_path: Path, device: str, is_pruned: bool
) -> None:
    path = written(tmp_path, f"architecture,params,latency_ms/{device}\n{DEAD},,2\n{LIVE},,1\n")
    space = search_spaces.get_space("nasbench201")
    texts = read_rows(path, space="nasbench201").texts
    export = space.to_text if is_pruned else space.to_unpruned_text
    assert texts == tuple(export(space.parse(string)) for string in (DEAD, LIVE))
    assert (texts[0] == texts[1]) == is_pruned


def test_a_latency_without_a_device_is_of_the_one_named(tmp_path: Path) -> None:
    path = written(tmp_path, f"architecture,latency_ms\n{ONE},1.5\n")
    rows = read_rows(path, space="nasbench201", device="mine")
    assert rows.labels == ({"latency_ms/mine": 1.5},)
    with pytest.raises(UnknownMetricError, match="needs a device behind a slash"):
        read_rows(path, space="nasbench201")
    path = written(tmp_path, f"architecture,latency_ms,latency_ms/mine\n{ONE},1.5,2\n")
    with pytest.raises(DatasetError, match="one column of 'latency_ms/mine', but has two"):
        read_rows(path, space="nasbench201", device="mine")


def test_files_are_relative_to_the_table(tmp_path: Path) -> None:
    (exported,) = export_architectures("nasbench201", tmp_path / "nets", strings=[ONE])
    path = written(tmp_path, f"file,params\nnets/{exported.file.name},1\n")
    assert read_rows(path).texts == (text_of(ONE),)


def test_texts_may_hold_line_breaks(tmp_path: Path) -> None:
    quoted = text_of(ONE).replace('"', '""')
    path = written(tmp_path, f'text,params\n"{quoted}",1\n')
    assert read_rows(path).texts == (text_of(ONE),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "column names"),
        ("architecture,params\n", "at least one row"),
        ("params\n1\n", "exactly one of the columns"),
        (f"architecture,text,params\n{ONE},x,1\n", "exactly one of the columns"),
        (f"architecture\n{ONE}\n", "no metric column"),
        (f"architecture,params,params\n{ONE},1,2\n", "'params' is twice"),
        (f"architecture,params\n{ONE},1,2\n", "line 2: needs 2 cells, but has 3"),
        (f"architecture,params\n{ONE},many\n", "line 2: 'params' must be a finite number"),
        (f"architecture,params\n{ONE},nan\n", "line 2: 'params' must be a finite number"),
        (f"architecture,latency_ms/mine\n{ONE},-1\n", "line 2: .* at least 0, but is '-1'"),
        (f"architecture,accuracy_percent/mine\n{ONE},100.5\n", "line 2: .* from 0 to 100"),
        (f"architecture;params\n{ONE};1\n", "commas between its cells, but .* has ';'"),
        (f"architecture\tparams\n{ONE}\t1\n", "Save it with commas"),
        (f"architecture,params\n{ONE},\n", "line 2: at least one metric"),
        (f'architecture,params\n"{ONE},1\n', "must be a CSV file"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_rows(written(tmp_path, content), space="nasbench201")


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_rows(tmp_path / "missing.csv")


def test_a_table_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"architecture,params\n\xff\xfe\x00,1\n")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_rows(tmp_path / "rows.csv", space="nasbench201")


def test_a_space_goes_with_architecture_strings_only(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"only then\. Name it with --space\."):
        read_rows(written(tmp_path, f"architecture,params\n{ONE},1\n"))
    with pytest.raises(DatasetError, match=r"only then\. Leave --space nasbench201 out\."):
        read_rows(written(tmp_path, "text,params\nx,1\n"), space="nasbench201")


def test_a_column_that_is_no_metric_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownMetricError, match=r"^rows\.csv: .*acuracy"):
        read_rows(written(tmp_path, f"architecture,acuracy\n{ONE},1\n"), space="nasbench201")


def test_a_bad_string_is_refused(tmp_path: Path) -> None:
    content = f"architecture,params\n{ONE},1\n|foo~0|,1\n"
    with pytest.raises(InvalidArchitectureError, match=r"rows\.csv, line 3: .*foo"):
        read_rows(written(tmp_path, content), space="nasbench201")


def test_a_file_or_text_that_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SearchSpaceError, match=r"rows\.csv, line 2: .*gone\.onnx"):
        read_rows(written(tmp_path, "file,params\ngone.onnx,1\n"))
    with pytest.raises(SearchSpaceError, match=r"rows\.csv, line 2: "):
        read_rows(written(tmp_path, "text,params\nconv,1\n"))


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"architecture,params\n{ONE},1\n", encoding="utf-8-sig")
    assert read_rows(path, space="nasbench201").texts == (text_of(ONE),)


def test_a_text_may_be_long(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    text = text_of(ONE)
    quoted = (text + "\n" * limit).replace('"', '""')
    assert read_rows(written(tmp_path, f'text,params\n"{quoted}",1\n')).texts == (text,)
    with pytest.raises(DatasetError, match="must be a CSV file"):
        read_rows(written(tmp_path, f'text,params\n"{quoted}'))
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("latency_ms/my_phone", Direction.MINIMIZE),
        ("accuracy_percent/my_task", Direction.MAXIMIZE),
        ("params", Direction.MINIMIZE),
    ],
)
def test_own_devices_and_tasks_are_metrics(name: str, direction: Direction) -> None:
    assert named_metric(name).direction is direction


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("latency/pixel3", "Unknown metric 'latency/pixel3'"),
        ("latency_ms", "needs a device"),
        ("latency_ms/My Phone", "lower-case letters"),
        ("params/x", "has no task or device"),
    ],
)
def test_other_names_are_not_metrics(name: str, message: str) -> None:
    with pytest.raises(UnknownMetricError, match=message):
        named_metric(name)
