"""Settings of the graph network and of its training, with their ranges. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from surrogates.errors import SettingsError
from surrogates.setting_checks import check_range

N_HEADS = 4
"""Attention heads of the graph transformer."""


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that decides what a fitted network is, besides input, rows and seed."""

    width: int = 64
    """Length of a vector inside the network."""
    n_layers: int = 4
    """Rounds of messages."""
    dropout: float = 0.0
    """On every update while training."""
    n_members: int = 3
    """Networks trained from different seeds; their mean ranks, their spread is the uncertainty."""
    rank_share: float = 0.5
    """How far the label scale follows ranks rather than the raw range, in [0, 1)."""
    squared_error_weight: float = 1.0
    """Weight of the squared error; with 0 a line from scores to labels is fitted afterwards."""
    ranking_weight: float = 10.0
    """Weight of the pairwise ranking loss beside the squared error."""
    ranking_temperature: float = 0.1
    """Difference, in standard deviations of the labels, that counts as clearly ordered."""
    n_steps: int | None = None
    """Training steps of a member; None chooses by the number of rows."""
    batch_size: int = 32
    """Rows of one step."""
    learning_rate: float = 5e-3
    """Peak learning rate of AdamW."""
    weight_decay: float = 0.05
    """Decoupled weight decay."""
    average_decay: float = 0.99
    """Of the moving average of the weights, which is what predicts."""
    finetune_steps: int | None = None
    """Training steps of a member that starts from a fitted one; None chooses by the rows."""
    finetune_learning_rate: float = 1e-3
    """Peak learning rate of these steps."""
    finetune_heads_learning_rate: float = 1e-2
    """Likewise where nothing but the heads of the metrics is trained."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name, low, high in (
            ("width", 1, 4096),
            ("n_layers", 1, 64),
            ("dropout", 0.0, 0.9),
            ("n_members", 1, 1000),
            ("rank_share", 0.0, 0.99),
            ("squared_error_weight", 0.0, 1e6),
            ("ranking_weight", 0.0, 1e6),
            ("ranking_temperature", 1e-4, 1e3),
            ("batch_size", 2, 65536),
            ("learning_rate", 0.0, 1.0),
            ("weight_decay", 0.0, 10.0),
            ("average_decay", 0.0, 0.99999),
            ("finetune_learning_rate", 0.0, 1.0),
            ("finetune_heads_learning_rate", 0.0, 1.0),
        ):
            check_range(name, getattr(self, name), low, high)
        if self.squared_error_weight == self.ranking_weight == 0.0:
            raise SettingsError(
                "`squared_error_weight` or `ranking_weight` must be positive, but both are 0."
            )
        for name in ("n_steps", "finetune_steps"):
            if getattr(self, name) is not None:
                check_range(name, getattr(self, name), 1)

    def steps_for(self, n_rows: int) -> int:
        """Training steps for a number of rows: more rows repay more steps."""
        if self.n_steps is not None:
            return self.n_steps
        return int(min(2000, 200 + 0.6 * n_rows))

    def for_finetuning(self, n_rows: int, *, heads_only: bool = False) -> Self:
        """Return the settings with which a fitted network is trained further on rows."""
        steps = self.finetune_steps
        if steps is None:
            steps = int(min(1000, 50 + 0.6 * n_rows))
        rate = self.finetune_heads_learning_rate if heads_only else self.finetune_learning_rate
        return replace(self, n_steps=steps, learning_rate=rate)


@dataclass(frozen=True)
class GcnSettings(NetworkSettings):
    """Settings of a network on statements, with the defaults of the GCN."""

    vocabulary_size: int = 2048
    """Upper limit of the learned tokenizer."""

    def __post_init__(self) -> None:
        """Check every range."""
        super().__post_init__()
        check_range("vocabulary_size", self.vocabulary_size, 257, 1_000_000)


@dataclass(frozen=True)
class GatSettings(GcnSettings):
    """Defaults of the graph attention network."""


@dataclass(frozen=True)
class GinSettings(GcnSettings):
    """Defaults of the graph isomorphism network."""

    learning_rate: float = 2e-3


@dataclass(frozen=True)
class GraphTransformerSettings(GcnSettings):
    """Defaults of the graph transformer."""

    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Check every range; heads share the width."""
        super().__post_init__()
        if self.width % N_HEADS:
            raise SettingsError(
                f"`width` must be a multiple of {N_HEADS}, the number of heads, but got "
                f"{self.width!r}."
            )


@dataclass(frozen=True)
class FlanSettings(GcnSettings):
    """Defaults of the flow attention network."""

    learning_rate: float = 2e-3


@dataclass(frozen=True)
class TaGatesSettings(GcnSettings):
    """Defaults of the refined operations; a layer is one time step."""

    n_layers: int = 2


@dataclass(frozen=True)
class BrpNasSettings(GcnSettings):
    """Defaults of the plain GCN on pairs."""

    squared_error_weight: float = 0.0
    ranking_temperature: float = 0.3
    learning_rate: float = 2e-3


@dataclass(frozen=True)
class GraphMlpSettings(NetworkSettings):
    """Defaults of the perceptron on graph features."""

    width: int = 128
    n_layers: int = 2
    learning_rate: float = 2e-3
