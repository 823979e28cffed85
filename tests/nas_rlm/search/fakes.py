"""Stand-ins for the slow parts of a search: a surrogate that counts operators, a clock that does.

Both depend on the text alone, so every run agrees; the surrogate learns one number per metric (a
linear map of the counts, by least squares) and has a real spread.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nas_rlm.measure.device import Environment
from nas_rlm.measure.interleaved import Round
from nas_rlm.measure.protocol import Measurement, Protocol, summarize
from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)

OPERATORS = ("Conv", "AveragePool", "Add", "Sum", "Relu", "[1, 1]", "[3, 3]")
OFFSETS = np.array([-1.5, -0.5, 0.0, 0.5, 1.5])
CHANCES = np.array([0.1, 0.2, 0.4, 0.2, 0.1])


def features(texts: Sequence[str]) -> NDArray[np.float64]:
    """Operator counts and 1, shape ``(n, f)``."""
    return np.array([[1.0, *(text.count(name) for name in OPERATORS)] for text in texts]).reshape(
        len(texts), len(OPERATORS) + 1
    )


def fake_latency_ms(text: str) -> float:
    """A latency that grows with the operators, different for different texts."""
    weights = np.array([1.0, 0.3, 0.1, 0.02, 0.02, 0.01, 0.05, 0.4])
    return float(features([text])[0] @ weights + (zlib.crc32(text.encode()) % 1000) * 1e-5)


class CountingSurrogate(Surrogate):
    """Least squares on operator counts, with five values of fixed chances."""

    name: ClassVar[str] = "counting"

    def __init__(self) -> None:
        self.weights: dict[str, list[float]] = {}
        self.spread: dict[str, float] = {}
        self.batches: list[int] = []

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.weights)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        del seed
        self.weights, self.spread = {}, {}
        for metric in check_rows(texts, labels):
            rows = [row for row, label in enumerate(labels) if metric in label]
            inputs = features([texts[row] for row in rows])
            target = np.array([labels[row][metric] for row in rows])
            solution = np.linalg.lstsq(inputs, target, rcond=1e-8)[0]
            self.weights[metric] = solution.tolist()
            self.spread[metric] = float(np.std(target - inputs @ solution)) + 1e-3
        if progress is not None:
            progress(1, 1, {"loss": 0.0})
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        self.batches.append(len(texts))
        inputs = features(texts)
        return Prediction(
            {
                name: PredictiveDistribution(
                    (inputs @ np.array(self.weights[name]))[:, None] + OFFSETS * self.spread[name],
                    np.tile(CHANCES, (len(texts), 1)),
                )
                for name in self.select_metrics(metrics)
            }
        )

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"weights": self.weights, "spread": self.spread})
        (folder / "counting.json").write_text(content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        content = json.loads((folder / "counting.json").read_text())
        surrogate = cls()
        surrogate.weights, surrogate.spread = content["weights"], content["spread"]
        return surrogate


ENVIRONMENT = Environment("fake", "none", 1, 1, "none", "3", "0", "0")


def fake_measure_many(
    texts: Sequence[str],
    *,
    rounds: int = 2,
    known_rounds: Iterable[Round] = (),
    on_round: Callable[[Round], None] | None = None,
    take: Callable[[str, int], float] | None = None,
) -> list[Measurement]:
    """Measure texts in rounds whose samples follow from the text and the round."""
    taken = {(item.index, item.number): item.samples_ms for item in known_rounds}
    for number in range(rounds):
        for index, text in enumerate(texts):
            if (index, number) in taken:
                continue
            value = fake_latency_ms(text) if take is None else take(text, number)
            samples = tuple(value * factor for factor in (1.0, 1.01 + 0.001 * number, 1.02))
            taken[index, number] = samples
            if on_round is not None:
                on_round(Round(index, number, samples))
    protocol = Protocol(rounds=rounds)
    return [
        summarize(
            [sample for number in range(rounds) for sample in taken[index, number]],
            protocol,
            ENVIRONMENT,
        )
        for index in range(len(texts))
    ]
