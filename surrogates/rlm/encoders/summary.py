"""The summary that stands before the encoded vectors of a text: their mean and their maximum."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Summary(nn.Module):
    """Adds one vector that has seen the whole text."""

    def __init__(self, width: int) -> None:
        """Create the mixing layers.

        Args:
            width: Length d of a vector.
        """
        super().__init__()
        self.mix = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, states: Tensor, padding: Tensor) -> Tensor:
        """Put the summary before the vectors.

        Args:
            states: Shape ``(n, s, d)``.
            padding: Shape ``(n, s)``, true where there is nothing.

        Returns:
            Shape ``(n, s + 1, d)``; place 0 is the summary.
        """
        kept = states.masked_fill(padding[:, :, None], 0.0)
        mean = kept.sum(dim=1) / (~padding).sum(dim=1, keepdim=True)
        peak = states.masked_fill(padding[:, :, None], -1e4).amax(dim=1)
        summary = self.mix(torch.cat([mean, peak], dim=1))
        return torch.cat([summary[:, None], states], dim=1)
