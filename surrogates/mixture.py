"""Several surrogates that speak as one: the average of their distributions.

Networks that were trained elsewhere and fine-tuned, and networks that have seen nothing but the
rows, err on different texts, so their mixture orders texts better than either
(:func:`finetuned_and_fresh`).

Source:
    "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", arXiv:1612.01474,
    section 2.4: an ensemble is a uniformly weighted mixture.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from surrogates import get_surrogate, load_surrogate, surrogate_class
from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.checkpoint import place_of, read_manifest, write_checkpoint
from surrogates.errors import CheckpointError, NotFittedError, SettingsError
from surrogates.transfer import mean_ranks

_PARTS = ("rlm", "gcn")
_TICKS = 1000
"""Steps that progress counts for each part, however many its training has."""


class Mixture(Surrogate):
    """The uniform mixture of surrogates that know the same metrics.

    Example:
        >>> from surrogates import get_surrogate
        >>> mixture = get_surrogate("mixture", memorizer={}, constant={})
        >>> mixture.fit(["a", "b"], [{"params": 1.0}, {"params": 3.0}]).predict(["a"])["params"].mean
        array([1.5])
    """

    name: ClassVar[str] = "mixture"

    def __init__(self, **parts: Mapping[str, object]) -> None:
        """Create unfitted parts.

        Args:
            **parts: Registered name of each part to its settings; an RLM and a GCN if there is
                none.

        Raises:
            SettingsError: If a name or a setting is refused.
        """
        chosen = parts or {name: {} for name in _PARTS}
        if self.name in chosen:
            raise SettingsError(f"A part must be no {self.name!r} itself, but got {list(chosen)}.")
        for name in chosen:  # before any settings are looked at: an unknown name is the mistake
            surrogate_class(name)
        self._parts = [get_surrogate(name, **settings) for name, settings in chosen.items()]

    @classmethod
    def of(cls, parts: Sequence[Surrogate]) -> Self:
        """Return the mixture of fitted surrogates.

        Args:
            parts: At least one; all know the metrics of the first and no others.

        Raises:
            SettingsError: If they know different metrics.
        """
        known = [sorted(part.metrics) for part in parts]
        if any(metrics != known[0] for metrics in known):
            raise SettingsError(
                f"Parts of a mixture must know the same metrics, but know {known}."
            )
        mixture = cls.__new__(cls)
        mixture._parts = list(parts)
        return mixture

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of every part, in the order of the first."""
        return self._parts[0].metrics

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Train a copy of one part after the other on all rows; see the base class.

        The copies speak once all of them are trained, so a part that refuses leaves everything as
        it was.
        """
        check_rows(texts, labels)
        fitted = []
        for place, part in enumerate(self._parts):
            shown = _share(progress, place, len(self._parts))
            fitted.append(copy.copy(part).fit(texts, labels, seed=seed, progress=shown))
        self._parts = fitted
        return self

    def order_unseen(
        self, texts: Sequence[str], metrics: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Average the ranks that all parts give; see the base class."""
        return mean_ranks([part.order_unseen(texts, metrics) for part in self._parts])

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Average the distributions of all parts; see the base class."""
        if not self.metrics:
            raise NotFittedError(
                "A mixture must be fitted before use. Call `fit` or `load` first."
            )
        wanted = self.select_metrics(metrics)
        found = [part.predict(texts, wanted) for part in self._parts]
        return Prediction(
            {
                metric: PredictiveDistribution.mixture([own[metric] for own in found])
                for metric in wanted
            }
        )

    def save(self, folder: Path) -> None:
        """Write every part to a folder of its own, the manifest last; see the base class."""
        if not self.metrics:
            raise NotFittedError("A mixture must be fitted before it is saved.")
        parts = {f"part-{place}": part.save for place, part in enumerate(self._parts)}
        write_checkpoint(folder, self.name, {"parts": len(parts)}, parts=parts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read every part; see the base class."""
        state = read_manifest(folder, cls.name)["state"]
        n_parts = state.get("parts") if isinstance(state, dict) else None
        if not isinstance(n_parts, int) or n_parts < 1:
            raise CheckpointError(f"{folder} must hold parts of a mixture, but names {n_parts!r}.")
        parts = [load_surrogate(place_of(folder, f"part-{place}")) for place in range(n_parts)]
        try:
            return cls.of(parts)
        except SettingsError as error:
            raise CheckpointError(f"{folder} must hold a whole mixture. {error}") from error


def finetuned_and_fresh(
    start: Surrogate,
    fresh: Surrogate,
    texts: Sequence[str],
    labels: Sequence[Labels],
    *,
    like: Mapping[str, str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Mixture:
    """Fine-tune a surrogate and train another from scratch on the same rows; both speak.

    Args:
        start: Fitted; stays as it is.
        fresh: Unfitted.
        texts: ONNX texts, length n.
        labels: Per text, metric name to value; a missing metric is absent.
        like: New metric to the known one that it starts from.
        seed: Of both trainings.
        progress: Called as both go on.

    Raises:
        SurrogateError: If either refuses, see :meth:`Surrogate.finetune` and :meth:`Surrogate.fit`.
    """
    tuned = start.finetune(texts, labels, like=like, seed=seed, progress=_share(progress, 0, 2))
    fresh.fit(texts, labels, seed=seed, progress=_share(progress, 1, 2))
    return Mixture.of([tuned, fresh])


def _share(progress: Progress | None, part: int, n_parts: int) -> Progress | None:
    """Count the training of one part as its share of all."""
    if progress is None:
        return None

    def shown(step: int, total: int, scalars: Mapping[str, float]) -> None:
        done = part * _TICKS + step * _TICKS // total
        progress(done, n_parts * _TICKS, scalars)

    return shown
