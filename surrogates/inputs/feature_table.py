"""Graph features as the columns of a matrix, chosen on training rows and scaled where asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from surrogates.inputs.graph_features import LIVE, Features, graph_features

UNSEEN = "unseen operations"
"""Column that counts operations of kinds that no training text had."""

_COUNT = "count "
_HAS_LIVE = f"{LIVE}params"
_ALWAYS = ("params", "macs", "longest", UNSEEN)
_MOST_DEVIATIONS = 6.0
_LEAST_STD = 1e-9


class CountScale(NamedTuple):
    """Means and standard deviations of logarithms of counts, shape ``(c,)`` each.

    A count that does not vary has deviation 0, and nothing is said of it.
    """

    means: NDArray[np.float64]
    stds: NDArray[np.float64]

    @classmethod
    def of(cls, logarithms: NDArray[np.float64]) -> Self:
        """Measure by some texts, shape ``(n, c)``."""
        return cls(logarithms.mean(axis=0), logarithms.std(axis=0))

    def standardised(self, logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return deviations from the means in standard deviations, shape ``(n, c)``, bounded."""
        varies = self.stds > _LEAST_STD
        scaled = (logarithms - self.means) / np.where(varies, self.stds, 1.0)
        return np.clip(np.where(varies, scaled, 0.0), -_MOST_DEVIATIONS, _MOST_DEVIATIONS)


@dataclass(frozen=True)
class FeatureTable:
    """Columns, and how to scale them.

    Attributes:
        names: Of the columns: all features that differ between training rows, and a few always;
            those of live parts where they are not those of the whole in every row.
        kinds: Kinds of operation in the training texts.
        means: Of the logarithms of each column over the training rows.
        stds: Likewise; 1 where a column is constant.
        has_pairs: Whether there are columns of ways in steps of two kinds, which are as many as all
            others.
    """

    names: tuple[str, ...]
    kinds: frozenset[str]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    has_pairs: bool = True

    @classmethod
    def fit(cls, texts: Sequence[str], *, has_pairs: bool = True) -> FeatureTable:
        """Choose and scale the columns.

        Args:
            texts: Of the training rows, at least one.
            has_pairs: See above.

        Raises:
            TextError: If a text cannot be read.
        """
        rows = [graph_features(text) for text in texts]
        found = dict.fromkeys(name for row in rows for name in row if has_pairs or "|" not in name)
        kinds = frozenset(_kind(name) for name in found if name.startswith(_COUNT))
        of_live = [f"{LIVE}{name}" for name in found if not name.startswith(LIVE)]
        names = sorted({*found, *_ALWAYS, *(of_live if _HAS_LIVE in found else ())})
        raw = _matrix(rows, names, kinds)
        is_kept = _says_something(raw, names) | np.isin(names, _ALWAYS)
        logarithms = _logarithms(raw[:, is_kept])
        stds = logarithms.std(axis=0)
        return cls(
            names=tuple(name for name, kept in zip(names, is_kept, strict=True) if kept),
            kinds=kinds,
            means=tuple(logarithms.mean(axis=0).tolist()),
            stds=tuple(np.where(stds > _LEAST_STD, stds, 1.0).tolist()),
            has_pairs=has_pairs,
        )

    def restricted(self, places: Sequence[int]) -> FeatureTable:
        """Return a table of some of the columns."""
        return replace(
            self,
            names=tuple(self.names[place] for place in places),
            means=tuple(self.means[place] for place in places),
            stds=tuple(self.stds[place] for place in places),
        )

    def matrix(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the features themselves, shape ``(n, k)``.

        Raises:
            TextError: If a text cannot be read.
        """
        rows = [graph_features(text) for text in texts]
        return _matrix(rows, self.names, self.kinds)

    def logarithms(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return logarithms of 1 + feature, shape ``(n, k)``.

        Raises:
            TextError: If a text cannot be read.
        """
        return _logarithms(self.matrix(texts))

    def scaled(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return standardised logarithms of 1 + feature, shape ``(n, k)``.

        Raises:
            TextError: If a text cannot be read.
        """
        return self.standardised(self.matrix(texts))

    def standardised(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return standardised logarithms of 1 + feature for rows of :meth:`matrix`."""
        logarithms = _logarithms(features)
        return np.asarray((logarithms - np.array(self.means)) / np.array(self.stds))

    def to_state(self) -> dict[str, Any]:
        """Return what :meth:`from_state` needs, as JSON can hold it."""
        return {
            "names": list(self.names),
            "kinds": sorted(self.kinds),
            "means": list(self.means),
            "stds": list(self.stds),
            "has_pairs": self.has_pairs,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> FeatureTable:
        """Restore a table.

        Raises:
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If the parts have different lengths, a name is none or a scale no number.
        """
        table = cls(
            names=tuple(map(_column, state["names"])),
            kinds=frozenset(state["kinds"]),
            means=tuple(map(float, state["means"])),
            stds=tuple(map(float, state["stds"])),
            has_pairs=bool(state["has_pairs"]),
        )
        if not len(table.names) == len(table.means) == len(table.stds):
            raise ValueError("columns and scales differ in number")
        check_scales(table.means, table.stds)
        return table


def check_scales(means: Sequence[float], stds: Sequence[float]) -> None:
    """Check what a checkpoint says of the scales of columns.

    Raises:
        ValueError: If a mean is not finite, or a standard deviation not finite and above 0.
    """
    if not np.isfinite([*means, *stds]).all() or any(std <= 0.0 for std in stds):
        raise ValueError("scales must be finite and deviations above 0")


def _column(name: object) -> str:
    """The name of a column as a checkpoint has it: of a pair at most two parts."""
    if not isinstance(name, str):
        raise TypeError(f"a column is named {name!r}")
    if name.count("|") > 1 or ("|" in name and " " not in name):
        raise ValueError(f"a column is named {name!r}")
    return name


def _kind(name: str) -> str:
    return name.removeprefix(_COUNT)


def _says_something(raw: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.bool_]:
    """Which columns differ between rows, and those of live parts also from those of the whole."""
    differs: NDArray[np.bool_] = (raw != raw[0]).any(axis=0)
    places = {name: place for place, name in enumerate(names)}
    for name, place in places.items():
        whole = places.get(name.removeprefix(LIVE), place)
        differs[place] &= whole == place or bool((raw[:, place] != raw[:, whole]).any())
    return differs


def _logarithms(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts and sizes, all at least 0, on one footing."""
    return np.asarray(np.log1p(raw))


def _matrix(
    rows: Sequence[Features], names: Sequence[str], kinds: frozenset[str]
) -> NDArray[np.float64]:
    """One row a text; a feature that a text lacks is 0, but see :func:`_pair_of_one`.

    A text that has no features of its live part is all alive.
    """
    of_whole = [name.removeprefix(LIVE) for name in names]
    asked = [names if _HAS_LIVE in row else of_whole for row in rows]
    values = chain.from_iterable(
        map(row.get, own, repeat(math.nan)) for row, own in zip(rows, asked, strict=True)
    )
    table = np.fromiter(values, np.float64, len(rows) * len(names)).reshape(len(rows), len(names))
    is_absent = np.isnan(table)
    table[is_absent] = 0.0
    is_pair = np.array(["|" in name for name in names], dtype=np.bool_)
    for number, place in np.argwhere(is_absent & is_pair).tolist():
        table[number, place] = _pair_of_one(rows[number], asked[number][place])
    if UNSEEN in names:
        table[:, names.index(UNSEEN)] = _unseen(rows, kinds)
    return table


def _unseen(rows: Sequence[Features], kinds: frozenset[str]) -> list[float]:
    """Operations of kinds that no training text had, for each row."""
    others: set[str] = set()  # names of anything else, as far as met
    found = []
    for row in rows:
        n_unseen = 0.0
        for name in row.keys() - others:
            if name.startswith(_COUNT) and _kind(name) not in kinds:
                n_unseen += row[name]
            else:
                others.add(name)
        found.append(n_unseen)
    return found


def _pair_of_one(row: Features, name: str) -> float:
    """A way counted in steps of two kinds, one of which is absent, is counted in the other's."""
    first, second = _kinds_of_pair(name)
    return row.get(first, row.get(second, 0.0))


@lru_cache(4096)
def _kinds_of_pair(name: str) -> tuple[str, str]:
    """Names of the same way in steps of each of both kinds."""
    part = LIVE if name.startswith(LIVE) else ""
    way, _, pair = name.removeprefix(part).partition(" ")
    first, second = pair.split("|")
    return f"{part}{way} {first}", f"{part}{way} {second}"
