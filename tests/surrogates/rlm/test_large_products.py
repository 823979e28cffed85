"""Reduced precision and several threads: where large products gain from them, and nowhere else."""

from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch

from surrogates.inputs import edge_batches
from surrogates.rlm import large_products
from surrogates.rlm.encoders.dataflow_reader import DataflowNetwork
from surrogates.rlm.encoders.sequence import SequenceNetwork
from surrogates.rlm.large_products import for_each_part, product_threads, training_autocast
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
    with product_threads(are_large=True):
        assert torch.get_num_threads() == 3
    seen = []

    def failing() -> None:
        with product_threads(are_large=False):
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


def test_parts_with_small_products_are_done_side_by_side_on_one_thread_each() -> None:
    together = Barrier(3, timeout=10.0)  # nobody passes before three parts are being worked on

    def work(part: int) -> tuple[int, int]:
        together.wait()
        return part, torch.get_num_threads()

    assert for_each_part(work, range(6), are_large=False) == [(part, 1) for part in range(6)]
    assert torch.get_num_threads() == 3


def test_parts_with_large_products_are_done_one_by_one_on_all_threads() -> None:
    at_work: list[int] = []

    def work(part: int) -> tuple[int, int, int]:
        at_work.append(part)
        found = part, len(at_work), torch.get_num_threads()
        at_work.remove(part)
        return found

    assert for_each_part(work, range(6), are_large=True) == [(part, 1, 3) for part in range(6)]


@pytest.mark.parametrize("are_large", [False, True])
def test_no_part_is_nothing_to_do_and_a_failure_is_the_callers(*, are_large: bool) -> None:
    assert for_each_part(lambda part: part, [], are_large=are_large) == []
    with pytest.raises(ZeroDivisionError):
        for_each_part(lambda part: 1 // part, [1, 0, 1], are_large=are_large)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("head", ["digits", "mse"])
def test_predictions_are_the_same_on_any_number_of_threads(
    head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [conv_chain(1 + k % 5, 1 + 2 * (k % 3)) for k in range(15)]
    labels = [{"a": float(k), "b": float(k % 4)} for k in range(15)]
    rlm = RlmRegressor(head=head, width=16, n_layers=1, n_steps=3, n_members=2)
    rlm.fit(texts, labels)
    monkeypatch.setattr(edge_batches, "_MAX_BATCH_STATEMENTS", 20)
    assert len(edge_batches.in_batches([8] * 15)) > 3
    together = rlm.predict(texts)
    torch.set_num_threads(1)
    alone = rlm.predict(texts)
    for metric in ("a", "b"):
        for found, expected in zip(
            (together[metric].values, together[metric].probabilities),
            (alone[metric].values, alone[metric].probabilities),
            strict=True,
        ):
            np.testing.assert_array_equal(found, expected)
