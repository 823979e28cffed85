"""The parts of a fitted RLM, how a checkpoint holds them, and that they agree with each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from surrogates.checkpoint import weights_under
from surrogates.rlm.counts_process import CountsProcess
from surrogates.rlm.encoders import reader_class
from surrogates.rlm.encoders.base import TextReader
from surrogates.rlm.heads import head_class
from surrogates.rlm.heads.base import Calibration, Head, Member
from surrogates.rlm.heads.digits import DigitsHead
from surrogates.rlm.settings import RlmSettings
from surrogates.rlm.source_rows import SourceRows

_PROCESS, _SOURCE = "process.", "source."
"""Before the names of their tensors in a checkpoint."""


class FittedRlm(NamedTuple):
    """All that makes a fitted RLM.

    Attributes:
        settings: Its own.
        metrics: In decoding order, m of them.
        groups: Of each metric, which of them were learned on the same rows.
        specialties: Of each metric, which network of a member learned it.
        reader: Learned.
        head: Fitted to m metrics.
        members: At least one.
        process: On the counts, of m metrics, or None.
        source: What metrics of several spaces make of texts, or None.
        training: What is told of the training.
    """

    settings: RlmSettings
    metrics: tuple[str, ...]
    groups: tuple[int, ...]
    specialties: tuple[int, ...]
    reader: TextReader
    head: Head
    members: list[Member]
    process: CountsProcess | None
    source: SourceRows | None
    training: dict[str, Any]

    def state(self) -> dict[str, Any]:
        """Return all but the tensors, as JSON can hold it."""
        return {
            "settings": self.settings.to_json(),
            "metrics": list(self.metrics),
            "groups": list(self.groups),
            "specialties": list(self.specialties),
            "reader": self.reader.to_json(),
            "head": self.head.to_json(),
            "calibration": [member.calibration for member in self.members],
            "know_counts": [member.network.knows_counts for member in self.members],
            "process": self.process and self.process.to_json(),
            "source": self.source and self.source.to_json(),
            "training": self.training,
        }

    def weights(self) -> dict[str, Tensor]:
        """Return the tensors by name."""
        weights = {
            f"{place}.{name}": tensor
            for place, member in enumerate(self.members)
            for name, tensor in member.network.state_dict().items()
        }
        if self.process:
            weights |= {f"{_PROCESS}{k}": tensor for k, tensor in self.process.tensors().items()}
        if self.source:
            weights |= {f"{_SOURCE}{k}": tensor for k, tensor in self.source.tensors().items()}
        return weights

    @classmethod
    def restored(cls, state: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Self:
        """Restore what :meth:`state` and :meth:`weights` gave.

        Raises:
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            AttributeError: Likewise.
            ValueError: If parts do not fit each other.
            RuntimeError: If tensors do not fit the networks.
        """
        settings = RlmSettings.from_json(state["settings"])
        metrics = _metrics(state["metrics"])
        reader = reader_class(settings.encoder).from_json(state["reader"], settings)
        head = head_class(settings.head).from_json(state["head"], settings)
        if not state["calibration"]:
            raise ValueError("it has no networks")
        groups = tuple(state.get("groups", [0] * len(metrics)))  # older ones read all alike
        known = range(reader.n_groups or len(metrics))
        if len(groups) != len(metrics) or not all(group in known for group in groups):
            raise ValueError(f"metrics must be of groups that it knows, but are of {groups!r}")
        specialties = tuple(state.get("specialties", [0] * len(metrics)))  # older ones had one
        if len(specialties) != len(metrics) or {*specialties} != {*range(len({*specialties}))}:
            raise ValueError(
                f"metrics must be of networks that it has, but are of {specialties!r}"
            )
        members = []
        told = state.get("know_counts", [True] * len(state["calibration"]))  # all of older ones
        pairs = zip(state["calibration"], told, strict=True)
        for place, (calibration, knows_counts) in enumerate(pairs):
            with torch.random.fork_rng(devices=[]):  # random weights, replaced at once
                network = head.network_of(reader, groups, specialties, knows_counts=knows_counts)
            part = network.parts[0]
            n_known = len(part.get_parameter(part.of_metrics[0]))
            if n_known != len(metrics):
                raise ValueError(f"it names {len(metrics)} metrics, but its head knows {n_known}")
            network.load_state_dict(weights_under(f"{place}.", weights))
            members.append(Member(network.eval(), _calibration(calibration, head, len(metrics))))
        source = None
        if state.get("source") is not None:
            source = SourceRows.from_state(state["source"], weights_under(_SOURCE, weights))
        process = None
        if state.get("process") is not None:
            n_known = len(state["process"]["metrics"])
            if n_known != len(metrics) or not isinstance(head, DigitsHead):
                raise ValueError(f"its process of {n_known} metrics does not fit its head")
            tensors = weights_under(_PROCESS, weights)
            process = CountsProcess.restore(state["process"], tensors, source)
        training = dict(state.get("training", {}))  # older ones did not say
        of_metrics = metrics, groups, specialties
        return cls(settings, *of_metrics, reader, head, members, process, source, training)


def _metrics(names: object) -> tuple[str, ...]:
    """Names that are those of metrics."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"metrics must be names, but are {names!r}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"metrics must be distinct and at least one, but are {names!r}")
    return tuple(names)


def _calibration(stored: Any, head: Head, n_metrics: int) -> Calibration:
    """The numbers of each metric, as many as the head reads."""
    found = [[float(value) for value in values] for values in stored]
    if [len(values) for values in found] != [head.n_calibration] * n_metrics:
        raise ValueError(
            f"a network must be calibrated by {head.n_calibration} numbers for each of "
            f"{n_metrics} metrics"
        )
    if not all(math.isfinite(value) for values in found for value in values):
        raise ValueError("calibrations must be finite")
    return found
