"""Which networks of an RLM are told what can be counted in a text: every other one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from surrogates.rlm.regressor import RlmRegressor
from tests.surrogates.conftest import conv_chain

QUICK: dict[str, Any] = {"width": 8, "n_layers": 1, "n_steps": 3, "n_members": 3}
TEXTS = [conv_chain(n, kernel) for n in (1, 2, 3) for kernel in (1, 3)]
LABELS = [{"accuracy_percent/x": 80.0 + row % 5} for row in range(6)]


@pytest.fixture(scope="module")
def fitted() -> RlmRegressor:
    return RlmRegressor(**QUICK).fit(TEXTS, LABELS, seed=1)


def told(rlm: RlmRegressor) -> list[bool]:
    """Whether what a network says depends on the counts that it gets."""
    parts = rlm._fitted()
    batch = parts.reader.prepare(TEXTS).collate(range(len(TEXTS)))
    other = batch._replace(counts=batch.counts + 1.0)
    found = []
    for network, _ in parts.members:
        with torch.inference_mode():
            said, again = (network.encoder(each).vectors for each in (batch, other))
        found.append(not torch.equal(said, again))
    return found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [False, True, False]),
        ({"n_members": 2}, [False, True]),
        ({"n_members": 1}, [True]),
        ({"hides_counts": False}, [True, True, True]),
        ({"has_counts": False}, [False, False, False]),
    ],
)
def test_every_second_network_is_told(settings: dict[str, Any], expected: list[bool]) -> None:
    assert told(RlmRegressor(**{**QUICK, **settings}).fit(TEXTS, LABELS)) == expected


def test_a_checkpoint_and_a_finetuning_keep_who_is_told(
    fitted: RlmRegressor, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    again = RlmRegressor.load(tmp_path)
    assert told(again) == [False, True, False]
    expected = fitted.predict(TEXTS)["accuracy_percent/x"]
    found = again.predict(TEXTS)["accuracy_percent/x"]
    assert np.array_equal(found.probabilities, expected.probabilities)
    assert told(again.finetune(TEXTS, LABELS)) == [False, True, False]


def test_all_networks_of_older_checkpoints_were_told(tmp_path: Path) -> None:
    older = RlmRegressor(**QUICK, hides_counts=False).fit(TEXTS, LABELS)
    older.save(tmp_path)
    file = tmp_path / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["state"]["know_counts"], manifest["state"]["settings"]["hides_counts"]
    manifest["state"]["settings"] |= {"n_members": None, "batch_size": None}
    file.write_text(json.dumps(manifest))
    again = RlmRegressor.load(tmp_path)
    assert told(again) == [True, True, True]
    assert told(again.finetune(TEXTS, LABELS)) == [True, True, True]
