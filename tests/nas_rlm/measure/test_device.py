"""The environment stamp: what it holds, and what it must not."""

import getpass
import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest

from nas_rlm.errors import MeasurementError
from nas_rlm.measure import device
from nas_rlm.measure.device import Environment, cpu_model, current_environment


def test_the_stamp_names_versions_and_hardware() -> None:
    environment = current_environment(threads=2)
    assert environment.threads == 2
    assert environment.onnxruntime == onnxruntime.__version__
    assert environment.onnx == onnx.__version__
    assert environment.python == platform.python_version()
    assert 1 <= environment.cores <= (os.cpu_count() or 1)
    assert environment.cpu_model in environment.short
    assert "2 threads, onnxruntime" in environment.short
    assert "1 thread, " in current_environment().short


def test_the_stamp_tells_nothing_of_the_owner() -> None:
    values = [str(value) for value in current_environment().to_mapping().values()]
    secrets = {socket.gethostname(), platform.node(), str(Path.home()), str(Path.cwd())}
    for value in values:
        assert not any(secret in value for secret in secrets if secret)
        assert "/" not in value
        assert getpass.getuser() not in value.split()


def test_the_stamp_survives_json() -> None:
    environment = current_environment()
    again = Environment.from_mapping(json.loads(json.dumps(environment.to_mapping())))
    assert again == environment
    assert again.digest == environment.digest
    assert current_environment(threads=3).digest != environment.digest


def test_a_stamp_with_other_fields_is_refused() -> None:
    mapping = {**current_environment().to_mapping(), "host": "x"}
    with pytest.raises(MeasurementError, match="differing: host"):
        Environment.from_mapping(mapping)


def test_the_stamp_is_taken_without_loading_onnxruntime() -> None:
    code = (
        "import sys; from nas_rlm.measure.device import current_environment; "
        "current_environment(); print('onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "processor\t: 0\nmodel\t\t: 6\nmodel name\t: AMD  EPYC 7\nmodel name : x\n",
            "AMD EPYC 7",
        ),
        ("processor : 0\nHardware\t: BCM2711\nModel : Raspberry Pi 4\n", "Raspberry Pi 4"),
        ("cpu model : MIPS 74Kc\n", "MIPS 74Kc"),
    ],
)
def test_the_processor_is_read(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_model(tmp_path / "cpuinfo") == name


@pytest.mark.parametrize("exists", [True, False])
def test_an_unknown_processor_is_said_to_be_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    monkeypatch.setattr(platform, "processor", str)
    if exists:
        (tmp_path / "cpuinfo").write_text("processor : 0\n")
    assert cpu_model(tmp_path / "cpuinfo") == device.UNKNOWN


def test_a_package_that_is_missing_has_an_unknown_version() -> None:
    assert device._version("no-such-package-of-anyone") == device.UNKNOWN


def test_a_mac_is_asked_for_its_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, stdout="Apple M2\n")

    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(subprocess, "run", answer)
    assert cpu_model() == "Apple M2"
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    assert cpu_model() == device.UNKNOWN
