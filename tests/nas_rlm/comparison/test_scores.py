"""Scores: the right rows, the right direction."""

import numpy as np
import pytest

from nas_rlm.comparison.scores import SCORES, score_rows
from nas_rlm.evaluation.rank_metrics import kendall_tau
from surrogates import PredictiveDistribution


def test_unseen_scores_leave_rows_out(rng: np.random.Generator) -> None:
    true, predicted, unseen = rng.normal(size=50), rng.normal(size=50), rng.random(50) < 0.5
    found = PredictiveDistribution.point(predicted)
    assert score_rows("kendall_tau", found, true, unseen) == kendall_tau(predicted, true)
    assert score_rows("kendall_tau_unseen", found, true, unseen) == kendall_tau(
        predicted[unseen], true[unseen]
    )


def test_distributions_of_one_median_are_ranked_by_their_means() -> None:
    low, true = np.array([0.1, 0.2, 0.3, 0.4]), np.array([4.0, 3.0, 2.0, 1.0])
    found = PredictiveDistribution(
        np.tile([0.0, 1.0, 2.0], (4, 1)), np.stack([low, np.full(4, 0.5), 0.5 - low], axis=1)
    )
    assert set(found.median.tolist()) == {1.0}
    unseen = np.ones(4, dtype=bool)
    assert score_rows("kendall_tau", found, true, unseen) == 1.0
    assert score_rows("spearman", found, true, unseen) == pytest.approx(1.0)


def test_a_true_distribution_is_covered_as_it_says(rng: np.random.Generator) -> None:
    grid = np.linspace(-4, 4, 801)
    mass = np.exp(-(grid**2) / 2)
    centre, scale = rng.normal(size=4000), rng.uniform(0.5, 2, size=4000)
    found = PredictiveDistribution(
        centre[:, None] + scale[:, None] * grid, np.tile(mass / mass.sum(), (4000, 1))
    )
    true = centre + scale * rng.normal(size=4000)
    unseen = np.ones(4000, bool)
    for level in (50, 80, 95):
        value = score_rows(f"coverage_{level}", found, true, unseen)
        assert value == pytest.approx(level / 100, abs=0.03)
    assert score_rows("spread_error", found, true, unseen) > 0.2
    wider = PredictiveDistribution(
        found.mean[:, None] + 3 * (found.values - found.mean[:, None]), found.probabilities
    )
    assert score_rows("crps", found, true, unseen) < score_rows("crps", wider, true, unseen)


def test_losses_say_what_is_better() -> None:
    worse_then_better = {
        "kendall_tau": (0.1, 0.9),
        "spearman_unseen": (-0.5, 0.0),
        "crps": (2.0, 1.0),
        "coverage_50": (0.9, 0.45),
        "coverage_95": (0.80, 1.00),
    }
    for name, pair in worse_then_better.items():
        worse, better = SCORES[name].loss(np.array(pair))
        assert worse > better
