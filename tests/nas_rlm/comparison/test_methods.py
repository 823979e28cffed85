"""Methods by name: ours, registered, of an installed package, of a user's module."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from nas_rlm.comparison import methods
from nas_rlm.comparison.methods import Method, find_method, new_surrogate
from nas_rlm.errors import ConfigError
from surrogates import Surrogate
from surrogates.baselines.constant import ConstantPredictor


class Mine(ConstantPredictor):
    """A user's surrogate."""


class Unfinished(Surrogate):
    """Lacks every method."""


@pytest.fixture(autouse=True)
def _module(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("my_module")
    module.__dict__.update(Mine=Mine, Unfinished=Unfinished, number=3)
    monkeypatch.setitem(sys.modules, "my_module", module)


def test_names_are_looked_up_from_own_to_foreign() -> None:
    own = {"gcn": Method("gcn", surrogate="gcn", is_separate=True)}
    assert find_method("gcn", own).is_separate
    assert not find_method("gcn").is_separate
    assert find_method("params").count == "params"
    assert find_method("my_module:Mine").surrogate == "my_module:Mine"
    assert isinstance(new_surrogate(find_method("my_module:Mine")), Mine)


def test_an_installed_package_offers_surrogates(monkeypatch: pytest.MonkeyPatch) -> None:
    def offered(*, group: str) -> list[EntryPoint]:
        return [EntryPoint("mine", "my_module:Mine", group)]

    monkeypatch.setattr(methods, "entry_points", offered)
    method = find_method("mine")
    assert method.name == "mine"
    assert isinstance(new_surrogate(method), Mine)
    with pytest.raises(ConfigError, match="Did you mean 'mine'"):
        find_method("mime")


def test_settings_reach_the_surrogate() -> None:
    gcn = new_surrogate(Method("small", surrogate="gcn", settings={"width": 16}))
    assert gcn.settings.width == 16  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("no_such_module:Mine", "cannot be imported: No module named"),
        ("my_module:Yours", "cannot be imported"),
        ("my_module:", "cannot be imported"),
        (":Mine", "cannot be imported"),
        ("my_module:number", "implements `surrogates.Surrogate`, but is 3"),
        ("my_module:Unfinished", "must implement fit, load, metrics, predict, save"),
        ("my_module", "written module:Class"),
    ],
)
def test_what_is_no_surrogate_is_refused(name: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        find_method(name)
