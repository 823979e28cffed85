"""Freed memory stays, so a second batch faults few pages; cycles are not searched meanwhile."""

import gc
import subprocess
import sys

import pytest

from surrogates.memory import paused_collection

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


def test_the_search_for_cycles_goes_on_afterwards_if_it_was_on() -> None:
    def refused() -> None:
        with paused_collection():
            assert not gc.isenabled()
            raise ValueError("a text")

    assert gc.isenabled()
    with pytest.raises(ValueError, match="a text"):
        refused()
    assert gc.isenabled()
    gc.disable()
    try:
        with paused_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
