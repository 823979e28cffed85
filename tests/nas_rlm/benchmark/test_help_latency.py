"""Folders of HELP: torch lists and architectures, in the published layout."""

import json
from pathlib import Path

import pytest
import torch

import search_spaces
from nas_rlm.benchmark.help_latency import read_help
from nas_rlm.errors import BenchmarkError

ONE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
TWO = ONE.replace("nor_conv_1x1", "nor_conv_3x3")
OPS = [[7] * 22, [0] * 22]
OFA = {"ks": [3] * 20, "e": [4] * 20, "d": [2] * 5, "r": [176]}


def latencies(folder: Path, **devices: object) -> Path:
    (folder / "latency").mkdir(exist_ok=True)
    for device, values in devices.items():
        torch.save(values, folder / "latency" / f"{device}.pt")
    return folder


def test_cells_are_in_the_order_of_their_index(tmp_path: Path) -> None:
    torch.save({ONE: 1, TWO: 0}, tmp_path / "str_arch2idx.pt")
    latencies(tmp_path, fpga=[1.5, 2.5], titan_rtx_1=[0.5, 0.75])
    table = read_help(tmp_path, "nasbench201")
    assert (table.space, table.architectures) == ("nasbench201", (TWO, ONE))
    assert table.metrics == (
        {"latency_ms/fpga": 1.5, "latency_ms/titan_rtx_1": 0.5},
        {"latency_ms/fpga": 2.5, "latency_ms/titan_rtx_1": 0.75},
    )
    assert read_help(tmp_path, "nasbench201", devices=["fpga"]).metric_names == (
        "latency_ms/fpga",
    )


def test_fbnet_networks_are_lists_of_operations(tmp_path: Path) -> None:
    archs = [{"op_idx_list": ops, "arch_str": []} for ops in OPS]
    torch.save(
        {"dataset": "cifar100", "num_classes": 100, "arch": archs}, tmp_path / "metainfo.pt"
    )
    table = read_help(latencies(tmp_path, pixel2=[3, 0]), "fbnet")
    space = search_spaces.get_space("fbnet")
    assert [list(space.to_genome(space.parse(s))) for s in table.architectures] == OPS
    assert table.metrics == ({"latency_ms/pixel2": 3.0}, {"latency_ms/pixel2": 0.0})


def test_ofa_networks_come_as_json(tmp_path: Path) -> None:
    """One spelling of a device is brought to the other."""
    (tmp_path / "ofa_archs.json").write_text(json.dumps({"arch": [OFA]}))
    table = read_help(latencies(tmp_path, titan_xp_32=[9.5]), "ofa_mbv3")
    assert json.loads(table.architectures[0]) == OFA | {"r": 176}
    assert table.metrics == ({"latency_ms/titanxp_32": 9.5},)


def test_a_torch_file_with_more_than_plain_data_is_refused(tmp_path: Path) -> None:
    torch.save({"arch": [{**OFA, "path": Path("x")}]}, tmp_path / "ofa_archs.pt")
    latencies(tmp_path, v100_1=[1.0])
    with pytest.raises(BenchmarkError, match=r"ofa_archs\.pt holds more.*json\.dump\(torch\.load"):
        read_help(tmp_path, "ofa_mbv3")


@pytest.mark.parametrize(
    ("index", "values", "message"),
    [
        ({ONE: 0, TWO: 2}, [1.0, 2.0], "must map every architecture to an index"),
        ([ONE], [1.0], "must map every architecture to an index"),
        ({ONE: [1]}, [1.0], "must map every architecture to an index"),
        ({ONE: 0, "|a~0|": 1}, [1.0, 2.0], "architecture 1: "),
        ({ONE: 0, TWO: 1}, [1.0], "must be a list of 2 numbers, but got 1"),
        ({ONE: 0, TWO: 1}, {"a": 1}, "must be a list of 2 numbers, but got dict"),
        ({ONE: 0, TWO: 1}, [1.0, float("nan")], "fpga, row 1 must be a number of at least 0"),
        ({ONE: 0, TWO: 1}, [1.0, -1.0], "fpga, row 1 must be a number of at least 0"),
    ],
)
def test_another_form_is_refused(
    tmp_path: Path, index: object, values: object, message: str
) -> None:
    torch.save(index, tmp_path / "str_arch2idx.pt")
    with pytest.raises(BenchmarkError, match=message):
        read_help(latencies(tmp_path, fpga=values), "nasbench201")


def test_unknown_names_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"no latencies of space 'fbnett'\. Did you mean"):
        read_help(tmp_path, "fbnett")
    with pytest.raises(BenchmarkError, match=r"metainfo\.pt' must be a readable file"):
        read_help(tmp_path, "fbnet")
    (tmp_path / "metainfo.json").write_text(json.dumps({"arch": [{"op_idx_list": OPS[0]}]}))
    with pytest.raises(BenchmarkError, match="must hold a file for each device"):
        read_help(tmp_path, "fbnet")
    latencies(tmp_path, fpga=[1.0])
    with pytest.raises(BenchmarkError, match=r"No latencies of device 'fgpa'\. Did you mean"):
        read_help(tmp_path, "fbnet", devices=["fgpa"])
    for content, message in (
        ({"arch": 3}, "a list 'arch'"),
        ({"arch": [{}]}, "'op_idx_list' must"),
    ):
        (tmp_path / "metainfo.json").write_text(json.dumps(content))
        with pytest.raises(BenchmarkError, match=message):
            read_help(tmp_path, "fbnet")
