"""Seconds of Pareto sorting and exact hypervolume against the number of points and objectives.

The classes are benchmarks of asv (airspeed velocity); run as a program, the file prints a table:
``python experiments/speed/hypervolume_speed.py``.
"""

import itertools
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nas_rlm.pareto.dominance import non_dominated_mask, non_dominated_ranks
from nas_rlm.pareto.hypervolume import hypervolume, hypervolume_improvements


def cloud(n_points: int, n_objectives: int) -> NDArray[np.float64]:
    """Uniform points: few of them are on the front."""
    return np.random.default_rng(0).random((n_points, n_objectives))


def sphere(n_points: int, n_objectives: int) -> NDArray[np.float64]:
    """Points of a sphere: all of them are on the front."""
    directions = np.abs(np.random.default_rng(0).normal(size=(n_points, n_objectives)))
    return np.asarray(1 - directions / np.linalg.norm(directions, axis=1, keepdims=True))


class Sorting:
    """Layers of uniform points."""

    params = ([2_000, 15_625], [2, 3])
    param_names = ("points", "objectives")

    def setup(self, n_points: int, n_objectives: int) -> None:
        """Draw the points."""
        self.points = cloud(n_points, n_objectives)

    def time_front(self, *_: int) -> None:
        """Mark the front."""
        non_dominated_mask(self.points)

    def time_layers(self, *_: int) -> None:
        """Sort into layers."""
        non_dominated_ranks(self.points)


class Volume:
    """Exact volume of a front of which every point counts."""

    params = ([100, 300], [2, 3, 4])
    param_names = ("points", "objectives")

    def setup(self, n_points: int, n_objectives: int) -> None:
        """Draw the points."""
        self.points = sphere(n_points, n_objectives)
        self.candidates = cloud(200, n_objectives)
        self.reference_point = np.full(n_objectives, 1.1)

    def time_volume(self, *_: int) -> None:
        """One volume."""
        hypervolume(self.points, self.reference_point)

    def time_improvements(self, *_: int) -> None:
        """What 200 candidates would add, each alone."""
        hypervolume_improvements(self.candidates, self.points, self.reference_point)


def seconds(work: Callable[[], None], *, at_least: float = 0.2) -> float:
    """Return the shortest of some runs, in seconds."""
    start = time.perf_counter()
    best = np.inf
    while time.perf_counter() - start < at_least:
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return float(best)


def main() -> None:
    """Print one row per benchmark and size."""
    print(f"{'benchmark':20} {'points':>7} {'objectives':>10} {'ms':>10}")
    for suite in (Sorting(), Volume()):
        names = [name for name in dir(suite) if name.startswith("time_")]
        for sizes in itertools.product(*suite.params):
            suite.setup(*sizes)
            for name in names:
                milliseconds = 1e3 * seconds(getattr(suite, name))
                print(
                    f"{name.removeprefix('time_'):20} {sizes[0]:7} {sizes[1]:10} {milliseconds:10.3f}"
                )


if __name__ == "__main__":
    main()
