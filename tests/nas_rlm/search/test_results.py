import csv
import io
import json

from nas_rlm.search.outcome import CheckedValue, FrontRow, SearchOutcome
from nas_rlm.search.results import front_csv

OUTCOME = SearchOutcome(
    space="nasbench201",
    surrogate="rlm",
    seed=0,
    metrics=("latency_ms/local", "params"),
    level=0.8,
    candidates=9,
    front=(
        FrontRow(
            '|a,b~0|"',
            "0" * 16,
            "onnx/0.onnx",
            {
                "latency_ms/local": CheckedValue(1.5, 1.0, 2.0, 1.25, 1.2, 1.3),
                "params": CheckedValue(7.0, 7.0, 7.0),
            },
        ),
    ),
    agreement=(),
    quality=(),
    seconds={},
    notes=("Something.",),
)


def test_csv_holds_every_value_and_leaves_unknown_ones_empty() -> None:
    row = next(csv.DictReader(io.StringIO(front_csv(OUTCOME))))
    assert row["architecture"] == '|a,b~0|"'
    parts = ("predicted", "low", "high", "true", "true_low", "true_high")
    latency = [float(row[f"latency_ms/local {part}"]) for part in parts]
    assert latency == [1.5, 1.0, 2.0, 1.25, 1.2, 1.3]
    assert (row["params predicted"], row["params true"], row["params true_low"]) == ("7.0", "", "")


def test_an_outcome_survives_json_twice() -> None:
    once = SearchOutcome.from_mapping(json.loads(json.dumps(OUTCOME.to_mapping())))
    assert once == OUTCOME
    assert SearchOutcome.from_mapping(json.loads(json.dumps(once.to_mapping()))) == OUTCOME
