"""From a metric's unit to the range that numerals spell best, and back.

Raw accuracies crowd: half of NAS-Bench-201 lies within three points. The scale is a monotone
piecewise-linear map, fitted on training labels, that mixes the affine range with the ranks, so
that two digits resolve what is dense. It maps the training range onto [``LOW``, ``HIGH``], inside
one decade; numbers beyond extend the outer slopes, so that a crowded top is not overshot, and still
have numerals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogates.errors import LabelError

LOW, HIGH = 1.5, 9.4
"""Where the smallest and largest training label land; the decade is 1.0 to 9.9."""

_N_KNOTS = 33


@dataclass(frozen=True)
class MetricScale:
    """A strictly increasing map given by knots.

    Attributes:
        raw: Knots in the metric's unit, strictly ascending, at least 2.
        scaled: Their images, strictly ascending.
    """

    raw: tuple[float, ...]
    scaled: tuple[float, ...]

    @classmethod
    def fit(cls, values: NDArray[np.float64], *, rank_share: float) -> MetricScale:
        """Fit on training labels.

        Args:
            values: Shape ``(n,)``, finite, n at least 1.
            rank_share: In [0, 1); 0 is the affine range, 1 would be ranks alone.

        Raises:
            LabelError: If there is no finite value.
        """
        if not len(values) or not np.isfinite(values).all():
            raise LabelError(f"A scale needs finite labels, but got {len(values)} values.")
        low, high = float(values.min()), float(values.max())
        if high - low <= 1e-9 * max(1.0, abs(low)):
            half = max(1.0, abs(low)) * 0.5
            low, high = low - half, low + half
        quantiles = np.quantile(values, np.linspace(0.0, 1.0, _N_KNOTS))
        raw = np.unique(np.concatenate([quantiles, np.linspace(low, high, _N_KNOTS)]))
        raw = raw[np.concatenate([[True], np.diff(raw) > 1e-9 * (high - low)])]
        raw[-1] = high
        ordered = np.sort(values)
        below = np.searchsorted(ordered, raw, "left") + np.searchsorted(ordered, raw, "right")
        ranks = below / (2.0 * len(values))
        span = ranks[-1] - ranks[0]
        ranks = (ranks - ranks[0]) / span if span > 0 else (raw - low) / (high - low)
        unit = rank_share * ranks + (1.0 - rank_share) * (raw - low) / (high - low)
        return cls(tuple(raw.tolist()), tuple((LOW + (HIGH - LOW) * unit).tolist()))

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> MetricScale:
        """Restore a scale from its attributes by name.

        Raises:
            KeyError: If one is missing.
            TypeError: If one has another type.
            ValueError: If they are no knots.
        """
        raw, scaled = (tuple(map(float, state[name])) for name in ("raw", "scaled"))
        is_rising = all((np.diff(knots) > 0).all() for knots in (raw, scaled))
        if not (len(raw) == len(scaled) >= 2 and is_rising and np.isfinite([*raw, *scaled]).all()):
            raise ValueError("a scale must have at least 2 knots that rise")
        return cls(raw, scaled)

    def to_scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map from the metric's unit, any shape."""
        return _interpolate(values, np.array(self.raw), np.array(self.scaled))

    def to_raw(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map back to the metric's unit, any shape."""
        return _interpolate(scaled, np.array(self.scaled), np.array(self.raw))


def _interpolate(
    x: NDArray[np.float64], from_knots: NDArray[np.float64], to_knots: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Piecewise-linear interpolation; beyond an end, the slope of the outer twentieth goes on.

    That slope is kept within a factor of 10 of the slope of the whole range.
    """
    n_outer = max(1, len(from_knots) // 20)
    slopes = (to_knots[n_outer:] - to_knots[:-n_outer]) / (
        from_knots[n_outer:] - from_knots[:-n_outer]
    )
    whole = (to_knots[-1] - to_knots[0]) / (from_knots[-1] - from_knots[0])
    first, last = np.clip(slopes[[0, -1]], whole / 10.0, whole * 10.0)
    inside = np.interp(x, from_knots, to_knots)
    below = np.minimum(x - from_knots[0], 0.0) * first
    above = np.maximum(x - from_knots[-1], 0.0) * last
    return np.asarray(inside + below + above)
