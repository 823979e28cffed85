"""Data sets and splits: no network stands on both sides, whatever is drawn."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import search_spaces
from nas_rlm.dataset import Dataset, digest, hold_out, random_split
from nas_rlm.errors import DatasetError

ROWS = Dataset(("a", "b", "a"), ({"x": 1.0}, {"y": 2.0}, {"x": 3.0, "y": 4.0}))


def test_columns_and_rows_agree() -> None:
    built = Dataset.from_columns(["a", "b", "a"], {"x": [1, np.nan, 3], "y": [np.nan, 2, 4]})
    assert built == ROWS
    assert built.metrics == ("x", "y")
    np.testing.assert_array_equal(built.column("y"), [np.nan, 2, 4])


def test_the_digest_is_the_one_of_the_search_spaces() -> None:
    assert digest("añ") == hashlib.sha256("añ".encode()).hexdigest()[:16]
    assert digest("añ") == search_spaces.digest("añ")
    assert ROWS.digests == (digest("a"), digest("b"), digest("a"))


def test_rows_are_taken_in_order() -> None:
    assert ROWS.take([2, 0]) == Dataset(("a", "a"), ({"x": 3.0, "y": 4.0}, {"x": 1.0}))
    assert len(ROWS.take([])) == 0
    assert ROWS.with_metric("y").texts == ("b", "a")


@pytest.mark.parametrize("row", [3, -1])
def test_a_row_out_of_range_is_refused(row: int) -> None:
    with pytest.raises(DatasetError, match=f"from 0 to 2, but got {row}"):
        ROWS.take([row])


def test_texts_without_labels_are_refused() -> None:
    with pytest.raises(DatasetError, match="2 texts and 1 labels"):
        Dataset(("a", "b"), ({},))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_label_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(DatasetError, match="Label 'x' of row 0 must be finite"):
        Dataset(("a",), ({"x": value},))


def test_a_short_column_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"Column 'x' must have shape \(2,\)"):
        Dataset.from_columns(["a", "b"], {"x": [1.0]})


def test_an_infinite_cell_is_refused() -> None:
    with pytest.raises(DatasetError, match="must be finite"):
        Dataset.from_columns(["a"], {"x": [np.inf]})


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"No row has a label 'z'\. Labels: x, y"):
        ROWS.column("z")


@settings(deadline=None)
@given(
    networks=st.lists(st.integers(0, 30), min_size=40, max_size=120),
    n_train=st.integers(1, 15),
    n_validation=st.integers(0, 5),
    seed=st.integers(0, 2**32),
)
def test_no_network_stands_on_two_sides(
    networks: list[int], n_train: int, n_validation: int, seed: int
) -> None:
    digests = [str(network) for network in networks]
    try:
        split = random_split(digests, n_train=n_train, n_validation=n_validation, seed=seed)
    except DatasetError:
        assert len(set(networks)) < n_train + n_validation + 1
        return
    parts = [split.train, split.validation, split.test]
    seen = [{digests[row] for row in part} for part in parts]
    assert sum(map(len, seen)) == len(set().union(*seen))
    rows = np.concatenate(parts)
    assert len(rows) == len(set(rows.tolist()))
    assert (len(split.train), len(split.validation)) == (n_train, n_validation)
    assert len(rows) + split.n_dropped == len(networks)


def test_isomorphic_rows_do_leak_without_the_rule() -> None:
    """The planted duplicates are what the rule removes: a plain split would share networks."""
    digests = [str(row // 2) for row in range(200)]
    split = random_split(digests, n_train=100, seed=0)
    outside = np.setdiff1d(np.arange(200), split.train)
    assert {digests[row] for row in outside} & {digests[row] for row in split.train}
    assert split.n_dropped == len(outside) - len(split.test) > 0


def test_a_split_repeats_and_depends_on_the_seed() -> None:
    digests = [str(row) for row in range(100)]
    first = random_split(digests, n_train=50, seed=1)
    np.testing.assert_array_equal(first.train, random_split(digests, n_train=50, seed=1).train)
    assert set(first.train) != set(random_split(digests, n_train=50, seed=2).train)


def test_more_rows_contain_fewer() -> None:
    digests = [str(row) for row in range(100)]
    small, large = (random_split(digests, n_train=n, seed=1).train for n in (10, 50))
    np.testing.assert_array_equal(small, large[:10])


def test_the_test_part_can_be_limited() -> None:
    digests = [str(row) for row in range(100)]
    split = random_split(digests, n_train=10, seed=0, n_test=7)
    assert len(split.test) == 7
    assert split.n_dropped == 0


@pytest.mark.parametrize(
    "sizes", [{"n_train": 11}, {"n_train": 5, "n_test": 6}, {"n_train": 5, "n_validation": 6}]
)
def test_too_few_networks_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(DatasetError, match="10 rows hold only 10 networks"):
        random_split([str(row) for row in range(10)], seed=0, **sizes)


@pytest.mark.parametrize(
    "sizes", [{"n_train": 0}, {"n_train": 1, "n_validation": -1}, {"n_train": 1, "n_test": 0}]
)
def test_empty_parts_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(DatasetError, match="A split needs `n_train` of at least 1"):
        random_split(["a", "b"], seed=0, **sizes)


def test_the_held_out_share_is_decided_network_by_network() -> None:
    digests = [digest(str(row)) for row in range(4000)]
    held = hold_out(digests, share=0.05, salt="validation")
    assert abs(held.mean() - 0.05) < 0.015
    np.testing.assert_array_equal(
        held[::-1], hold_out(digests[::-1], share=0.05, salt="validation")
    )
    assert not np.array_equal(held, hold_out(digests, share=0.05, salt="other"))
    wider = hold_out(digests, share=0.2, salt="validation")
    assert (wider | ~held).all()


def test_extreme_shares_hold_out_nothing_or_all() -> None:
    digests = ["a", "b"]
    assert not hold_out(digests, share=0, salt="").any()
    assert hold_out(digests, share=1, salt="").all()
    with pytest.raises(DatasetError, match="`share` must be from 0 to 1"):
        hold_out(digests, share=1.5, salt="")
