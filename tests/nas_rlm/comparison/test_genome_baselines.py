"""Learners on genomes: they learn what genes say, in the unit of the labels."""

import numpy as np
import pytest

from nas_rlm.comparison.genome_baselines import fit_genomes
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.errors import ConfigError
from nas_rlm.evaluation.rank_metrics import kendall_tau

KINDS = ("mlp", "trees", "gp")


@pytest.mark.parametrize("kind", KINDS)
def test_what_genes_add_up_to_is_learned(kind: str) -> None:
    rng = np.random.default_rng(0)
    genomes = rng.integers(0, 2, size=(240, 8)).astype(float)
    labels = 60 + genomes @ np.arange(1.0, 9.0) + 0.1 * rng.normal(size=240)
    predict = fit_genomes(kind, genomes[:120], labels[:120], 0)
    found = predict(genomes[120:])
    assert kendall_tau(found, labels[120:]) > 0.75
    assert np.abs(found - labels[120:]).mean() < 3
    again = fit_genomes(kind, genomes[:120], labels[:120], 0)(genomes[120:])
    assert again.tolist() == found.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_few_and_constant_labels_are_enough(kind: str) -> None:
    genomes = np.eye(4)
    for labels in (np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 2.0)):
        assert np.isfinite(fit_genomes(kind, genomes, labels, 0)(genomes)).all()


def test_an_unknown_learner_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be one of mlp, trees, gp, but got 'svm'"):
        fit_genomes("svm", np.eye(2), np.array([1.0, 2.0]), 0)


def test_a_genome_has_a_column_for_each_choice(rows: SpaceRows) -> None:
    table = rows.one_hot(np.array([0, 3]))
    assert table.shape == (2, 6 * 5)
    assert table.sum(axis=1).tolist() == [6, 6]
    assert table[1].reshape(6, 5).argmax(axis=1).tolist() == rows.genomes[3].tolist()
