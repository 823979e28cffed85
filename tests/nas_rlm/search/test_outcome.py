"""A search outcome goes to JSON and back."""

import json

import pytest

from nas_rlm.search.outcome import (
    Agreement,
    CheckedValue,
    FrontQuality,
    FrontRow,
    SearchOutcome,
)

ACCURACY = "accuracy_percent/cifar10"
LATENCY = "latency_ms/local"


def example() -> SearchOutcome:
    return SearchOutcome(
        space="nasbench201",
        surrogate="rlm",
        seed=3,
        metrics=(ACCURACY, LATENCY),
        level=0.8,
        candidates=2000,
        front=(
            FrontRow(
                architecture="|a~0|",
                digest="0123456789abcdef",
                file="front/0.onnx",
                values={
                    ACCURACY: CheckedValue(90.0, 89.0, 91.0, 90.5),
                    LATENCY: CheckedValue(1.25, 1.0, 1.5),
                },
            ),
        ),
        agreement=(Agreement(ACCURACY, 0.8, 15_000, "all rows that were not trained on"),),
        quality=(FrontQuality((ACCURACY, "params"), 0.99, "the whole space"),),
        seconds={"label": 1.0, "train": 2.5},
    )


def test_json_gives_the_outcome_back() -> None:
    outcome = example()
    stored = json.loads(json.dumps(outcome.to_mapping(), allow_nan=False))
    assert SearchOutcome.from_mapping(stored) == outcome


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(TypeError, match="surprise"):
        SearchOutcome.from_mapping({**example().to_mapping(), "surprise": 1})


def test_a_missing_key_is_refused() -> None:
    mapping = example().to_mapping()
    del mapping["front"]
    with pytest.raises(KeyError, match="front"):
        SearchOutcome.from_mapping(mapping)
