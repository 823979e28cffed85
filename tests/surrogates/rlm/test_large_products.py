"""Reduced precision and several threads: where large products gain from them, and nowhere else."""

from typing import Any

import pytest
import torch

from surrogates.rlm import large_products
from surrogates.rlm.encoders.dataflow_reader import DataflowNetwork
from surrogates.rlm.encoders.sequence import SequenceNetwork
from surrogates.rlm.large_products import training_autocast, training_threads
from surrogates.rlm.regressor import RlmRegressor
from tests.surrogates.conftest import conv_chain


@pytest.fixture(autouse=True)
def _three_threads() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("is_fast", [False, True])
@pytest.mark.parametrize("are_large", [False, True])
def test_products_are_reduced_where_both_gain(
    monkeypatch: pytest.MonkeyPatch, *, is_fast: bool, are_large: bool
) -> None:
    monkeypatch.setattr(large_products, "has_fast_bfloat16", lambda: is_fast)
    ones = torch.ones(2, 2)
    with training_autocast(are_large=are_large):
        product = ones @ ones
    assert product.dtype == (torch.bfloat16 if is_fast and are_large else torch.float32)


def test_threads_are_as_before_after_a_failure_too() -> None:
    with training_threads(are_large=True):
        assert torch.get_num_threads() == 3
    seen = []

    def failing() -> None:
        with training_threads(are_large=False):
            seen.append(torch.get_num_threads())
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert seen == [1]
    assert torch.get_num_threads() == 3


def test_only_long_sequences_have_large_products() -> None:
    assert SequenceNetwork.has_large_products
    assert not DataflowNetwork.has_large_products


@pytest.mark.parametrize(("encoder", "n_threads"), [("dataflow", 1), ("sequence", 3)])
def test_steps_take_the_threads_that_their_products_are_worth(
    encoder: str, n_threads: int
) -> None:
    seen = set()
    rlm = RlmRegressor(encoder=encoder, width=16, n_layers=1, n_steps=2, n_members=1)
    texts = [conv_chain(n, 3) for n in (1, 2, 3, 4)]
    labels = [{"accuracy_percent/x": float(n)} for n in (1, 2, 3, 4)]
    rlm.fit(texts, labels, progress=lambda *_: seen.add(torch.get_num_threads()))
    assert seen == {n_threads}
    assert torch.get_num_threads() == 3
