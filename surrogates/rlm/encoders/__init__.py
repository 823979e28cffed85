"""Encoders of the RLM: ways to turn ONNX text into the vectors that a head reads.

An encoder is two things. A *reader* (:class:`~surrogates.rlm.encoders.base.TextReader`) learns from
training texts what it must, such as a tokenizer, and prepares texts once; a *network*
(:class:`~surrogates.rlm.encoders.base.EncoderNetwork`) turns batches of prepared texts into vectors.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from surrogates.errors import SettingsError

if TYPE_CHECKING:
    from surrogates.rlm.encoders.base import TextReader

# A new encoder adds one line here: name -> "module:reader class".
ENCODERS: Mapping[str, str] = MappingProxyType(
    {
        "dataflow": "surrogates.rlm.encoders.dataflow_reader:DataflowReader",
        "dataflow_attending": "surrogates.rlm.encoders.dataflow_ablations:AttendingReader",
        "dataflow_bag": "surrogates.rlm.encoders.dataflow_ablations:BagReader",
        "dataflow_ordered": "surrogates.rlm.encoders.dataflow_ablations:OrderedReader",
        "dataflow_unmasked": "surrogates.rlm.encoders.dataflow_ablations:UnmaskedReader",
        "dataflow_unsummed": "surrogates.rlm.encoders.dataflow_ablations:UnsummedReader",
        "sequence": "surrogates.rlm.encoders.sequence:SequenceReader",
        "t5gemma": "surrogates.rlm.encoders.t5gemma:T5GemmaReader",
    }
)
"""Name of every encoder, to where its reader is; readers are imported when asked for."""


def reader_class(name: str) -> type[TextReader]:
    """Return the reader of an encoder.

    Raises:
        SettingsError: If there is no encoder of that name.
    """
    if name not in ENCODERS:
        raise SettingsError(f"`encoder` must be one of {sorted(ENCODERS)}, but got {name!r}.")
    module, _, attribute = ENCODERS[name].partition(":")
    found: type[TextReader] = getattr(importlib.import_module(module), attribute)
    return found
