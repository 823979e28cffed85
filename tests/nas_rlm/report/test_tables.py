"""Tables of a search outcome."""

from nas_rlm.report.tables import front_table, outcome_tables
from nas_rlm.search.outcome import Agreement, CheckedValue, FrontQuality, FrontRow, SearchOutcome

OUTCOME = SearchOutcome(
    space="nasbench201",
    surrogate="rlm",
    seed=0,
    metrics=("accuracy_percent/cifar10", "latency_ms/local"),
    level=0.8,
    candidates=50,
    front=(
        FrontRow(
            "|a~0|",
            "0" * 16,
            "front/0.onnx",
            {
                "accuracy_percent/cifar10": CheckedValue(90.126, 89.0, 91.0, 90.5),
                "latency_ms/local": CheckedValue(1.25, 1.0, 1.5),
            },
        ),
    ),
    agreement=(Agreement("accuracy_percent/cifar10", 0.81234, 100, "unseen rows"),),
    quality=(FrontQuality(("accuracy_percent/cifar10", "params"), 0.98765, "the whole space"),),
    seconds={"label": 1.0, "train": 2.26},
)


def test_front_has_predicted_interval_and_true_of_each_metric() -> None:
    table = front_table(OUTCOME)
    assert table.columns == (
        "architecture",
        "accuracy_percent/cifar10",
        "80% interval",
        "true",
        "latency_ms/local",
        "80% interval",
        "true",
    )
    assert table.rows == (
        ("|a~0|", "90.13", "89.00 .. 91.00", "90.50", "1.250", "1.000 .. 1.500", None),
    )
    assert table.title == "Front: 1 of 50 candidates"


def test_other_tables_hold_agreement_quality_and_seconds() -> None:
    _, agreement, quality, seconds = outcome_tables(OUTCOME)
    assert agreement.rows == (("accuracy_percent/cifar10", "0.812", 100, "unseen rows"),)
    assert quality.rows == (("accuracy_percent/cifar10 x params", "0.9877", "the whole space"),)
    assert seconds.rows == (("label", "1.0"), ("train", "2.3"), ("total", "3.3"))
