"""Settings of the learners on graph features that are not networks, with their ranges."""

from __future__ import annotations

from dataclasses import dataclass

from surrogates.setting_checks import check_range


@dataclass(frozen=True)
class GraphTreesSettings:
    """Everything that decides what fitted trees are, besides rows and seed."""

    n_trees: int = 400
    """Trees of a member, one after the other."""
    max_depth: int = 3
    """Questions on the way to a leaf."""
    learning_rate: float = 0.05
    """Share of each tree's correction that is made."""
    row_share: float = 0.7
    """Rows, drawn anew, that each tree sees."""
    column_share: float = 0.3
    """Columns, drawn anew, that each question is chosen from."""
    min_leaf_rows: int = 2
    """Training rows in a leaf."""
    n_members: int = 3
    """Sequences from different seeds; their mean ranks, their spread is the uncertainty."""
    rank_share: float = 0.5
    """How far the label scale follows ranks rather than the raw range, in [0, 1)."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name, low, high in (
            ("n_trees", 1, 100_000),
            ("max_depth", 1, 32),
            ("learning_rate", 1e-6, 1.0),
            ("row_share", 1e-3, 1.0),
            ("column_share", 1e-3, 1.0),
            ("min_leaf_rows", 1, 1_000_000),
            ("n_members", 1, 1000),
            ("rank_share", 0.0, 0.99),
        ):
            check_range(name, getattr(self, name), low, high)


@dataclass(frozen=True)
class GraphGpSettings:
    """Everything that decides what a fitted Gaussian process is, besides rows and seed."""

    max_rows: int = 5000
    """More rows of a metric are refused: time grows with their cube, memory with their square."""
    n_tuning_rows: int = 500
    """Rows, drawn at random, on which the kernel is chosen; all of them then give the fit."""
    rank_share: float = 0.5
    """How far the label scale follows ranks rather than the raw range, in [0, 1)."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name, low, high in (
            ("max_rows", 1, 100_000),
            ("n_tuning_rows", 1, 100_000),
            ("rank_share", 0.0, 0.99),
        ):
            check_range(name, getattr(self, name), low, high)
