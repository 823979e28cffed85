"""What a latency was taken on: the stamp that goes with every measured figure.

The stamp holds what changes a latency and nothing that tells whose machine it was: no host name,
no user name, no path.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from nas_rlm.errors import MeasurementError

UNKNOWN = "unknown"
"""Stands where the system does not say."""

_CPUINFO = Path("/proc/cpuinfo")


@dataclasses.dataclass(frozen=True)
class Environment:
    """Hardware, threads and versions of a measurement."""

    cpu_model: str
    architecture: str
    """Instruction set, e.g. ``x86_64``."""
    cores: int
    """Logical processors that this process may use."""
    threads: int
    """Threads that one forward pass may use."""
    system: str
    """Operating system and its release."""
    python: str
    onnxruntime: str
    onnx: str
    provider: str = "CPUExecutionProvider"
    """What of onnxruntime ran the model."""

    @property
    def digest(self) -> str:
        """16 hex digits that are equal for equal environments."""
        text = json.dumps(self.to_mapping(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def short(self) -> str:
        """One line for tables and messages."""
        plural = "" if self.threads == 1 else "s"
        return f"{self.cpu_model}, {self.threads} thread{plural}, onnxruntime {self.onnxruntime}"

    def to_mapping(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Build an environment from what `to_mapping` gave.

        Raises:
            MeasurementError: If a field is missing or unknown.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if set(mapping) != names:
            wrong = ", ".join(sorted(names ^ set(mapping)))
            message = (
                f"A stored environment must have the fields of this version; differing: {wrong}."
            )
            raise MeasurementError(message)
        return cls(**mapping)


def current_environment(threads: int = 1) -> Environment:
    """Describe this machine, without loading onnxruntime.

    Args:
        threads: Threads that one forward pass may use.

    Returns:
        The environment.
    """
    return Environment(
        cpu_model=cpu_model(),
        architecture=platform.machine() or UNKNOWN,
        cores=usable_cores(),
        threads=threads,
        system=f"{platform.system()} {platform.release()}".strip() or UNKNOWN,
        python=platform.python_version(),
        onnxruntime=_version("onnxruntime"),
        onnx=_version("onnx"),
    )


def usable_cores() -> int:
    """Return how many logical processors this process may use."""
    if platform.system() == "Linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model(cpuinfo: Path = _CPUINFO) -> str:
    """Return the name of the processor as its maker writes it.

    Args:
        cpuinfo: The file of Linux that says it.

    Returns:
        The name, or `UNKNOWN`.
    """
    if platform.system() == "Darwin":
        return _sysctl("machdep.cpu.brand_string")
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or UNKNOWN
    for key in ("model name", "Model", "Hardware", "cpu model"):
        match = re.search(rf"^{key}\s*:\s*(\S.*)$", text, flags=re.MULTILINE)
        if match:
            return " ".join(match[1].split())
    return platform.processor() or UNKNOWN


def _sysctl(key: str) -> str:
    """A value of macOS."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed program and arguments
            ["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, check=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return done.stdout.strip() or UNKNOWN


def _version(package: str) -> str:
    """Version of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return UNKNOWN
