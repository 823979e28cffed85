"""Exports of HW-NAS-Bench: costs of cells."""

import json
import pickle  # noqa: TID251 - the tests write what must be refused
from pathlib import Path
from typing import Any

import pytest

from nas_rlm.benchmark.hw_nas_bench import read_hw_nas_bench
from nas_rlm.errors import BenchmarkError

ONE = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
TWO = ONE.replace("nor_conv_1x1", "nor_conv_3x3")


def content() -> dict[str, Any]:
    """The layout of the published dictionary, with its first values."""
    configs = [
        {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": arch, "num_classes": 10}
        for arch in (ONE, TWO)
    ]
    table = {
        "config": configs,
        "edgegpu_latency": [5.807418537139893, 6.5],
        "edgegpu_energy": [24.226614330768584, 25.0],
        "eyeriss_arithmetic_intensity": [1.0, 2.0],
        "fpga_latency": [2.57296, 3.0],
    }
    return {"nasbench201": {"cifar10": table, "cifar100": table}}


def write(folder: Path, document: object) -> Path:
    path = folder / "hw.json"
    path.write_text(json.dumps(document))
    return path


def test_costs_are_metrics_of_devices(tmp_path: Path) -> None:
    path = write(tmp_path, content())
    table = read_hw_nas_bench(path)
    assert (table.space, table.architectures) == ("nasbench201", (ONE, TWO))
    assert table.metrics[0] == {
        "latency_ms/edgegpu": 5.807418537139893,
        "energy_mj/edgegpu": 24.226614330768584,
        "latency_ms/fpga": 2.57296,
    }
    assert table.metrics[1]["latency_ms/fpga"] == 3.0
    assert read_hw_nas_bench(path, data_set="cifar100").space == "nasbench201_cifar100"


def test_csv_has_one_line_for_each_architecture(tmp_path: Path) -> None:
    (tmp_path / "hw.csv").write_text(f"arch_str,pixel3_latency,raspi4_latency\n{ONE},3.6,\n")
    assert read_hw_nas_bench(tmp_path / "hw.csv").metrics == ({"latency_ms/pixel3": 3.6},)


def test_the_published_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "HW-NAS-Bench-v1_0.pickle"
    path.write_bytes(pickle.dumps(content()))
    with pytest.raises(BenchmarkError, match=r"is a pickle.*convert it: json\.dump"):
        read_hw_nas_bench(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c.pop("nasbench201"), "'nasbench201' must be an object, but is NoneType"),
        (lambda c: c["nasbench201"].pop("cifar10"), "cifar10 must be an object"),
        (lambda c: c["nasbench201"]["cifar10"].pop("config"), "'config' must be the list"),
        (
            lambda c: c["nasbench201"]["cifar10"]["fpga_latency"].pop(),
            "'fpga_latency' must be a list of 2 numbers",
        ),
        (
            lambda c: c["nasbench201"]["cifar10"]["config"].__setitem__(1, {"arch_str": "|a~0|"}),
            "row 1: ",
        ),
        (
            lambda c: c["nasbench201"]["cifar10"]["config"].__setitem__(0, 3),
            "row 0: architecture must be a string",
        ),
        (
            lambda c: c["nasbench201"]["cifar10"]["fpga_latency"].__setitem__(0, -1),
            "row 0: 'fpga_latency' must be a number of at least 0",
        ),
    ],
)
def test_another_form_is_refused(tmp_path: Path, spoil: Any, message: str) -> None:
    document = content()
    spoil(document)
    with pytest.raises(BenchmarkError, match=message):
        read_hw_nas_bench(write(tmp_path, document))


def test_unknown_data_set_and_empty_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"Unknown data set 'cifar-10'\. Did you mean"):
        read_hw_nas_bench(write(tmp_path, content()), data_set="cifar-10")
    (tmp_path / "a.csv").write_text("arch_str,pixel3_latency\n")
    with pytest.raises(BenchmarkError, match="at least one architecture"):
        read_hw_nas_bench(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text(f"arch_str,pixel_latency\n{ONE},1\n")
    with pytest.raises(BenchmarkError, match="line 2 must have a metric such as"):
        read_hw_nas_bench(tmp_path / "a.csv")
