"""A perceptron on graph features, trained as the graph networks are.

A surrogate sees no genome, so the features are those of the text's graph, the honest equivalent of
a perceptron on a flattened cell; see :mod:`surrogates.inputs.graph_features`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from surrogates.gnn.ensemble import NetworkEnsemble, Reader, ReadRows
from surrogates.gnn.settings import GraphMlpSettings
from surrogates.inputs.feature_table import FeatureTable


class FeatureReader(Reader):
    """Texts as rows of scaled features."""

    def __init__(self, table: FeatureTable) -> None:
        """Keep a table.

        Args:
            table: Fitted on the training texts.
        """
        self.table = table

    def read(self, texts: Sequence[str]) -> ReadRows:
        """Read texts into features; see :meth:`surrogates.gnn.ensemble.Reader.read`."""
        features = torch.from_numpy(self.table.scaled(texts).astype(np.float32))

        def collate(rows: NDArray[np.int64]) -> Tensor:
            return features[torch.from_numpy(rows)]

        return ReadRows([1] * len(texts), collate)

    def to_state(self) -> dict[str, Any]:
        """Return the table."""
        return {"features": self.table.to_state()}


class FeatureMlp(nn.Module):
    """Scaled features in, one standardised number for each metric out."""

    def __init__(
        self, *, n_features: int, n_metrics: int, width: int, n_layers: int, dropout: float
    ) -> None:
        """Create the network.

        Args:
            n_features: Columns.
            n_metrics: Heads.
            width: Of the hidden layers.
            n_layers: Hidden layers, at least 1.
            dropout: After each, while training.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for depth in range(n_layers):
            layers += [nn.Linear(width if depth else n_features, width), nn.GELU()]
            layers += [nn.Dropout(dropout)]
        self.hidden = nn.Sequential(*layers)
        self.heads = nn.Linear(width, n_metrics)

    def forward(self, features: Tensor) -> Tensor:
        """Return standardised predictions (n, m) from features (n, k)."""
        predicted: Tensor = self.heads(self.hidden(features))
        return predicted


class GraphMlpRegressor(NetworkEnsemble):
    """A perceptron on the features of the statement graph, one head a metric."""

    name: ClassVar[str] = "graph_mlp"
    noun: ClassVar[str] = "perceptron"
    settings_type = GraphMlpSettings

    def fit_reader(self, texts: Sequence[str]) -> Reader:
        """Return a reader with the columns of these texts."""
        return FeatureReader(FeatureTable.fit(texts))

    def restore_reader(self, state: dict[str, Any]) -> Reader:
        """Return the reader of a checkpoint."""
        return FeatureReader(FeatureTable.from_state(state["features"]))

    def make_network(self, reader: Reader, n_metrics: int) -> nn.Module:
        """Create a network of these settings."""
        assert isinstance(reader, FeatureReader)  # noqa: S101 - what fit_reader returns
        return FeatureMlp(
            n_features=len(reader.table.names),
            n_metrics=n_metrics,
            width=self.settings.width,
            n_layers=self.settings.n_layers,
            dropout=self.settings.dropout,
        )
