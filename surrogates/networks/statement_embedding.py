"""Statement vectors: the tokens of a statement, summed and mixed; the order of fields is free."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

MAX_PLACES = 12
"""Places inside a field that have a vector of their own; later ones share the last."""


class StatementEmbedding(nn.Module):
    """Turns the tokens of a statement into one vector."""

    def __init__(self, vocabulary_size: int, width: int) -> None:
        """Create the token table.

        Args:
            vocabulary_size: Token ids, padding (id 0) included.
            width: Length d of a statement vector.
        """
        super().__init__()
        self.tokens = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.places = nn.Parameter(torch.ones(MAX_PLACES, width))
        self.mix = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, width),
        )
        nn.init.normal_(self.tokens.weight, std=0.5)
        with torch.no_grad():
            self.tokens.weight[0].zero_()
            self.places[1:] += 0.5 * torch.randn(MAX_PLACES - 1, width)

    def forward(self, tokens: Tensor, places: Tensor, sizes: Tensor) -> Tensor:
        """Return statement vectors.

        Args:
            tokens: Shape ``(u, t)``, token ids, 0 where there is none.
            places: Shape ``(u, t)``, place of each token inside its field.
            sizes: Shape ``(u, t)``, what each token is multiplied by.

        Returns:
            Shape ``(u, d)``.
        """
        scale = functional.embedding(places.clamp(max=MAX_PLACES - 1), self.places)
        summed = (self.tokens(tokens) * scale * sizes[:, :, None]).sum(dim=1)
        mixed: Tensor = summed + self.mix(summed)
        return mixed
