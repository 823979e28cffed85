"""Calibration: from the numeral that members write to the number that is meant.

Wide soft labels and a ranking loss rank best, but they stretch the numerals that members write and
say little of the error. So the mixture of all members is read through a *channel*: a numeral that
is written stands for a number on a rising line (offset and slope, on the numeral scale), with an
error of Laplace's distribution (width) around it. Numerals are sharpened before: one number
multiplies the logits of all tokens, an inverse temperature. The channel is a matrix from numerals
to numerals, so the exact distribution goes through it by a product and a sample by a draw: both
stay the same thing, and what later metrics are conditioned on is the number that is meant.

The four numbers of a metric are chosen on rows that the writing network was not trained on.
Members leave out different rows of their first training cycle, all rows with one text together, a
third of each group of metrics but at most 150 texts; all of them are the held-out rows. The line is
the least-squares line; sharpness and width are those under which held-out labels are likeliest. A
finished mixture errs less than a member at half of its training, so both are corrected by
:func:`growth`.

With fewer than `MIN_ROWS` rows every row is trained on from the start and nothing is calibrated:
distributions are then as wide as the soft labels, and what another expert says sharpens them
(:mod:`surrogates.rlm.counts_process`).

Source:
    "Accurate Uncertainties for Deep Learning Using Calibrated Regression", arXiv:1807.00263:
    recalibration of any regressor on held-out rows; here with four numbers instead of a free map,
    so that some tens of rows are enough and ranks are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.rlm.model import TrieTensors, leaf_log_probabilities

MIN_ROWS = 60
"""Fewer training rows than this are all trained on, and no metric is calibrated."""

_SHARE = 1.0 / 3.0
_MOST_TEXTS = 150
_MIN_HELD = 8
_SHARPNESSES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0)
_WIDTHS = np.geomspace(0.04, 2.0, 18)
_SLOPES = (0.2, 2.0)
_FLOOR = 1e-9
_GROWTH_OF_ONE, _GROWTH_OF_MANY = 1.2, 1.75


class HeldOut(NamedTuple):
    """Rows that the first training cycle of one member leaves out.

    Attributes:
        rows: All of them, ascending.
        distinct: One of each text and group of metrics, ascending: what the calibration looks at.
    """

    rows: NDArray[np.int64]
    distinct: NDArray[np.int64]


class MetricCalibration(NamedTuple):
    """The channel of one metric, on the numeral scale.

    Attributes:
        sharpness: Multiplies the logits of its tokens, above 0.
        offset: Of the line from numerals that are written to numbers that are meant.
        slope: Of the same, above 0.
        width: Standard deviation of the error around the line; 0 for none, and no line.
    """

    sharpness: float = 1.0
    offset: float = 0.0
    slope: float = 1.0
    width: float = 0.0


UNCALIBRATED = MetricCalibration()
"""Every numeral means itself."""


def held_out(
    texts: Sequence[str], groups: NDArray[np.int64], n_members: int, rng: np.random.Generator
) -> list[HeldOut]:
    """Choose for each member the rows that its first training cycle leaves out.

    Every group of metrics gives rows of its own, of texts that were left out for another group first:
    where all groups are of the same texts, a member leaves out no more than for one. No text is looked
    at by two members, and no member trains on a text that it leaves out.

    Args:
        texts: Of the training rows, length n.
        groups: Shape ``(n,)``, the group of metrics that each row has labels of.
        n_members: How many members there are.
        rng: Source of randomness.

    Returns:
        One for each member; without rows if there are fewer than `MIN_ROWS`.
    """
    if len(texts) < MIN_ROWS:
        return [HeldOut(np.empty(0, np.int64), np.empty(0, np.int64)) for _ in range(n_members)]
    number_of = {text: number for number, text in enumerate(sorted(set(texts)))}
    text_of = np.array([number_of[text] for text in texts])
    member_of = np.full(len(number_of), -1)  # the one that leaves a text out
    looked_at: list[list[NDArray[np.int64]]] = [[] for _ in range(n_members)]
    for group in np.unique(groups).tolist():
        rows = np.flatnonzero(groups == group)
        _, first = np.unique(text_of[rows], return_index=True)
        size = min(round(_SHARE * len(first)), _MOST_TEXTS)
        order = rows[first[rng.permutation(len(first))]]
        for member, chosen in enumerate(looked_at):
            left_out_by = member_of[text_of[order]]
            own, free = order[left_out_by == member], order[left_out_by == -1]
            chosen.append(np.concatenate([own, free])[:size])
            member_of[text_of[chosen[-1]]] = member
    found = []
    for chosen in looked_at:
        distinct = np.sort(np.concatenate(chosen))
        is_left = np.zeros(len(number_of), dtype=np.bool_)
        is_left[text_of[distinct]] = True
        found.append(HeldOut(np.flatnonzero(is_left[text_of]), distinct))
    return found


def growth(n_members: int) -> float:
    """Return how much sharper and narrower a finished mixture is than its members at half time.

    Chosen on unseen development networks of NAS-Bench-201, where the 50, 80 and 95 % intervals of
    three members hold .54 / .80 / .93 with 156 training rows (5 draws) and .57 / .86 / .97 with 1,000
    (2 draws); .2 more or less moves the first two by .02 to .05. A single member gains from the
    second half of its training alone.
    """
    return _GROWTH_OF_ONE if n_members == 1 else _GROWTH_OF_MANY


def channel(leaf_values: Tensor, calibration: MetricCalibration) -> Tensor:
    """Return the probability of every meant numeral (column) given the written one (row).

    Args:
        leaf_values: Shape ``(l,)``, the number of each numeral.
        calibration: Of a width above 0.

    Returns:
        Shape ``(l, l)``, rows sum to 1.
    """
    centre = calibration.offset + calibration.slope * leaf_values
    distance = (leaf_values - centre[:, None]).abs() / calibration.width
    return torch.softmax(-(2.0**0.5) * distance, dim=1)


def fit_calibration(
    logits: Tensor, trie: TrieTensors, scaled: NDArray[np.float64], grown: float
) -> MetricCalibration:
    """Calibrate a metric on rows that were not trained on.

    Args:
        logits: Shape ``(n, t, v)``, at every prefix of the trie.
        trie: The legal numerals of the metric.
        scaled: Shape ``(n,)``, labels on the numeral scale.
        grown: How much better the mixture is than what wrote the logits, from :func:`growth`; 1 if
            that was the mixture itself.

    Returns:
        `UNCALIBRATED` for fewer than 8 rows.
    """
    if len(scaled) < _MIN_HELD:
        return UNCALIBRATED
    labels = torch.from_numpy(scaled).float()
    true = (trie.leaf_values - labels[:, None]).abs().argmin(dim=1)
    best, likeliest = UNCALIBRATED, -torch.inf
    for sharpness in _SHARPNESSES:
        written = leaf_log_probabilities(sharpness * logits, trie).exp()
        offset, slope = _rising_line((written @ trie.leaf_values).double().numpy(), scaled)
        for width in _WIDTHS.tolist():
            tried = MetricCalibration(sharpness, offset, slope, width)
            columns = channel(trie.leaf_values, tried)[:, true].T
            likelihood = float((written * columns).sum(dim=1).clamp(min=_FLOOR).log().sum())
            if likelihood > likeliest:
                best, likeliest = tried, likelihood
    return best._replace(sharpness=grown * best.sharpness, width=best.width / grown)


def _rising_line(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    """Offset and slope of the least-squares line, of a slope within `_SLOPES`."""
    centred = predicted - predicted.mean()
    variance = float(np.mean(centred**2))
    slope = float(np.mean(centred * true)) / variance if variance > 1e-12 else 1.0
    slope = float(np.clip(slope, *_SLOPES))
    return float(true.mean() - slope * predicted.mean()), slope
