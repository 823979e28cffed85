"""Fixtures that every test may use."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The same examples in every run, and no limit of its own: pytest-timeout guards the whole test.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed: the same numbers in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of benchmark files that `NAS_RLM_DATA` names; the test is skipped without it."""
    value = os.environ.get("NAS_RLM_DATA")
    if not value:
        pytest.skip("NAS_RLM_DATA is unset: it names the folder of the benchmark files")
    folder = Path(value)
    if not folder.is_dir():
        pytest.fail(f"NAS_RLM_DATA must name a folder, but got {value!r}")
    return folder
