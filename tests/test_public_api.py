"""The public names of the three packages: they resolve, are documented and lead back home."""

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

PACKAGES = ("nas_rlm", "search_spaces", "surrogates")


def every_module() -> list[ModuleType]:
    found = []
    for name in PACKAGES:
        package = importlib.import_module(name)
        found.append(package)
        found += [
            importlib.import_module(module.name)
            for module in pkgutil.walk_packages(package.__path__, f"{name}.")
        ]
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_resolve_and_are_documented(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__all__
    assert list(package.__all__) == sorted(set(package.__all__), key=sort_key)
    for public in package.__all__:
        value = getattr(package, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{name}.{public} has no docstring"
            assert value.__module__.partition(".")[0] == name


@pytest.mark.parametrize("name", PACKAGES)
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    package = importlib.import_module(name)
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


def test_lists_of_public_names_hold_only_what_exists() -> None:
    for module in every_module():
        for public in getattr(module, "__all__", ()):
            assert hasattr(module, public), f"{module.__name__}.{public}"


def test_public_functions_and_classes_have_docstrings() -> None:
    missing = [
        f"{module.__name__}.{name}"
        for module in every_module()
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and not inspect.getdoc(value)
    ]
    assert missing == []


def sort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: the order of ruff's RUF022."""
    if name.isupper():
        return 0, name
    return (1, name) if name[:1].isupper() else (2, name)
