"""`nas-rlm convert`."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def test_a_table_is_written(command: Callable[..., Result]) -> None:
    Path("nats.json").write_text(json.dumps({CELL: {"cifar100": {"valid-accuracy": 70.5}}}))
    done = command("convert", "nats-bench", "nats.json", "--out", "rows.csv")
    assert done.exit_code == 0
    assert "train --csv rows.csv --space nasbench201" in done.stdout
    assert Path("rows.csv").read_text() == f"architecture,accuracy_percent/cifar100\n{CELL},70.5\n"
    done = command("convert", "nats-bench", "nats.json", "--out", "rows.csv", "--json")
    assert json.loads(done.stdout)["metrics"] == {"accuracy_percent/cifar100": 1}


def test_another_checksum_is_refused(command: Callable[..., Result]) -> None:
    content = json.dumps({CELL: {"cifar100": {"valid-accuracy": 70.5}}}).encode()
    Path("nats.json").write_bytes(content)
    right = hashlib.sha256(content).hexdigest()
    arguments = ("convert", "nats-bench", "nats.json", "--out", "rows.csv", "--sha256")
    done = command(*arguments, "0" * 64)
    assert done.exit_code == 2
    assert f"checksum {'0' * 64}, but has {right}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("rows.csv").exists()
    assert command(*arguments, right).exit_code == 0
    assert Path("rows.csv").exists()


def test_a_pickle_is_refused_in_one_line(command: Callable[..., Result]) -> None:
    Path("NAS-Bench-201-v1_1-096897.pth").write_bytes(b"\x80\x02}q\x00.")
    done = command("convert", "nats-bench", "NAS-Bench-201-v1_1-096897.pth", "--out", "rows.csv")
    assert done.exit_code == 2
    assert "is a pickle" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("rows.csv").exists()
