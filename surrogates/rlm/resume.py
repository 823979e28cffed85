"""The state of an unfinished training, kept so that a killed one goes on to the same weights.

Each network has one file, ``member-0.safetensors`` and so on: its tensors, and in the header, as
JSON, what else decides the steps to come. A file is written beside its place and moved there, so
it holds the state before some step, or of a finished member, whole. What leads to that state again
for free is not kept but done again: reader, head and starting weights.

A state says of which training it is: digests of texts, labels, settings, seed and starting
weights, and whether only what single metrics own is trained. One of another training is refused,
never mixed in. Equal weights in the end need what equal weights of two unbroken runs need: the same
machine, versions and number of threads.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from surrogates.checkpoint import weights_under, write_atomically
from surrogates.errors import CheckpointError
from surrogates.rlm.heads.base import Evidence, HeadNetwork
from surrogates.rlm.row_streams import RowStreams

if TYPE_CHECKING:
    from surrogates.rlm.members import MembersPlan
    from surrogates.rlm.training import Rows

_FORMAT = 1
_HEADER = "state"


class Moving(NamedTuple):
    """What the steps of a training cycle change.

    Attributes:
        network: With its weights, and the buffers among them.
        optimizer: Of the weights that are trained.
        average: Moving averages of these weights.
        streams: Rows that are still to come.
        rng: Also that of the streams.
    """

    network: HeadNetwork
    optimizer: torch.optim.Optimizer
    average: list[Tensor]
    streams: RowStreams
    rng: np.random.Generator


class MemberState:
    """What is kept of the training of one network of a member.

    Attributes:
        steps_done: Steps that the state found on disk has behind it; 0 if there was none.
        evidence: What the member said of held-out rows after its first cycle; else nothing.
    """

    def __init__(self, path: Path, seconds: float, facts: Mapping[str, str]) -> None:
        """Read the state if there is one.

        Args:
            path: The file.
            seconds: Between two states, at least.
            facts: What the training is, by name; see :func:`digest_of`.

        Raises:
            CheckpointError: If the state is damaged or of another training.
        """
        self.steps_done = 0
        self.evidence: Evidence = []
        self._path = path
        self._seconds = seconds
        self._facts = dict(facts)
        self._kept_at = time.monotonic()
        self._tensors: dict[str, Tensor] = {}
        self._rng: dict[str, Any] = {}
        for torn in path.parent.glob(f".{path.name}.*"):  # of a process killed while it wrote
            torn.unlink(missing_ok=True)
        if path.exists():
            self._read()

    def restore_finished(self, network: HeadNetwork) -> None:
        """Give a network the weights of a member whose training is done; evaluation mode.

        Raises:
            CheckpointError: If they do not fit.
        """
        try:
            network.load_state_dict(weights_under("weights.", self._tensors))
        except RuntimeError as error:
            raise self._damaged(error) from error
        self._tensors = {}
        network.eval()

    def restore(self, moving: Moving, done_before: int) -> int:
        """Bring a cycle that begins to where the state found on disk has it; once.

        Args:
            moving: As it is at the first step of the cycle.
            done_before: Steps of the cycles before.

        Returns:
            Steps of the cycle that are done: 0, and nothing is changed, if there was no state.

        Raises:
            CheckpointError: If the state does not fit.
        """
        if not self._tensors:
            return 0
        tensors, self._tensors = self._tensors, {}
        optimizer = moving.optimizer
        of_weights: dict[int, dict[str, Tensor]] = {}
        try:
            moving.network.load_state_dict(weights_under("weights.", tensors))
            for own, kept in zip(moving.average, _listed("average.", tensors), strict=True):
                own.copy_(kept)
            for name, tensor in weights_under("optimizer.", tensors).items():
                place, _, key = name.partition(".")
                of_weights.setdefault(int(place), {})[key] = tensor
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": of_weights, "param_groups": groups})
            moving.streams.restore([queue.numpy() for queue in _listed("queue.", tensors)])
            moving.rng.bit_generator.state = self._rng
            torch.set_rng_state(tensors["torch_rng"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise self._damaged(error) from error
        return self.steps_done - done_before

    def keep_if_due(self, steps_done: int, moving: Moving) -> None:
        """Keep the state before a step if the last one is old enough.

        Args:
            steps_done: Of the member, in all its cycles.
            moving: What the step will change.

        Raises:
            CheckpointError: If it cannot be written.
        """
        if time.monotonic() - self._kept_at < self._seconds:
            return
        tensors = {"torch_rng": torch.get_rng_state()}
        tensors |= _numbered("average.", moving.average)
        tensors |= _numbered("queue.", map(torch.from_numpy, moving.streams.queues))
        for place, kept in moving.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{place}.{key}": tensor for key, tensor in kept.items()}
        self._write(steps_done, moving.network, tensors, moving.rng.bit_generator.state)

    def end_first_cycle(self, evidence: Evidence) -> None:
        """Remember what the member said of held-out rows; the next state is due at once."""
        self.evidence = evidence
        self._kept_at = -np.inf

    def finish(self, n_steps: int, network: HeadNetwork) -> None:
        """Keep a member whose training is done.

        Raises:
            CheckpointError: If it cannot be written.
        """
        self._write(n_steps, network, {}, {})

    def _write(
        self,
        steps_done: int,
        network: HeadNetwork,
        tensors: Mapping[str, Tensor],
        rng: Mapping[str, Any],
    ) -> None:
        """Write weights, evidence and the given rest."""
        found = {f"weights.{name}": tensor for name, tensor in network.state_dict().items()}
        for place, pair in enumerate(self.evidence):
            found |= _numbered(f"evidence.{place}.", map(torch.from_numpy, pair))
        found |= tensors
        header = {
            "format": _FORMAT,
            "facts": self._facts,
            "steps_done": steps_done,
            "n_evidence": len(self.evidence),
            "rng": rng,
        }
        contiguous = {name: tensor.detach().contiguous() for name, tensor in found.items()}
        content = save(contiguous, {_HEADER: json.dumps(header)})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, content)
        except OSError as error:
            raise CheckpointError(
                f"The state of a training must be writable, but {self._path} is not: "
                f"{error.strerror}. Choose another folder."
            ) from error
        self._kept_at = time.monotonic()

    def _read(self) -> None:
        """Read the file and check that it is of this training."""
        try:
            with safe_open(self._path, framework="pt") as file:
                header = json.loads((file.metadata() or {})[_HEADER])
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - no mapping
            written, facts, rng = header["format"], dict(header["facts"]), dict(header["rng"])
            steps_done, n_evidence = int(header["steps_done"]), int(header["n_evidence"])
            evidence = [
                (tensors[f"evidence.{k}.0"].numpy(), tensors[f"evidence.{k}.1"].numpy())
                for k in range(n_evidence)
            ]
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise self._damaged(error) from error
        names = {**self._facts, **facts}
        other = [name for name in names if facts.get(name) != self._facts.get(name)]
        if written != _FORMAT:
            other = ["version"]
        if other:
            raise CheckpointError(
                f"{self._path.parent} must hold the state of this training, but holds that of one "
                f"with other {', '.join(other)}. Repeat that one, delete the folder, or name "
                "another."
            )
        self.steps_done, self.evidence = steps_done, evidence
        self._tensors, self._rng = tensors, rng

    def _damaged(self, error: Exception) -> CheckpointError:
        """Say that the file cannot be used; torch lists every weight, so the kind is enough."""
        reason = type(error).__name__ if "\n" in str(error) else repr(error)
        return CheckpointError(
            f"{self._path} must hold the state of a training, but it is damaged: {reason}. "
            "Delete it to train that member anew."
        )


class TrainingStates(NamedTuple):
    """What is kept of the training of all members, in a folder of its own.

    Attributes:
        folder: Made when the first state is written.
        seconds: Between two states of a member, at least.
        facts: What the training is, by name; see :func:`digest_of`.
    """

    folder: Path
    seconds: float
    facts: Mapping[str, str]

    def of_network(self, number: int, network: HeadNetwork) -> MemberState:
        """Return what is kept of a network.

        Args:
            number: Of the network among those of all members.
            network: With the weights from which its training starts.

        Raises:
            CheckpointError: If the state is damaged or of another training.
        """
        parts = (
            part
            for name, tensor in network.state_dict().items()
            for part in (
                name.encode(),
                tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes(),
            )
        )
        facts = {**self.facts, "starting weights": digest_of(parts)}
        return MemberState(self.folder / f"member-{number}.safetensors", self.seconds, facts)


def training_states(
    keep: Path | None,
    seconds: float,
    rows: Rows,
    plan: MembersPlan,
    *,
    are_heads: bool = False,
) -> TrainingStates | None:
    """What is kept of a training in a folder, if anything shall be."""
    if keep is None:
        return None
    facts = {
        "texts": digest_of(text.encode() for text in rows.texts),
        "labels": digest_of([*(name.encode() for name in rows.metrics), rows.raw.tobytes()]),
        "settings": digest_of(
            json.dumps([settings.to_json(), settings.schedule]).encode()
            for settings in plan.settings
        ),
        "seed": str(plan.seed),
    }
    if are_heads:
        facts["trained weights"] = "of single metrics"
    return TrainingStates(keep, seconds, facts)


def digest_of(parts: Iterable[bytes]) -> str:
    """Return one digest of some parts in their order, 16 hex digits."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()[:16]


def _numbered(prefix: str, tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    """Name tensors by their places."""
    return {f"{prefix}{place}": tensor for place, tensor in enumerate(tensors)}


def _listed(prefix: str, tensors: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the tensors that :func:`_numbered` named, in order."""
    found = weights_under(prefix, tensors)
    return [found[str(place)] for place in range(len(found))]
