"""The settings of the RLM: shape of the network, the numerals, and how it is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple

from surrogates.errors import SettingsError
from surrogates.rlm.encoders import ENCODERS
from surrogates.rlm.heads import HEADS
from surrogates.rlm.heads.label_scale import LABEL_SCALES
from surrogates.setting_checks import check_flag, check_range

N_HEADS = 8
"""Attention heads of the encoders that have any."""

_BATCH_SIZE = 32
MOST_NUMBERS = 6
"""Metrics of a step where rows have many, and numbers of a row that the decoder reads at once."""

_LABELS_IN_STEP = 2  # of a row


class RowLabels(NamedTuple):
    """How many training rows there are, and how many labels they have on average.

    Metrics go together if they share a row, see :mod:`surrogates.rlm.row_streams`.
    """

    n_rows: int
    n_together: float
    """Metrics that go together with those of a row."""
    n_known: float
    """Labels of a row."""


class Schedule(NamedTuple):
    """How much training some rows get."""

    n_members: int
    n_steps: int
    batch_size: int


@dataclass(frozen=True)
class RlmSettings:
    """Everything that decides what a fitted RLM is, besides rows and seed."""

    encoder: str = "dataflow"
    """How a text is read: a name in ``surrogates.rlm.encoders.ENCODERS``."""
    head: str = "digits"
    """How numbers are written: a name in ``surrogates.rlm.heads.HEADS``."""
    label_scale: str = "normalised"
    """What the head "mse" learns: "raw", "normalised" or "log" labels."""
    width: int = 64
    """Length of an encoded vector; a multiple of the number of attention heads."""
    n_layers: int = 3
    """Encoder layers."""
    has_counts: bool = True
    """Whether the dataflow encoder is also told what can be counted in a text."""
    hides_counts: bool = True
    """Whether of several members only every second one, never the first, is told it, see
    :class:`surrogates.rlm.encoders.dataflow_reader.DataflowNetwork`."""
    pools_process: bool = True
    """Whether a Gaussian process on the counts speaks too, where there are up to 10,000 texts."""
    context_length: int = 4096
    """Most tokens of a text, for encoders that read tokens."""
    truncate: bool = False
    """Cut longer texts, with a warning, instead of refusing them."""
    positions: str = "rotary"
    """How the sequence encoder knows positions: "rotary" or "learned"."""
    t5gemma_source: str | None = None
    """Folder or hub name of a T5Gemma model to start from; None: a small one is built."""
    trainable_layers: int | None = None
    """Last layers of T5Gemma that are trained; 0: none, None: all of it, embedding included."""
    n_decoder_layers: int = 1
    """Decoder layers."""
    n_members: int = 3
    """Trained from different seeds, their mixture predicts: each a network, or one for each quantity,
    see :mod:`surrogates.rlm.specialists`."""
    dropout: float = 0.0
    """On every sublayer while training."""
    n_digits: int = 2
    """Mantissa digits of a numeral."""
    rank_share: float = 0.5
    """How far the numeral scale follows ranks rather than the raw range, in [0, 1)."""
    label_width: float = 0.2
    """Standard deviation of the soft labels, as a share of the training range."""
    ranking_weight: float = 30.0
    """Weight of the pairwise ranking loss beside the cross-entropy."""
    ranking_temperature: float = 0.015
    """Difference, as a share of the training range, that counts as clearly ordered."""
    context_rate: float = 0.5
    """Chance that the decoder is shown known other metrics of a row while it learns one."""
    metrics_per_step: int | None = None
    """Most metrics that one step learns; of more, as many are drawn. None: by labels of a row."""
    n_steps: int | None = None
    """Training steps of each network; None: by number of rows and of labels of a row."""
    batch_size: int = _BATCH_SIZE
    """Rows of one step."""
    learning_rate: float = 3e-3
    """Peak learning rate of AdamW."""
    average_decay: float = 0.98
    """Of the moving average of the weights, which is what predicts; 0 keeps the last weights."""
    weight_decay: float = 0.3
    """Decoupled weight decay."""
    finetune_steps: int | None = None
    """Training steps of each network that goes on from a fitted one; None: by number of rows."""
    finetune_learning_rate: float = 4e-3
    """Peak learning rate of these steps."""
    finetune_heads_learning_rate: float = 1e-2
    """Likewise where nothing but the tokens of the metrics is trained."""
    vocabulary_size: int = 2048
    """Upper limit of the learned tokenizer."""

    def __post_init__(self) -> None:
        """Check every name and range."""
        for name, known in (
            ("encoder", ENCODERS),
            ("head", HEADS),
            ("label_scale", LABEL_SCALES),
            ("positions", ("learned", "rotary")),
        ):
            if getattr(self, name) not in tuple(known):
                raise SettingsError(
                    f"`{name}` must be one of {sorted(known)}, but got {getattr(self, name)!r}."
                )
        for name, low, high in (
            ("width", 8, 4096),
            ("n_layers", 1, 64),
            ("context_length", 1, 1_000_000),
            ("n_decoder_layers", 1, 64),
            ("dropout", 0.0, 0.9),
            ("n_digits", 1, 4),
            ("rank_share", 0.0, 0.99),
            ("label_width", 1e-4, 10.0),
            ("ranking_weight", 0.0, 1e6),
            ("ranking_temperature", 1e-4, 1e3),
            ("context_rate", 0.0, 1.0),
            ("learning_rate", 0.0, 1.0),
            ("finetune_learning_rate", 0.0, 1.0),
            ("finetune_heads_learning_rate", 0.0, 1.0),
            ("average_decay", 0.0, 0.99999),
            ("weight_decay", 0.0, 10.0),
            ("vocabulary_size", 257, 1_000_000),
        ):
            check_range(name, getattr(self, name), low, high)
        flags = "has_counts", "hides_counts", "pools_process", "truncate"
        for name in flags:
            check_flag(name, getattr(self, name))
        if not isinstance(self.t5gemma_source, str | None):
            raise SettingsError(
                f"`t5gemma_source` must be a folder or hub name, but got {self.t5gemma_source!r}."
            )
        if self.width % N_HEADS:
            raise SettingsError(
                f"`width` must be a multiple of {N_HEADS}, one slice per attention head, "
                f"but got {self.width}."
            )
        if (
            self.encoder == "sequence"
            and self.positions == "rotary"
            and self.width % (2 * N_HEADS)
        ):
            raise SettingsError(
                f"`width` must be a multiple of {2 * N_HEADS} for rotary positions, but got "
                f"{self.width}."
            )
        check_range("n_members", self.n_members, 1)
        check_range("batch_size", self.batch_size, 2)
        for name, least in (
            ("n_steps", 1),
            ("finetune_steps", 1),
            ("metrics_per_step", 1),
            ("trainable_layers", 0),
        ):
            if getattr(self, name) is not None:
                check_range(name, getattr(self, name), least)

    @property
    def has_process(self) -> bool:
        """Whether rows are also learned by a process on the counts, unless they are too many."""
        return self.pools_process and self.has_counts and self.encoder == "dataflow"

    def knows_counts(self, member: int, n_members: int) -> bool:
        """Return whether the network of one of some members, numbered from 0, is told counts."""
        return self.has_counts and (not self.hides_counts or n_members == 1 or member % 2 == 1)

    def for_training(self, labels: RowLabels) -> RlmSettings:
        """Return the settings with which a network is trained on some rows: more repay more steps.

        Networks learn latencies by heart when they see their rows too often. Kendall's tau on
        development rows of NAS-Bench-201 (1,000 training rows, one draw) by batches of 64 and of 32:
        a GPU's latency .885 and .902 (one network that is told no counts), accuracy .927 and .922
        (two networks), with the process on counts .927 and .925. Three networks by batches of 32
        take less time than two by 64 and reach .928.
        """
        return self._of_labels(labels, self.n_steps, 150)

    def for_finetuning(self, labels: RowLabels, *, heads_only: bool = False) -> RlmSettings:
        """Return the settings with which a fitted network is trained further on some rows."""
        rate = self.finetune_heads_learning_rate if heads_only else self.finetune_learning_rate
        settings = replace(self, learning_rate=rate, batch_size=_BATCH_SIZE)
        return settings._of_labels(labels, self.finetune_steps, 100)

    def _of_labels(self, labels: RowLabels, given: int | None, least: int) -> RlmSettings:
        """Let a step learn fewer metrics if rows have many labels, and make more steps for that.

        Kendall's tau of one network on development rows of NAS-Bench-201, accuracy and four
        latencies learned together from 1,000 rows (2 draws, one summary for all): .871 .852 .900
        .882 .977 by 850 steps of five metrics, .879 .862 .907 .889 .976 by 2,125 steps of two.

        Args:
            labels: Of the rows.
            given: Steps, if they are set.
            least: Steps of one metric beside those that the rows add.
        """
        in_step, grown = self.metrics_per_step, 1.0
        if self.head == "digits":  # the others learn all metrics in every step
            wanted = max(2, round(_LABELS_IN_STEP * labels.n_together / labels.n_known))
            in_step = in_step or min(wanted, MOST_NUMBERS)
            grown = max(1.0, min(labels.n_together, MOST_NUMBERS) / in_step)
        n_steps = given or int(min(2000, least + 0.7 * labels.n_rows) * grown)
        return replace(self, n_steps=n_steps, metrics_per_step=in_step)

    @property
    def schedule(self) -> Schedule:
        """How much training there is, by settings that are :meth:`for_training`."""
        if self.n_steps is None:
            raise ValueError("the steps are not decided yet")
        return Schedule(self.n_members, self.n_steps, self.batch_size)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RlmSettings:
        """Restore settings.

        Raises:
            SettingsError: If a name is unknown.
        """
        given = {**values}
        given.pop("keeps_source_rows", None)  # older ones could leave them out
        unknown = set(given) - {field.name for field in fields(cls)}
        if unknown:
            raise SettingsError(f"Settings must be known, but got {sorted(unknown)}.")
        for name in ("n_members", "batch_size"):  # older ones left them to the number of rows
            if name in given and given[name] is None:
                del given[name]
        return cls(**given)
