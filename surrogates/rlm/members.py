"""Training all networks of an RLM: of every member one, or one for each quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from surrogates.base import Progress
from surrogates.rlm.calibration import HeldOut
from surrogates.rlm.heads.base import Evidence, Head, HeadNetwork, joined
from surrogates.rlm.resume import TrainingStates
from surrogates.rlm.row_streams import metrics_of
from surrogates.rlm.settings import RlmSettings, RowLabels
from surrogates.rlm.training import Rows, TrainingRows, train


class MembersPlan(NamedTuple):
    """How the members of an RLM are trained.

    Attributes:
        n_members: How many.
        specialties: Which network of a member learns each metric.
        settings: Of the training of each network of a member.
        seed: Every member, and every network of it, has generators of its own.
    """

    n_members: int
    specialties: tuple[int, ...]
    settings: list[RlmSettings]
    seed: int

    @classmethod
    def of(
        cls,
        rows: Rows,
        head: Head,
        settings_for: Callable[[RowLabels], RlmSettings],
        seed: int,
        n_members: int | None = None,
    ) -> MembersPlan:
        """Plan by what there is to learn.

        Args:
            rows: To train on.
            head: Fitted to them.
            settings_for: From the labels that a network learns to settings of its training.
            seed: Of everything.
            n_members: How many members; None: as the settings say.
        """
        specialties = head.specialties(rows.metrics, rows.metric_groups)
        settings = [settings_for(rows.labels_of(own)) for own in metrics_of(specialties)]
        n_members = n_members or settings[0].schedule.n_members
        return cls(n_members, specialties, settings, seed)

    @property
    def n_steps(self) -> int:
        """Steps of a member."""
        return sum(settings.schedule.n_steps for settings in self.settings)

    def facts(self, rows: Rows) -> dict[str, Any]:
        """Return what a checkpoint tells of the training."""
        n_known = (~np.isnan(rows.raw)).sum(axis=0).tolist()
        return {
            "rows": len(rows.texts),
            "rows_per_metric": dict(zip(rows.metrics, n_known, strict=True)),
            "members": self.n_members,
            "steps": self.n_steps,
            "batch_size": self.settings[0].schedule.batch_size,
            "seed": self.seed,
        }


def train_members(
    plan: MembersPlan,
    head: Head,
    rows: TrainingRows,
    held: Sequence[HeldOut],
    start: Callable[[int], HeadNetwork],
    progress: Progress | None,
    states: TrainingStates | None,
) -> tuple[list[HeadNetwork], list[Evidence]]:
    """Train every member from where `start` says.

    Args:
        plan: How.
        head: Fitted to the rows.
        rows: To train on.
        held: Rows that each member leaves out at first.
        start: From the number of a member to its network.
        progress: Told of the steps of all.
        states: What is kept of the training.

    Returns:
        The networks, and what each of them said of rows that it had not seen.
    """
    networks, evidence, done = [], [], 0
    with torch.random.fork_rng(devices=[]):
        for member in range(plan.n_members):
            rng = _seeded(plan.seed, member)
            network = start(member)
            said = []
            for place, (part, settings) in enumerate(
                zip(network.parts, plan.settings, strict=True)
            ):
                if place:
                    rng = _seeded(plan.seed, member, place)
                shown = _progress_after(progress, done, plan.n_members * plan.n_steps)
                state = states and states.of_network(member * len(plan.settings) + place, part)
                own, left_out = head.under(settings), held[member]
                said.append(train(part, own, rows, settings, left_out, rng, shown, state))
                done += settings.schedule.n_steps
            networks.append(network)
            evidence.append(joined([of_part for of_part in said if of_part]))
    return networks, evidence


def _seeded(*numbers: int) -> np.random.Generator:
    """Return the generator of these numbers, after torch's was seeded from it."""
    rng = np.random.default_rng(numbers)
    torch.manual_seed(int(rng.integers(2**63)))
    return rng


def _progress_after(progress: Progress | None, done: int, total: int) -> Progress | None:
    """Count the steps of one network as part of all."""
    if progress is None:
        return None

    def shown(step: int, _: int, scalars: Mapping[str, float]) -> None:
        progress(done + step, total, scalars)

    return shown
