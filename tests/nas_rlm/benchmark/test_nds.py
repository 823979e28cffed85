import json
from pathlib import Path
from typing import Any

import pytest

from nas_rlm.benchmark.nds import TEST_TASK, read_nds
from nas_rlm.errors import DataFileError, UnknownMetricError
from search_spaces import UnknownSpaceError, get_space
from search_spaces.nds import CellNetwork, ResidualNetwork

SKIPS = [["skip_connect", 0], ["sep_conv_3x3", 1]]


def net(**changes: Any) -> dict[str, Any]:
    """A configuration as the published files have it, for a cell of four nodes."""
    genotype = {
        "normal": SKIPS * 4,
        "normal_concat": [2, 3, 4, 5],
        "reduce": SKIPS * 4,
        "reduce_concat": [2, 3, 4, 5],
    }
    cell = {"genotype": genotype, "width": 24, "depth": 12, "aux": False, "drop_prob": 0.0}
    return {**cell, **changes}


def row(**changes: Any) -> dict[str, Any]:
    """A row as the published files have it."""
    return {
        "job_id": "a1b2",
        "rng_seed": 3,
        "exp_mem": 0.5,
        "params": 523_118,
        "flops": 80_123_456,
        "net": net(),
        "optim": {"base_lr": 0.1, "wd": 0.0005, "max_ep": 3, "mom": 0.9, "nesterov": True},
        "act_mem": 1.0,
        "prec_time": 1.0,
        "iter_time": 0.05,
        "min_test_top1": 6.0,
        "train_ep_loss": [1.5, float("nan"), 0.4],
        "train_ep_top1": [50.0, 20.0, 5.0],
        "test_ep_top1": [45.5, 6.0, 6.25],
        "train_it_loss": [],
        "train_it_top1": [],
        **changes,
    }


RESNEXT = {
    "block_type": "res_bottleneck_block",
    "ds": [1, 16, 1, 4],
    "ws": [16, 64, 128, 16],
    "ss": [1, 1, 2, 2],
    "bot_muls": [0.0, 0.25, 0.25, 0.25],
    "num_gs": [1, 2, 1, 2],
}


def write(folder: Path, content: Any) -> Path:
    path = folder / "DARTS.json"
    path.write_text(json.dumps(content))
    return path


def test_rows_become_architectures_with_metrics(tmp_path: Path) -> None:
    path = write(tmp_path, [row(), row(net=RESNEXT, rng_seed=None, test_ep_top1=[10])])
    first, second = read_nds(path)
    assert isinstance(first.architecture, CellNetwork)
    assert (first.architecture.width, first.architecture.depth) == (24, 12)
    assert first.metrics == {
        f"accuracy_percent/{TEST_TASK}": 93.75,
        "params": 523_118,
        "macs": 80_123_456,
    }
    assert (first.best_accuracy_percent, first.n_epochs, first.seed) == (94.0, 3, 3)
    assert isinstance(second.architecture, ResidualNetwork)
    assert (second.best_accuracy_percent, second.n_epochs, second.seed) == (90.0, 1, None)


def test_architectures_of_a_space_can_be_exported(tmp_path: Path) -> None:
    (found,) = read_nds(write(tmp_path, [row()]), space="nds_darts")
    space = get_space("nds_darts")
    assert space.from_genome(space.to_genome(found.architecture)) == found.architecture
    assert space.to_text(found.architecture).startswith("<")


def test_files_of_repeated_runs_hold_two_lists(tmp_path: Path) -> None:
    content = {"top": [row(rng_seed=1), row(rng_seed=2)], "mid": [row(rng_seed=3)]}
    assert [found.seed for found in read_nds(write(tmp_path, content))] == [1, 2, 3]


def test_the_task_names_the_accuracy(tmp_path: Path) -> None:
    path = write(tmp_path, [row()])
    (found,) = read_nds(path, task="imagenet")
    assert "accuracy_percent/imagenet" in found.metrics
    with pytest.raises(UnknownMetricError, match="lower-case"):
        read_nds(path, task="CIFAR 10")


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert read_nds(write(tmp_path, [])) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"top": []}, "DARTS.json must be a list of networks"),
        ({"top": [], "mid": {}}, "DARTS.json, mid must be a list"),
        ("rows", "must be a list"),
        ([row(), 7], "DARTS.json, row 1 must be an object"),
        ([{}], "row 0: Network must be an object"),
        ([row(net=[])], "row 0: Network must be an object"),
        ([row(net=net(width="24"))], "row 0: Network must be an object with 'genotype'"),
        ([row(net=net(width=23))], "row 0: Width must be even"),
        ([row(net={**RESNEXT, "block_type": "double_plain_block"})], "must be 'res_basic_block'"),
        ([row(net={})], "row 0: Network must be an object with 'block_type'"),
        ([row(test_ep_top1=[])], "must have 'test_ep_top1', a list"),
        ([row(test_ep_top1=None)], "must have 'test_ep_top1', a list"),
        ([row(test_ep_top1=[float("nan")])], r"'test_ep_top1' in 0\.\.100, but has 'nan'"),
        ([row(test_ep_top1=[101.0, 5.0])], "but has '101.0'"),
        ([row(test_ep_top1=["6.0"])], "but has '6.0'"),
        ([row(params=0)], "'params' in 1"),
        ([row(params=True)], "'params' in 1"),
        ([row(flops=float("inf"))], "'flops' in 1"),
        ([row(flops=None)], "'flops' in 1"),
        ([row(flops=10**400)], "'flops' in 1"),
        ([row(rng_seed="x")], "'rng_seed' in 0"),
    ],
)
def test_other_content_is_refused_and_the_row_named(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(DataFileError, match=message):
        read_nds(write(tmp_path, content))


def test_files_that_are_no_json_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(DataFileError, match=r"x.json must be a readable file"):
        read_nds(path)
    for content in (b"", b"[", b"\xff\xfe", b"[" * 200_000, b"\x80\x04K\x01."):
        path.write_bytes(content)
        with pytest.raises(DataFileError, match=r"x.json must be JSON"):
            read_nds(path)


def test_files_that_are_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas_rlm.benchmark.nds.MAX_BYTES", 10)
    with pytest.raises(DataFileError, match="at most 10 bytes"):
        read_nds(write(tmp_path, [row()]))


def test_networks_outside_the_space_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [row(), row(net=net(width=48))])
    assert len(read_nds(path)) == 2
    with pytest.raises(DataFileError, match="row 1: Width of nds_darts must be one of"):
        read_nds(path, space="nds_darts")
    with pytest.raises(DataFileError, match="must be one of the nds spaces"):
        read_nds(path, space="fbnet")
    with pytest.raises(UnknownSpaceError, match="Unknown search space"):
        read_nds(path, space="nds_dart")
    residual = write(tmp_path, [row(net=RESNEXT)])
    with pytest.raises(DataFileError, match=r"row 0: .* of nds_darts must"):
        read_nds(residual, space="nds_darts")
    cells = write(tmp_path, [row()])
    with pytest.raises(DataFileError, match=r"row 0: .* of nds_resnext must"):
        read_nds(cells, space="nds_resnext")
