"""The T5Gemma encoder of transformers behind the interface of this package, for the comparison.

Without ``t5gemma_source`` it is built small (``width``, ``n_layers``), with random weights and
learned tokens. With a source, a local folder or a name on the model hub, it has the weights and the
tokenizer of that model. ``trainable_layers`` says how much of it is trained: all of it (None), the
last k layers and the final norm, or nothing (0); the projection to ``width`` and the head behind it
always are.

A checkpoint is self-contained: it holds the configuration, the tokenizer and all weights, frozen
ones too and once for each member, and needs its source never again.

A model built here has no soft-capping of attention scores, which is faster and which its weights
never knew; a loaded one keeps the soft-capping that it was trained with. Attention is "eager",
since T5Gemma refuses "sdpa". transformers is imported here and only when a network is made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from surrogates.errors import SettingsError
from surrogates.rlm.encoders.base import Encoded, EncoderNetwork, TextReader
from surrogates.rlm.encoders.summary import Summary
from surrogates.rlm.encoders.text_bpe import TextTokenizer
from surrogates.rlm.encoders.token_texts import PreparedTokens, TokenBatch
from surrogates.rlm.settings import N_HEADS, RlmSettings

if TYPE_CHECKING:
    from transformers import T5GemmaEncoderModel

_ATTENTION = "eager"
_CONTEXT_OF_LOCAL_LAYERS = 4096


class T5GemmaReader(TextReader):
    """Reads texts as sequences of tokens, learned or those of a loaded model."""

    name: ClassVar[str] = "t5gemma"

    def __init__(
        self,
        tokenizer: TextTokenizer,
        config: dict[str, Any],
        settings: RlmSettings,
        *,
        source: str | None,
    ) -> None:
        """Keep tokenizer and configuration; use :meth:`learn` or :meth:`from_json`.

        Args:
            tokenizer: Of the texts.
            config: Of the encoder, ``T5GemmaModuleConfig`` as plain values.
            settings: Of the RLM.
            source: Where weights of new networks come from; None for random ones.
        """
        self._tokenizer = tokenizer
        self._config = config
        self._settings = settings
        self._source = source

    @classmethod
    def learn(cls, texts: Sequence[str], settings: RlmSettings) -> Self:
        """Learn tokens, or fetch those of the source; see the base class.

        Raises:
            SettingsError: If the source cannot be read.
        """
        source = settings.t5gemma_source
        if source is None:
            tokenizer = TextTokenizer.train(texts, vocabulary_size=settings.vocabulary_size)
            config = small_config(tokenizer.vocabulary_size, settings)
        else:
            tokenizer, config = _read_source(source)
        n_layers, k = config["num_hidden_layers"], settings.trainable_layers
        if k is not None and k > n_layers:
            raise SettingsError(
                f"`trainable_layers` must be at most the {n_layers} layers there are, but got {k}."
            )
        return cls(tokenizer, config, settings, source=source)

    @classmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore the reader; see the base class."""
        tokenizer = TextTokenizer.from_json(state["tokenizer"], int(state["padding_id"]))
        return cls(tokenizer, dict(state["config"]), settings, source=None)

    def to_json(self) -> dict[str, Any]:
        """Return tokenizer and configuration; see the base class."""
        return {
            "tokenizer": self._tokenizer.to_json(),
            "padding_id": self._tokenizer.padding_id,
            "config": self._config,
        }

    def prepare(
        self,
        texts: Sequence[str],
        groups: NDArray[np.int64] | None = None,  # noqa: ARG002
    ) -> PreparedTokens:
        """Tokenize texts; see the base class."""
        return PreparedTokens(texts, self._tokenizer, self._settings)

    def new_network(
        self,
        *,
        knows_counts: bool = True,  # noqa: ARG002
        summaries: Sequence[int] = (),  # noqa: ARG002
    ) -> T5GemmaNetwork:
        """Create the network, with the weights of the source if there is one."""
        return T5GemmaNetwork(self._config, self._settings, self._source)


def small_config(vocabulary_size: int, settings: RlmSettings) -> dict[str, Any]:
    """Return the configuration of an encoder that is built here, as plain values.

    Args:
        vocabulary_size: Text token ids.
        settings: ``width``, ``n_layers`` and ``dropout`` count.
    """
    head_length = 2 * -(-settings.width // (2 * N_HEADS))  # even, for the rotary positions
    return {
        "vocab_size": vocabulary_size,
        "hidden_size": settings.width,
        "intermediate_size": 4 * settings.width,
        "num_hidden_layers": settings.n_layers,
        "num_attention_heads": N_HEADS,
        "num_key_value_heads": N_HEADS // 2,
        "head_dim": head_length,
        "query_pre_attn_scalar": head_length,
        "max_position_embeddings": settings.context_length,
        "sliding_window": _CONTEXT_OF_LOCAL_LAYERS,
        "attn_logit_softcapping": None,
        "dropout_rate": settings.dropout,
        "attention_dropout": settings.dropout,
        "pad_token_id": 0,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _read_source(source: str) -> tuple[TextTokenizer, dict[str, Any]]:
    """Return tokenizer and encoder configuration of a model folder or hub name."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(source)
        if config.model_type != "t5gemma":
            raise SettingsError(
                f"`t5gemma_source` must be a T5Gemma model, but {source!r} is a "
                f"{config.model_type!r}."
            )
        tokenizer = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        raise _unreadable(source, error) from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise SettingsError(
            f"`t5gemma_source` must hold a fast tokenizer (tokenizer.json), but {source!r} does "
            "not."
        )
    padding_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    # a copy through text: what is set on ours must not change theirs
    own = TextTokenizer.from_json(backend.to_str(), int(padding_id))
    return own, json.loads(config.encoder.to_json_string(use_diff=False))


def _unreadable(source: str, error: Exception) -> SettingsError:
    """Say in one sentence that a source cannot be read."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return SettingsError(
        "`t5gemma_source` must be a model folder, or a hub name while the hub can be reached, but "
        f"{source!r} cannot be read ({reason.rstrip('.')}). Download it and name the folder."
    )


class T5GemmaNetwork(EncoderNetwork):
    """The encoder of T5Gemma, and a projection to the width of the RLM."""

    def __init__(self, config: dict[str, Any], settings: RlmSettings, source: str | None) -> None:
        """Create or load the network.

        Args:
            config: ``T5GemmaModuleConfig`` as plain values.
            settings: Of the RLM.
            source: Where the weights come from; None for random ones.

        Raises:
            SettingsError: If the source cannot be read.
        """
        super().__init__()
        self.model = _loaded(source) if source is not None else _built(config)
        length = int(config["hidden_size"])
        same = length == settings.width
        self.project = nn.Identity() if same else nn.Linear(length, settings.width)
        self.summary = Summary(settings.width)
        if settings.trainable_layers is not None:
            _freeze(self.model, settings.trainable_layers)

    def forward(self, batch: TokenBatch) -> Encoded:
        """Encode a batch of token sequences."""
        found = self.model(input_ids=batch.tokens, attention_mask=(~batch.padding).long())
        vectors = self.summary(self.project(found.last_hidden_state), batch.padding)
        return Encoded(vectors, functional.pad(batch.padding, (1, 0), value=False))


def _built(config: dict[str, Any]) -> T5GemmaEncoderModel:
    """A model of random weights.

    Raises:
        ValueError: If there is no model of this config.
    """
    from transformers import T5GemmaConfig, T5GemmaEncoderModel, T5GemmaModuleConfig

    try:
        part = T5GemmaModuleConfig(**config)
        whole = T5GemmaConfig(
            encoder=part,
            decoder=part,
            is_encoder_decoder=False,
            dropout_rate=config["dropout_rate"],
            attention_dropout=config["attention_dropout"],
            vocab_size=config["vocab_size"],
        )
        whole._attn_implementation = _ATTENTION
        model: T5GemmaEncoderModel = T5GemmaEncoderModel(whole)
    except Exception as error:  # transformers has its own, which derive from nothing else
        raise ValueError(f"no T5Gemma is of this config: {error}") from error
    return model


def _loaded(source: str) -> T5GemmaEncoderModel:
    """A model with the weights of a source, in 32 bits."""
    from transformers import T5GemmaEncoderModel

    try:
        model: T5GemmaEncoderModel = T5GemmaEncoderModel.from_pretrained(
            source,
            is_encoder_decoder=False,
            attn_implementation=_ATTENTION,
            dtype=torch.float32,
            use_safetensors=True,
        )
    except (OSError, ValueError) as error:
        raise _unreadable(source, error) from error
    return model


def _freeze(model: T5GemmaEncoderModel, n_trainable: int) -> None:
    """Leave the last layers and the final norm to training, or nothing if there are 0."""
    model.requires_grad_(requires_grad=False)
    if n_trainable:
        encoder = model.encoder
        for part in (*encoder.layers[-n_trainable:], encoder.norm):
            part.requires_grad_(requires_grad=True)
