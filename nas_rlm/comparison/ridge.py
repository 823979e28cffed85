"""Ridge regression for ten or twenty rows: the strength is chosen by leaving one row out."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_STRENGTHS = np.logspace(-4, 4, 33)


def ridge(
    features: NDArray[np.float64],
    labels: NDArray[np.float64],
    queries: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit labels by a linear function with an intercept and evaluate it.

    Args:
        features: Shape ``(n, p)``, on comparable scales; p may exceed n, n is at least 2.
        labels: Shape ``(n,)``.
        queries: Shape ``(m, p)``.

    Returns:
        Shape ``(m,)``. Of 33 strengths, relative to the mean squared length of a centred row, the
        one with the smallest squared error of rows that are left out is taken.

    Source:
        Leave-one-out errors of ridge regression: "Generalized Cross-Validation as a Method for
        Choosing a Good Ridge Parameter", doi:10.1080/00401706.1979.10489751, section 1.

    Example:
        >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
        >>> ridge(x, 2 * x[:, 0] + 1, np.array([[10.0]])).round(1).tolist()
        [21.0]
    """
    centre, level = features.mean(axis=0), float(labels.mean())
    rows, errors = features - centre, labels - level
    kernel = rows @ rows.T
    scale = float(np.trace(kernel)) / len(rows)
    if scale <= 0.0 or not errors.any():
        return np.full(len(queries), level)
    values, vectors = np.linalg.eigh(kernel)
    values = np.clip(values, 0.0, None)
    rotated = vectors.T @ errors
    best, weights = np.inf, np.zeros(len(rows))
    for strength in _STRENGTHS * scale:
        shrink = values / (values + strength)
        fitted = vectors @ (shrink * rotated)
        leverage = (vectors**2 * shrink).sum(axis=1) + 1.0 / len(rows)
        left_out = (errors - fitted) / np.clip(1.0 - leverage, 1e-9, None)
        loss = float(np.square(left_out).sum())
        if loss < best:
            best, weights = loss, vectors @ (rotated / (values + strength))
    return np.asarray((queries - centre) @ (rows.T @ weights) + level)


def feature_table(rows: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """Return named features as a table, shape ``(n, p)``; an absent one is 0."""
    names = {name: column for column, name in enumerate(sorted({k for row in rows for k in row}))}
    table = np.zeros((len(rows), len(names)))
    for place, row in enumerate(rows):
        for name, value in row.items():
            table[place, names[name]] = value
    return table
