"""Reduced precision: where the processor and the encoder gain from it, and nowhere else."""

import pytest
import torch

from surrogates.rlm import precision
from surrogates.rlm.encoders.dataflow_reader import DataflowNetwork
from surrogates.rlm.encoders.sequence import SequenceNetwork
from surrogates.rlm.precision import training_autocast


@pytest.mark.parametrize("is_fast", [False, True])
@pytest.mark.parametrize("gains", [False, True])
def test_products_are_reduced_where_both_gain(
    monkeypatch: pytest.MonkeyPatch, *, is_fast: bool, gains: bool
) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: is_fast)
    ones = torch.ones(2, 2)
    with training_autocast(gains=gains):
        product = ones @ ones
    assert product.dtype == (torch.bfloat16 if is_fast and gains else torch.float32)


def test_only_long_sequences_gain() -> None:
    assert SequenceNetwork.gains_from_bfloat16
    assert not DataflowNetwork.gains_from_bfloat16
