"""The table of heads."""

import pytest

from surrogates.errors import SettingsError
from surrogates.rlm.heads import HEADS, head_class


@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_head_has_the_name_that_it_is_listed_under(name: str) -> None:
    assert head_class(name).name == name


def test_an_unknown_head_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"must be one of \['digits'.*, but got 'hydra'"):
        head_class("hydra")
