"""Seconds to measure an architecture, and how well two measurements of a list agree.

The class is a benchmark of asv (airspeed velocity); run as a program, the file prints a table:
``python experiments/speed/measure_speed.py``. Other work on the machine shows in both figures.
"""

import time

import numpy as np
import onnx

import search_spaces
from nas_rlm.evaluation.rank_metrics import kendall_tau
from nas_rlm.measure.device import current_environment
from nas_rlm.measure.interleaved import measure, measure_many
from nas_rlm.measure.onnxruntime_backend import OnnxruntimeModel
from nas_rlm.measure.protocol import Protocol

SPACES = ("nasbench201", "fbnet")


def sampled_models(space: str, n_models: int) -> list[onnx.ModelProto]:
    """Materialized random architectures of a space."""
    rng = np.random.default_rng(0)
    source = search_spaces.get_space(space)
    return [
        search_spaces.materialize(source.to_onnx(source.sample(rng)), seed=index)
        for index in range(n_models)
    ]


class Measuring:
    """One architecture, from its graph to its median."""

    params = SPACES
    param_names = ("space",)

    def setup(self, space: str) -> None:
        """Materialize one architecture."""
        self.model = sampled_models(space, 1)[0]

    def time_load(self, _: str) -> None:
        """Load it into onnxruntime."""
        OnnxruntimeModel(self.model, rng=np.random.default_rng(0))

    def time_measure(self, _: str) -> None:
        """Measure it under the default protocol."""
        measure(self.model, is_unstable_allowed=True)

    def peakmem_measure(self, _: str) -> None:
        """Peak memory of the same."""
        measure(self.model, is_unstable_allowed=True)


def main() -> None:
    """Print one row per space: 20 architectures, measured twice."""
    print(current_environment().short)
    print(f"{'space':14} {'s each':>7} {'median ms':>10} {'p90/p50':>8} {'stable':>7} {'tau':>6}")
    for space in SPACES:
        models = sampled_models(space, 20)
        start = time.perf_counter()
        first = measure_many(models, Protocol(), seed=0)
        each = (time.perf_counter() - start) / len(models)
        second = measure_many(models, Protocol(), seed=1)
        values, again = ([item.value for item in items] for items in (first, second))
        spread = np.median([item.spread for item in first])
        n_stable = sum(item.is_stable for item in first)
        print(
            f"{space:14} {each:7.3f} {np.median(values):10.3f} {spread:8.2f} "
            f"{n_stable:4}/{len(models)} {kendall_tau(again, values):6.3f}"
        )


if __name__ == "__main__":
    main()
