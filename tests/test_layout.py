"""How the tree is laid out: small modules with a purpose, and tests that mirror them."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("nas_rlm", "search_spaces", "surrogates")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BANNED_NAMES = {"util", "utils", "helper", "helpers", "misc", "common"}
MAX_LINES = 400


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_walk_sees_every_package() -> None:
    """The tests below loop over MODULES: an empty list would prove nothing."""
    assert {relative(path).partition("/")[0] for path in MODULES} == set(PACKAGES)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_is_short_and_says_its_purpose(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_LINES
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring
    assert docstring.splitlines()[0].strip()


def test_no_module_is_named_for_nothing_in_particular() -> None:
    named = {
        relative(path)
        for path in MODULES
        if BANNED_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    }
    assert named == set()


def test_every_folder_of_modules_is_a_package() -> None:
    missing = {
        relative(path.parent) for path in MODULES if not (path.parent / "__init__.py").is_file()
    }
    assert missing == set()


def test_error_classes_derive_from_the_root_and_a_builtin() -> None:
    """One root per package; each subclass can be caught as what it is in plain Python too."""
    import nas_rlm.errors
    import search_spaces.errors
    import surrogates.errors

    for module, root in (
        (nas_rlm.errors, nas_rlm.errors.NasRlmError),
        (search_spaces.errors, search_spaces.errors.SearchSpaceError),
        (surrogates.errors, surrogates.errors.SurrogateError),
    ):
        own = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and value.__module__ == module.__name__
        ]
        assert root in own
        for error in own:
            assert issubclass(error, root), error
            if error is not root:
                assert any(
                    base.__module__ == "builtins"
                    and base not in {Exception, BaseException, object}
                    for base in error.__mro__
                ), error


def test_a_test_file_mirrors_a_module() -> None:
    """`tests/p/test_m.py` stands for `p/m.py` or a package `m`, so a test is easy to find."""
    strays = set()
    for package in PACKAGES:
        for path in (ROOT / "tests" / package).rglob("test_*.py"):
            subject = path.relative_to(ROOT / "tests").with_name(path.stem.removeprefix("test_"))
            module = (ROOT / subject).with_suffix(".py")
            parent = ROOT / subject.parent
            prefixed = any(
                subject.name.startswith(f"{other.stem}_") for other in parent.glob("*.py")
            )
            whole = subject.name == subject.parent.name and parent.is_dir()
            if not (module.is_file() or (ROOT / subject).is_dir() or prefixed or whole):
                strays.add(relative(path))
    assert strays == set()


def test_torch_is_pinned_without_a_local_build() -> None:
    """`2.13.0+cpu` exists on one index only; the plain version exists on all."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(r"^torch==\d+\.\d+\.\d+$", pins, flags=re.MULTILINE)
    assert all("==" in line for line in pins.splitlines() if line and not line.startswith("#"))


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["bench"] + extras["dev"]
    names = {re.split(r"[><=!~\[ ]", name)[0].lower().replace("_", "-") for name in wanted}
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    assert names <= {line.partition("==")[0] for line in pins.splitlines()}


def test_ci_script_is_executable_and_valid_bash() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
