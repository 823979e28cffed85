"""Exports of NAS-Bench-201 and NATS-Bench."""

import json
import pickle  # noqa: TID251 - the tests write what must be refused
from pathlib import Path
from typing import Any

import pytest

import search_spaces
from nas_rlm.benchmark.nats_bench import read_nats_bench
from nas_rlm.errors import BenchmarkError
from nas_rlm.row_files import read_rows

ONE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
TWO = ONE.replace("nor_conv_1x1", "nor_conv_3x3")
# What `get_more_info` returns for each data set; cifar10 has no validation images.
INFO: dict[str, dict[str, Any]] = {
    "cifar10-valid": {"train-accuracy": 99.0, "valid-accuracy": 90.5, "train-all-time": 1000.5},
    "cifar10": {"train-accuracy": 99.9, "test-accuracy": 93.25, "valid-accuracy": None},
    "cifar100": {"valid-accuracy": 70.5, "test-accuracy": 71.0, "valtest-accuracy": 70.75},
    "ImageNet16-120": {"valid-accuracy": 44.5, "test-accuracy": 45.0},
}
METRICS = {
    "accuracy_percent/cifar10": 90.5,
    "train_seconds/cifar10": 1000.5,
    "accuracy_percent/cifar10_test": 93.25,
    "accuracy_percent/cifar100": 70.5,
    "accuracy_percent/cifar100_test": 71.0,
    "accuracy_percent/imagenet16": 44.5,
    "accuracy_percent/imagenet16_test": 45.0,
}


def write(folder: Path, content: object) -> Path:
    path = folder / "nats.json"
    path.write_text(json.dumps(content))
    return path


def test_validation_and_test_accuracies_are_kept_apart(tmp_path: Path) -> None:
    table = read_nats_bench(write(tmp_path, {ONE: INFO, TWO: {"cifar100": INFO["cifar100"]}}))
    assert table.architectures == (ONE, TWO)
    assert table.metrics[0] == METRICS
    assert table.metrics[1] == {
        "accuracy_percent/cifar100": 70.5,
        "accuracy_percent/cifar100_test": 71.0,
    }


def test_csv_has_one_line_for_each_data_set(tmp_path: Path) -> None:
    path = tmp_path / "nats.csv"
    path.write_text(
        "arch_str,dataset,valid-accuracy,test-accuracy\n"
        f"{ONE},cifar10-valid,90.5,\n{ONE},cifar10,,93.25\n{TWO},cifar100,70.5,71\n"
    )
    table = read_nats_bench(path)
    assert table.metrics == (
        {"accuracy_percent/cifar10": 90.5, "accuracy_percent/cifar10_test": 93.25},
        {"accuracy_percent/cifar100": 70.5, "accuracy_percent/cifar100_test": 71.0},
    )


def test_rows_go_through_our_csv(tmp_path: Path) -> None:
    table = read_nats_bench(write(tmp_path, {ONE: INFO, TWO: {"cifar100": INFO["cifar100"]}}))
    table.write_csv(tmp_path / "rows.csv")
    again = read_rows(tmp_path / "rows.csv", space="nasbench201")
    space = search_spaces.get_space("nasbench201")
    assert again.texts == tuple(space.to_text(space.parse(string)) for string in (ONE, TWO))
    assert again.labels == table.metrics


def test_the_published_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    path.write_bytes(pickle.dumps({"meta_archs": []}))
    with pytest.raises(BenchmarkError, match=r"is a pickle.*api\.get_more_info\(i, s"):
        read_nats_bench(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must be an object, but is list"),
        ({ONE: []}, "must be an object, but is list"),
        ({ONE: {"cifar10": 3}}, "cifar10 must be an object, but is int"),
        ({"|conv~0|": INFO}, "nats.json, '.conv~0.': "),
        ({ONE: {"cifar-10": {}}}, r"unknown data set 'cifar-10'\. Did you mean"),
        ({ONE: {"cifar100": {"valid-accuracy": 101}}}, "must be from 0 to 100 percent"),
        ({ONE: {"cifar100": {"valid-accuracy": "high"}}}, "must be a number of at least 0"),
        ({ONE: {"cifar100": {"valid-accuracy": True}}}, "must be a number of at least 0"),
        ({ONE: {"cifar100": {}}}, "must hold at least one accuracy"),
        ({}, "must hold at least one accuracy"),
    ],
)
def test_another_form_is_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        read_nats_bench(write(tmp_path, content))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arch,dataset\na,b\n", "must have the columns 'arch_str' and 'dataset'"),
        (
            f"arch_str,dataset,valid-accuracy\n{ONE},cifar100,1\n{ONE},cifar100,2\n",
            "line 3: 'valid-accuracy' of cifar100 is given twice",
        ),
    ],
)
def test_another_csv_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BenchmarkError, match=message):
        read_nats_bench(tmp_path / "a.csv")
