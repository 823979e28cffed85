"""Learners on the genome: what is left when nobody reads the network.

The genome of fixed length becomes one column for each choice of each gene. Labels are scaled as for
the other baselines, half by range and half by rank, and standardised. scikit-learn does the rest.

The settings below are common ones for small tables; unlike those of the other learners they are not
chosen on development rows yet.
"""

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nas_rlm.errors import ConfigError
from surrogates.targets import Target

GenomeKind = Literal["mlp", "trees", "gp"]

RANK_SHARE = 0.5
"""How far the scale of labels follows ranks."""

_Values = NDArray[np.float64]


def fit_genomes(
    kind: str, genomes: _Values, labels: _Values, seed: int
) -> Callable[[_Values], _Values]:
    """Learn labels from genomes.

    Args:
        kind: ``mlp``, ``trees`` or ``gp``.
        genomes: Shape ``(n, k)``, zeros and ones, n at least 2.
        labels: Shape ``(n,)``.
        seed: Seed of the training.

    Returns:
        A function from genomes ``(m, k)`` to predictions ``(m,)`` in the unit of the labels.

    Raises:
        ConfigError: If there is no learner of that kind.
    """
    if kind not in _LEARNERS:
        known = ", ".join(_LEARNERS)
        message = f"Learner on genomes must be one of {known}, but got {kind!r}."
        raise ConfigError(message)
    from sklearn.exceptions import ConvergenceWarning

    learner = _LEARNERS[kind](len(labels), seed)
    target = Target.fit(labels, RANK_SHARE)
    with warnings.catch_warnings():
        # a kernel at its bound, or a perceptron at its last step: both predict all the same
        warnings.simplefilter("ignore", category=ConvergenceWarning)
        learner.fit(genomes, target.standardise(labels))

    def predict(queries: _Values) -> _Values:
        return target.restore(np.asarray(learner.predict(queries), dtype=np.float64))

    return predict


def _mlp(n_rows: int, seed: int) -> Any:
    """Five perceptrons whose mean predicts."""
    del n_rows
    from sklearn.ensemble import BaggingRegressor
    from sklearn.neural_network import MLPRegressor

    one = MLPRegressor(hidden_layer_sizes=(64, 64), solver="lbfgs", alpha=1.0, max_iter=300)
    return BaggingRegressor(one, n_estimators=5, bootstrap=False, random_state=seed)


def _trees(n_rows: int, seed: int) -> Any:
    """Boosted trees."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        learning_rate=0.05,
        max_iter=300,
        max_leaf_nodes=8,
        min_samples_leaf=min(5, max(1, n_rows // 10)),
        early_stopping=False,
        random_state=seed,
    )


def _gp(n_rows: int, seed: int) -> Any:
    """A Gaussian process; its kernel is chosen by marginal likelihood."""
    del n_rows
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(3.0, (0.3, 100.0), nu=2.5) + WhiteKernel(
        0.1, (1e-4, 10.0)
    )
    return GaussianProcessRegressor(kernel, n_restarts_optimizer=0, random_state=seed)


_LEARNERS: dict[str, Callable[[int, int], Any]] = {"mlp": _mlp, "trees": _trees, "gp": _gp}
