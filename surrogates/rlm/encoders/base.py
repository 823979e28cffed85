"""What every encoder of the RLM is: texts prepared once, batches of them turned into vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from surrogates.rlm.settings import RlmSettings

Batch = Any
"""What :meth:`PreparedTexts.collate` makes; only the network of the same encoder looks inside."""


class Encoded(NamedTuple):
    """What a head knows of ``n`` texts.

    Attributes:
        vectors: Shape ``(n, s, d)``; place 0 is a summary of the whole text, s at least 1.
        padding: Shape ``(n, s)``, true where there is nothing; never at place 0.
    """

    vectors: Tensor
    padding: Tensor


class EncoderNetwork(nn.Module, ABC):
    """The trained part of an encoder."""

    has_large_products: ClassVar[bool] = True
    """Whether a training step gains from what :mod:`surrogates.rlm.large_products` says."""

    summaries: tuple[int, ...] = ()
    """Which of the encoded vectors each metric reads; empty if each reads all of them."""

    @property
    def of_summaries(self) -> tuple[str, ...]:
        """Weights with one row a summary."""
        return ()

    @property
    def knows_counts(self) -> bool:
        """Whether it reads what was counted in a text beside the text."""
        return False

    @abstractmethod
    def forward(self, batch: Batch) -> Encoded:
        """Encode a batch that the reader of the same encoder collated."""


class PreparedTexts(ABC):
    """Texts that were read once, ready to be collated in any order."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of texts."""

    @abstractmethod
    def collate(self, rows: Sequence[int] | NDArray[np.int64]) -> Batch:
        """Put some texts, at least one, together to a batch on which the network can work."""

    @abstractmethod
    def batches(self) -> list[NDArray[np.int64]]:
        """Split all texts into batches of bounded memory: row numbers."""

    def of_group(self, group: int) -> Self:  # noqa: ARG002
        """Return the same texts, read for a group of metrics, see :meth:`TextReader.prepare`."""
        return self


class TextReader(ABC):
    """The part of an encoder that is learned once and shared by all members of an RLM.

    It is kept as JSON; the weights of the network are kept apart, as safetensors.
    """

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def learn(cls, texts: Sequence[str], settings: RlmSettings) -> Self:
        """Learn from training texts, at least one.

        Raises:
            TextError: If a text cannot be read.
            SettingsError: If the settings do not suit this encoder.
        """

    @classmethod
    @abstractmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore a reader from :meth:`to_json` and the settings that it learned under.

        Raises:
            CheckpointError: If the state is damaged.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return what was learned, as values that JSON can hold."""

    @abstractmethod
    def prepare(
        self, texts: Sequence[str], groups: NDArray[np.int64] | None = None
    ) -> PreparedTexts:
        """Read texts.

        Args:
            texts: ONNX texts, length n.
            groups: Shape ``(n,)``, the group of metrics that each is read for; None: the first.
                Metrics of a group share rows, see :mod:`surrogates.rlm.row_streams`.

        Raises:
            TextError: If a text cannot be read.
        """

    @property
    def n_groups(self) -> int:
        """How many groups of metrics it reads in ways of their own; 0 if it reads for all alike."""
        return 0

    def rescaled(self, of_groups: Sequence[int | Sequence[str]]) -> Self:  # noqa: ARG002
        """Return a reader for other groups of metrics.

        Args:
            of_groups: Of each of them a group whose texts are measured alike, or the texts by
                which all others are measured.
        """
        return self

    @abstractmethod
    def new_network(
        self, *, knows_counts: bool = True, summaries: Sequence[int] = ()
    ) -> EncoderNetwork:
        """Create a network for batches of this reader; its vectors are ``width`` long.

        Args:
            knows_counts: Whether it is told what was counted in a text, if anything was.
            summaries: Which summary each metric reads, if the network makes several.
        """
