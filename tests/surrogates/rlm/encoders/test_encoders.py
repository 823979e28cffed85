"""The table of encoders."""

import pytest

from surrogates.errors import SettingsError
from surrogates.rlm.encoders import ENCODERS, reader_class


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_reader_has_the_name_that_it_is_listed_under(name: str) -> None:
    assert reader_class(name).name == name


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"must be one of \['dataflow'.*, but got 'lstm'"):
        reader_class("lstm")
