"""Batches of rows: every row comes, groups stay apart, rare metrics are not forgotten."""

from collections import Counter

import numpy as np

from surrogates.rlm.row_streams import RowStreams, drawn_metrics, metric_groups, row_groups

NAN = np.nan


def test_one_group_gives_every_row_once_a_round() -> None:
    targets = np.arange(12.0)[:, None]
    streams = RowStreams(targets, np.arange(12), 4, np.random.default_rng(0))
    drawn = np.concatenate([streams.draw() for _ in range(3)])
    assert sorted(drawn.tolist()) == list(range(12))


def test_rows_that_are_not_kept_never_come() -> None:
    targets = np.arange(10.0)[:, None]
    streams = RowStreams(targets, np.arange(5), 4, np.random.default_rng(0))
    assert max(int(streams.draw().max()) for _ in range(20)) == 4


def test_metrics_without_a_common_row_never_meet() -> None:
    targets = np.full((30, 3), NAN)
    targets[:20, 0] = targets[10:20, 1] = 1.0  # rows 10 to 19 know both
    targets[20:, 2] = 1.0
    streams = RowStreams(targets, np.arange(30), 8, np.random.default_rng(0))
    batches = [streams.draw() for _ in range(60)]
    assert all((batch < 20).all() or (batch >= 20).all() for batch in batches)
    assert {int(row) for batch in batches for row in batch} == set(range(30))


def test_a_rare_group_comes_by_the_root_of_its_rows() -> None:
    targets = np.full((1010, 2), NAN)
    targets[:1000, 0] = targets[1000:, 1] = 1.0
    streams = RowStreams(targets, np.arange(1010), 8, np.random.default_rng(0))
    rare = Counter(bool(streams.draw()[0] >= 1000) for _ in range(2000))[True] / 2000
    expected = np.sqrt(10) / (np.sqrt(10) + np.sqrt(1000))
    assert abs(rare - expected) < 0.03


def test_a_group_of_many_metrics_comes_by_the_root_of_its_labels() -> None:
    targets = np.full((200, 5), NAN)
    targets[:100, :4] = targets[100:, 4] = 1.0
    streams = RowStreams(targets, np.arange(200), 8, np.random.default_rng(0))
    single = Counter(bool(streams.draw()[0] >= 100) for _ in range(2000))[True] / 2000
    assert abs(single - 1 / 3) < 0.03


def test_metrics_go_together_when_they_share_a_row_or_one_with_a_third() -> None:
    targets = np.full((5, 4), NAN)
    targets[0, [0, 2]] = targets[1, [2, 3]] = targets[2, 1] = 1.0
    targets[3, 3] = targets[4, 1] = 1.0
    assert metric_groups(targets).tolist() == [0, 1, 0, 0]
    assert row_groups(targets, metric_groups(targets).tolist()).tolist() == [0, 0, 1, 0, 1]


def test_a_metric_of_no_kept_row_is_left_out() -> None:
    targets = np.array([[1.0, NAN], [2.0, NAN], [NAN, 3.0]])
    streams = RowStreams(targets, np.array([0, 1]), 8, np.random.default_rng(0))
    assert streams.draw().tolist() == [0, 1]


def test_draws_no_more_metrics_than_wanted() -> None:
    metrics, rng = np.array([2, 3, 5, 7]), np.random.default_rng(0)
    assert drawn_metrics(metrics, 4, rng) is metrics
    draws = [drawn_metrics(metrics, 2, rng) for _ in range(50)]
    assert all(len(draw) == 2 and draw[0] < draw[1] for draw in draws)
    assert set(np.concatenate(draws).tolist()) == {2, 3, 5, 7}
