"""Several networks behind one decoder's interface, each for the metrics of one quantity.

A network that learns accuracies beside latencies orders both worse. Kendall's tau of three networks
and the process on development rows of NAS-Bench-201 (1,000 rows, one draw), by one network for all
and by one for each quantity: with the latency of `pixel3` accuracy .886 and .895, latency .884 and
.889; with four latencies accuracy .887 and .894, latencies .886 .914 .901 .977 and .887 .914 .903
.977. An RLM for each metric reaches .897 and, of `pixel3`, .892. The decoder of each network is still
shown known numbers of all metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from surrogates.rlm.encoders.base import Batch
from surrogates.rlm.model import CachedMemory, Context, DigitsNetwork, RlmNetwork, TrieTensors


@dataclass(frozen=True)
class Memories:
    """What several networks read of the same texts, by their numbers; at least one."""

    of_parts: Mapping[int, CachedMemory]

    def __len__(self) -> int:
        """Return how many texts."""
        return len(next(iter(self.of_parts.values())))

    def rows(self, index: Tensor) -> Memories:
        """Return the memories of some texts, repeats allowed."""
        return Memories({place: part.rows(index) for place, part in self.of_parts.items()})


class Specialists(DigitsNetwork):
    """Networks that share no weights; every metric is learned by one of them."""

    def __init__(self, parts: Sequence[RlmNetwork]) -> None:
        """Put networks together.

        Args:
            parts: Networks that say which metrics they learn.
        """
        super().__init__()
        self.networks = nn.ModuleList(parts)
        self._part_of = {
            metric: place for place, part in enumerate(parts) for metric in part.learned or ()
        }

    @property
    def parts(self) -> Sequence[RlmNetwork]:
        """The networks; see the base class."""
        return [cast("RlmNetwork", network) for network in self.networks]

    @property
    def knows_counts(self) -> bool:
        """Whether they read counts, all alike; see the base class."""
        return self.parts[0].knows_counts

    def encode(self, batch: Batch, metrics: Sequence[int] | NDArray[np.int64]) -> Memories:
        """Read a batch of texts by the networks of some metrics; see the base class."""
        asked = sorted({self._part_of[metric] for metric in metrics})
        return Memories({place: self.parts[place].encode(batch, metrics) for place in asked})

    def next_token_logits(
        self, memory: Memories, metric: int, trie: TrieTensors, context: Context | None = None
    ) -> Tensor:
        """Ask the network of the metric; see the base class."""
        place = self._part_of[metric]
        own = memory.of_parts[place]
        return self.parts[place].next_token_logits(own, metric, trie, context)
