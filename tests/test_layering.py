"""What each package may import, proved in a fresh interpreter."""

import json
import subprocess
import sys

import pytest

PROBE = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
if sys.argv[2] == "walk":
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported_by(package: str, *, walk: bool) -> set[str]:
    """Return the top-level modules in memory after importing a package (or all its modules)."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, package, "walk" if walk else "import"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_search_spaces_load_no_framework() -> None:
    loaded = imported_by("search_spaces", walk=True)
    assert {"search_spaces", "onnx", "numpy"} <= loaded
    assert not loaded & {"torch", "transformers", "tokenizers", "onnxruntime", "optuna"}
    assert not loaded & {"surrogates", "nas_rlm"}


def test_surrogates_know_no_search_space() -> None:
    loaded = imported_by("surrogates", walk=True)
    assert "surrogates" in loaded
    assert not loaded & {"search_spaces", "nas_rlm", "optuna", "onnxruntime"}


@pytest.mark.parametrize("package", ["nas_rlm", "nas_rlm.cli", "search_spaces", "surrogates"])
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    loaded = imported_by(package, walk=False)
    assert package.partition(".")[0] in loaded
    assert not loaded & {"torch", "transformers", "onnxruntime", "optuna", "plotly", "matplotlib"}


def test_the_probe_can_fail() -> None:
    """A heavy import is seen when it is there, or the tests above prove nothing."""
    assert "torch" in imported_by("torch", walk=False)
