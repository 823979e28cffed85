"""The memorizer: exact on what it saw, the median elsewhere."""

import json
from pathlib import Path

import pytest

from surrogates.baselines.memorizer import Memorizer, digest
from surrogates.errors import CheckpointError, NotFittedError

ROWS = [{"m": 4.0, "k": 1.0}, {"m": 1.0}, {"m": 2.0, "k": 3.0}]


def test_seen_texts_get_their_label_and_others_the_median() -> None:
    fitted = Memorizer().fit(["a", "b", "c"], ROWS)
    prediction = fitted.predict(["c", "unseen", "a", "b"])
    assert prediction["m"].mean.tolist() == [2.0, 2.0, 4.0, 1.0]
    assert prediction["k"].mean.tolist() == [3.0, 2.0, 1.0, 2.0]


def test_a_text_that_came_twice_gets_its_mean_label() -> None:
    fitted = Memorizer().fit(["a", "a", "b"], [{"m": 1.0}, {"m": 3.0}, {"m": 10.0}])
    assert fitted.predict(["a", "z"])["m"].mean.tolist() == [2.0, 3.0]


def test_one_character_makes_another_text() -> None:
    fitted = Memorizer().fit(["text", "other"], [{"m": 1.0}, {"m": 5.0}])
    assert fitted.predict(["text "])["m"].mean.tolist() == [3.0]


def test_the_digest_is_sha256() -> None:
    assert digest("") == "e3b0c44298fc1c14"
    assert digest("abc") == "ba7816bf8f01cfea"


def test_a_checkpoint_holds_no_text(tmp_path: Path) -> None:
    Memorizer().fit(["a secret text", "b"], ROWS[:2]).save(tmp_path)
    assert "secret" not in (tmp_path / "manifest.json").read_text()


def test_unfitted_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="fitted before it predicts"):
        Memorizer().predict(["a"])
    with pytest.raises(NotFittedError, match="fitted before it is saved"):
        Memorizer().save(tmp_path)


@pytest.mark.parametrize(
    "state", [{}, {"medians": {"m": 1.0}, "seen": {}}, {"medians": {"m": None}, "seen": {"m": {}}}]
)
def test_a_damaged_checkpoint_is_a_clear_error(tmp_path: Path, state: dict[str, object]) -> None:
    manifest = {"version": 1, "surrogate": "memorizer", "state": state}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="must hold the labels of a memorizer"):
        Memorizer.load(tmp_path)
