"""What the dataflow reader counts in a text, and that a checkpoint keeps it."""

import json

import numpy as np
import pytest
import torch

from surrogates.rlm.encoders.dataflow_reader import DataflowReader
from surrogates.rlm.settings import RlmSettings
from tests.surrogates.conftest import conv_chain

TEXTS = [conv_chain(n, kernel) for n in (1, 2, 3) for kernel in (1, 3)]
SETTINGS = RlmSettings(width=16, n_layers=1)


@pytest.fixture(scope="module")
def reader() -> DataflowReader:
    return DataflowReader.learn(TEXTS, SETTINGS)


def test_counts_differ_where_texts_do(reader: DataflowReader) -> None:
    counts = reader.prepare(TEXTS).collate(range(6)).counts
    assert counts.shape[0] == 6
    assert counts.shape[1] > 3
    assert len(np.unique(counts.numpy(), axis=0)) == 6


def test_the_network_reads_the_counts(reader: DataflowReader) -> None:
    torch.manual_seed(0)
    network = reader.new_network().eval()
    batch = reader.prepare(TEXTS[:2]).collate([0, 1])
    with torch.inference_mode():
        plain = network(batch).vectors
        moved = network(batch._replace(counts=batch.counts + 1.0)).vectors
    assert not torch.allclose(plain, moved, atol=1e-3)


def test_counts_far_outside_the_training_texts_are_bounded(reader: DataflowReader) -> None:
    counts = reader.prepare([conv_chain(60, 5)]).collate([0]).counts
    assert counts.abs().max() == pytest.approx(6.0)


def test_a_round_trip_keeps_the_counts(reader: DataflowReader) -> None:
    state = json.loads(json.dumps(reader.to_json()))
    again = DataflowReader.from_json(state, SETTINGS)
    batches = [own.prepare(TEXTS).collate(range(6)) for own in (reader, again)]
    assert torch.equal(batches[0].counts, batches[1].counts)


def test_each_group_of_metrics_has_counts_of_its_own_scale() -> None:
    small, large = TEXTS, [conv_chain(n, 5) for n in (20, 40, 60)]
    learned = DataflowReader.learn([*small, *large], SETTINGS)
    reader = learned.rescaled([small, large])
    assert reader.n_groups == 2
    groups = np.array([0] * 6 + [1] * 3)
    prepared = reader.prepare([*small, *large], groups)
    counts = prepared.collate(range(9)).counts.numpy()
    for own in (counts[:6], counts[6:]):
        assert own.mean(axis=0) == pytest.approx(0.0, abs=1e-5)
        stds = own.std(axis=0)
        assert np.all((np.abs(stds - 1.0) < 1e-4) | (stds == 0.0))
    assert (counts[6:].std(axis=0) == 0.0).any()  # all have kernels of 5
    assert (counts[6:].std(axis=0) > 0.0).any()
    again = DataflowReader.from_json(json.loads(json.dumps(reader.to_json())), SETTINGS)
    swapped = again.rescaled([1, 0]).prepare(small).of_group(1).collate(range(6)).counts
    assert np.array_equal(swapped.numpy(), counts[:6])
    with_one = learned.prepare([*small, *large]).collate(range(9)).counts.numpy()
    assert np.abs(with_one - counts).max() > 0.5


def test_a_reader_that_was_stored_with_one_scale_has_that(reader: DataflowReader) -> None:
    state = reader.to_json()
    del state["scales"]
    old = DataflowReader.from_json(state, SETTINGS)
    counts = [own.prepare(TEXTS).collate(range(6)).counts for own in (reader, old)]
    assert torch.equal(counts[0], counts[1])


def test_counts_can_be_left_out() -> None:
    settings = RlmSettings(width=16, n_layers=1, has_counts=False)
    reader = DataflowReader.learn(TEXTS, settings)
    assert reader.to_json()["counts"] is None
    batch = reader.prepare(TEXTS).collate([0, 1])
    assert batch.counts.shape == (2, 0)
    assert reader.new_network()(batch).vectors.shape == (2, 1, 16)
