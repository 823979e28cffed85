"""Every published format leads to rows that training reads."""

import json
from pathlib import Path

import pytest

import search_spaces
from nas_rlm.conversion import FORMATS, read_table
from nas_rlm.errors import BenchmarkError
from nas_rlm.row_files import read_rows

CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
DARTS = search_spaces.get_space("nds_darts")
NET = DARTS.format(DARTS.from_genome([4, 0, 4, 1] * 8 + [0, 4]))


def source(form: str, folder: Path) -> Path:
    """Write one row in a format."""
    if form == "help":
        (folder / "latency").mkdir()
        (folder / "latency" / "fpga.json").write_text("[1.5]")
        (folder / "str_arch2idx.json").write_text(json.dumps({CELL: 0}))
        return folder
    content: object = {
        "nats-bench": {CELL: {"cifar100": {"valid-accuracy": 70.5}}},
        "hw-nas-bench": {
            "nasbench201": {
                "cifar10": {"config": [{"arch_str": CELL}], "fpga_latency": [2.5]},
            }
        },
        "nds": [{"net": json.loads(NET), "test_ep_top1": [9.5], "params": 3.0, "flops": 5.0}],
    }[form]
    (folder / "table.json").write_text(json.dumps(content))
    return folder / "table.json"


@pytest.mark.parametrize(
    ("form", "space", "labels"),
    [
        ("help", None, {"latency_ms/fpga": 1.5}),
        ("nats-bench", None, {"accuracy_percent/cifar100": 70.5}),
        ("hw-nas-bench", "nasbench201", {"latency_ms/fpga": 2.5}),
        (
            "nds",
            "nds_darts",
            {"accuracy_percent/cifar10_test": 90.5, "params": 3.0, "macs": 5.0},
        ),
    ],
)
def test_a_format_becomes_a_csv_file(
    form: str, space: str | None, labels: dict[str, float], tmp_path: Path
) -> None:
    table = read_table(form, source(form, tmp_path), space=space)
    table.write_csv(tmp_path / "rows.csv")
    assert read_rows(tmp_path / "rows.csv", space=table.space).labels == (labels,)


def test_every_format_is_tested() -> None:
    assert set(FORMATS) == {"help", "nats-bench", "hw-nas-bench", "nds"}


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"Unknown format 'natsbench'\. Did you mean"):
        read_table("natsbench", tmp_path)
    with pytest.raises(BenchmarkError, match="name it with --space"):
        read_table("nds", tmp_path)
    for form, space in (("nats-bench", "fbnet"), ("help", "nds_darts"), ("nds", "fbnet")):
        with pytest.raises(BenchmarkError, match=f"has no rows of space {space!r}"):
            read_table(form, tmp_path, space=space)
