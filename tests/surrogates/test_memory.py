"""Freed memory stays: a second batch of the same size faults few pages."""

import subprocess
import sys

import pytest

_PROGRAM = """
import resource, torch
from surrogates.memory import keep_freed_memory
if {keep}:
    keep_freed_memory()
def batch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(2**18 + k) for k in range(30)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults = [batch() for _ in range(2)]
print(faults[1])
"""


def _faults_of_a_second_batch(*, keep: bool) -> int:
    program = _PROGRAM.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about glibc")
def test_a_second_batch_faults_fewer_pages() -> None:
    assert _faults_of_a_second_batch(keep=True) < 0.5 * _faults_of_a_second_batch(keep=False)
