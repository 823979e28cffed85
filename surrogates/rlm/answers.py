"""What a fitted RLM says of many texts: batch by batch, and for one group of metrics at a time.

Metrics that share no training rows, such as those of two search spaces, read a text in ways of their
own (see :meth:`surrogates.rlm.encoders.base.TextReader.prepare`) and were never shown each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.errors import LabelError
from surrogates.rlm.encoders.base import PreparedTexts
from surrogates.rlm.fitted import FittedRlm
from surrogates.rlm.heads.base import Table
from surrogates.rlm.heads.digits import DigitsHead
from surrogates.rlm.large_products import for_each_part
from surrogates.rlm.prediction import Opinion


def tables_of(
    fitted: FittedRlm,
    texts: PreparedTexts,
    metrics: Sequence[int],
    *,
    given: Mapping[int, Tensor],
    is_chain: bool,
    said: Sequence[Opinion] | None,
) -> list[list[Table]]:
    """Predict exact distributions.

    Args:
        fitted: The RLM.
        texts: Read once, length n.
        metrics: Metric numbers, in decoding order.
        given: Metric number to known numerals, shape ``(n, length)``.
        is_chain: Condition later metrics on earlier ones of their group.
        said: Of each of `metrics`, what another expert says of all texts.

    Returns:
        Of each metric the tables of every batch of ``texts.batches()``.
    """
    head, members = fitted.head, fitted.members

    def answer(part: _Part) -> list[Table]:
        rows, read, places = part
        batch, asked = read.collate(rows), [metrics[place] for place in places]
        if not isinstance(head, DigitsHead):
            return head.distributions(members, batch, asked)
        known = {k: tokens[rows] for k, tokens in given.items()}
        own = said and [said[place].of(rows) for place in places]
        return head.distributions(members, batch, asked, known, is_chain=is_chain, said=own)

    parts = _parts(texts, metrics, fitted.groups)
    are_large = members[0].network.parts[0].encoder.has_large_products
    tables: list[list[Table]] = [[] for _ in metrics]
    for part, found in zip(parts, for_each_part(answer, parts, are_large=are_large), strict=True):
        for place, table in zip(part.places, found, strict=True):
            tables[place].append(table)
    return tables


def draws_of(
    fitted: FittedRlm,
    head: DigitsHead,
    texts: PreparedTexts,
    metrics: Sequence[int],
    n_samples: int,
    generator: torch.Generator,
    *,
    temperature: float,
    top_p: float,
    said: Sequence[Opinion] | None,
) -> list[NDArray[np.float64]]:
    """Draw sequences of numerals, each from one member.

    Args:
        fitted: The RLM.
        head: Its head.
        texts: Read once, length n.
        metrics: Metric numbers, in decoding order.
        n_samples: Sequences of each text.
        generator: Source of randomness.
        temperature: Divides the logits.
        top_p: Nucleus mass.
        said: Of each of `metrics`, what another expert says of all texts.

    Returns:
        Of each metric values in its unit, shape ``(n_samples, n)``.
    """
    drawn = [np.zeros((n_samples, len(texts))) for _ in metrics]
    choice = torch.randint(len(fitted.members), (n_samples,), generator=generator).numpy()
    for rows, read, places in _parts(texts, metrics, fitted.groups):
        batch = read.collate(rows)
        for number, member in enumerate(fitted.members):
            draws = np.flatnonzero(choice == number)
            if not len(draws):
                continue
            values = head.sample(
                member,
                batch,
                [metrics[place] for place in places],
                torch.arange(len(rows)).repeat(len(draws)),
                generator,
                temperature=temperature,
                top_p=top_p,
                said=said and [said[place].of(rows) for place in places],
            )
            for place, found in zip(places, values, strict=True):
                drawn[place][np.ix_(draws, rows)] = found.reshape(len(draws), len(rows))
    return drawn


def spelled(
    head: DigitsHead,
    numbers: Mapping[str, int],
    known: Mapping[str, NDArray[np.float64]],
    n_texts: int,
) -> dict[int, Tensor]:
    """Spell known values of metrics.

    Args:
        head: Writes them.
        numbers: Metric to its number.
        known: Metric to values in its unit, shape ``(n_texts,)``.
        n_texts: How many there must be.

    Returns:
        Metric number to numerals, shape ``(n, length)`` each.

    Raises:
        LabelError: If values are not finite or not one for each text.
    """
    numerals = {}
    for metric, number in numbers.items():
        values = np.asarray(known[metric], dtype=np.float64)
        if values.shape != (n_texts,) or not np.isfinite(values).all():
            raise LabelError(
                f"Known {metric!r} must be {n_texts} finite values, but got shape {values.shape}."
            )
        numerals[number] = head.spell(number, values)
    return numerals


class _Part(NamedTuple):
    """A batch of texts for a group of metrics.

    Attributes:
        rows: Of the batch.
        read: All texts, as they are read for the group.
        places: Of the metrics of the group among those that are asked for.
    """

    rows: NDArray[np.int64]
    read: PreparedTexts
    places: list[int]


def _parts(texts: PreparedTexts, metrics: Sequence[int], groups: Sequence[int]) -> list[_Part]:
    """Return every batch for every group."""
    batches = texts.batches()
    places_of: dict[int, list[int]] = {}
    for place, metric in enumerate(metrics):
        places_of.setdefault(groups[metric], []).append(place)
    parts = []
    for group, places in places_of.items():
        read = texts.of_group(group)
        parts += [_Part(rows, read, places) for rows in batches]
    return parts
