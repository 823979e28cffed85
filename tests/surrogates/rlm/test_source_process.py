"""What other metrics say: it helps with few rows, is not forced on them, and comes back as it was."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from surrogates.gaussian_process import CountColumns, Kernel, Posterior, choose_kernel
from surrogates.rlm.source_process import (
    SourcePosterior,
    TransferKernel,
    order_without_rows,
    with_source,
)
from surrogates.rlm.source_rows import LEADING, SourceRows
from tests.surrogates.conftest import conv_chain

A, B, C = "accuracy_percent/a", "accuracy_percent/b", "accuracy_percent/c"
NUMBERS = {A: range(1, 13), B: range(20, 44, 2), C: range(5, 29, 2)}
TEXTS = [conv_chain(n, 3) for numbers in NUMBERS.values() for n in numbers]
NEW = [conv_chain(n, 1) for n in range(2, 18)]


def drawn(signs: Mapping[str, float]) -> SourceRows:
    """Labels that rise or fall with the length of a text, in units of each space's own."""
    targets = np.full((len(TEXTS), 3), np.nan)
    row = 0
    for place, (metric, numbers) in enumerate(NUMBERS.items()):
        for n in numbers:
            targets[row, place] = 10.0**place * signs[metric] * n
            row += 1
    found = SourceRows.draw(TEXTS, targets, list(NUMBERS), [0, 1, 2], seed=0)
    assert found is not None
    return found


RISING = dict.fromkeys(NUMBERS, 1.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_without_a_row_of_its_own_a_space_is_like_the_others(sign: float) -> None:
    source = drawn(dict.fromkeys(NUMBERS, sign))
    for about in SourcePosterior.about(source, [A, B, C], NEW):
        assert (np.diff(sign * about.mean(about.counts(NEW))) > 0).all()
    assert (np.diff(sign * order_without_rows(source, [A, B, C], NEW)) > 0).all()


def test_metrics_that_disagree_say_less_than_those_that_agree() -> None:
    for way in range(len(LEADING)):
        agreed, disagreed = (
            SourcePosterior.about(drawn({**RISING, B: sign}), [A, B], NEW)[way]
            for sign in (1.0, -1.0)
        )
        strong, weak = (np.ptp(about.mean(about.counts(NEW))) for about in (agreed, disagreed))
        assert weak < 0.2 * strong


def led_by(leading: str, number: float) -> SourcePosterior:
    """One metric whose values grow with one column, of which texts have other numbers."""
    source = drawn(RISING)
    place = source.names.index(leading)
    rows = np.zeros((9, len(source.names)))
    rows[:, place] = np.linspace(-2.0, 2.0, 9)
    known = SourceRows(source.table, {A: rows}, {A: number * rows[:, place]})
    ways = SourcePosterior.about(known, [A], NEW)
    return ways[LEADING.index(leading)]


@pytest.mark.parametrize("leading", LEADING)
def test_what_leads_is_said_of_texts_far_beyond_the_known_ones(leading: str) -> None:
    about = led_by(leading, 1.0)
    far = np.zeros((2, len(about.source.names)))
    far[:, about.source.names.index(leading)] = [4.0, 6.0]
    led = np.diff(about.mean(far))
    others = dataclasses.replace(about, leading=next(n for n in LEADING if n != leading))
    assert led > 2 * abs(np.diff(others.mean(far)))
    assert np.diff(led_by(leading, -1.0).mean(far)) == pytest.approx(-led)


def test_without_a_row_every_way_has_as_much_to_say() -> None:
    source = drawn(RISING)
    ways = [about.mean(about.counts(NEW)) for about in SourcePosterior.about(source, [A, B], NEW)]
    expected = sum((way - way.mean()) / way.std() for way in ways)
    assert order_without_rows(source, [A, B], NEW) == pytest.approx(expected)
    alike = order_without_rows(source, [A, B], [NEW[0]] * 3)
    assert alike == pytest.approx(0.0, abs=1e-6)


def test_what_is_left_to_learn_is_less_than_before_and_symmetric() -> None:
    for about in SourcePosterior.about(drawn(RISING), [A, B, C], NEW):
        counts = about.counts(NEW)
        left = about.between(counts, counts)
        assert left == pytest.approx(left.T)
        assert np.diag(left) == pytest.approx(about.at(counts))
        assert (about.at(counts) < 0.5).all()
        assert (np.linalg.eigvalsh(left) > -1e-9).all()


def posterior(texts: list[str], labels: np.ndarray, source: SourceRows | None) -> np.ndarray:
    """Means of all new texts after some of them."""
    columns = CountColumns.fit(texts)
    rows = columns.rows(texts)
    found = Posterior.of(choose_kernel(rows, labels), rows, labels)
    asked = columns.rows(NEW)
    if source is not None:
        found = with_source(found, source, list(NUMBERS), texts)
        if isinstance(found.kernel, TransferKernel):
            asked = found.kernel.source.beside(asked, NEW)
    return found.predict(asked)[0]


def test_other_spaces_help_where_rows_are_few_and_noisy() -> None:
    truth = np.linspace(-1.5, 1.5, len(NEW))
    errors = {True: 0.0, False: 0.0}
    for draw in range(6):
        rng = np.random.default_rng(draw)
        rows = rng.permutation(len(NEW))[:6]
        labels = truth[rows] + rng.normal(0.0, 0.8, size=6)
        labels = (labels - labels.mean()) / labels.std()
        texts = [NEW[row] for row in rows]
        for has_source in errors:
            said = posterior(texts, labels, drawn(RISING) if has_source else None)
            errors[has_source] += float(((said - said.mean() - truth) ** 2).mean())
    assert errors[True] < 0.9 * errors[False]


def test_rows_that_contradict_the_others_win() -> None:
    labels = -np.linspace(-1.5, 1.5, len(NEW))
    assert (np.diff(posterior(NEW, labels, drawn(RISING))) < 0).all()


def test_many_metrics_share_a_bound_on_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogates.rlm.source_process._MOST_ROWS", 9)
    about = SourcePosterior.about(drawn(RISING), [A, B, C], NEW)[0]
    assert about.tasks.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("way", range(len(LEADING)))
def test_restored_it_is_the_same(way: int) -> None:
    source = drawn(RISING)
    again = SourceRows.from_state(source.to_json(), source.tensors())
    about = SourcePosterior.about(source, [B, C], NEW)[way]
    kernel = TransferKernel(Kernel(1.0, 3.0, 0.1, 0.2), about, 0.5, 0.25)
    other = TransferKernel.from_state(kernel.to_state(), again)
    assert other.source.leading == LEADING[way]
    rows = np.concatenate([np.ones((len(NEW), 4)), kernel.source.counts(NEW)], axis=1)
    assert np.array_equal(kernel.mean(rows), other.mean(rows))
    assert np.array_equal(kernel.between(rows, rows[:3]), other.between(rows, rows[:3]))
    assert np.array_equal(kernel.at(rows), other.at(rows))


def test_what_a_checkpoint_says_leads_must_be_known() -> None:
    source = drawn(RISING)
    about = SourcePosterior.about(source, [B, C], NEW)[0]
    state = TransferKernel(Kernel(1.0, 3.0, 0.1, 0.2), about, 0.5, 0.25).to_state()
    with pytest.raises(ValueError, match="leads"):
        TransferKernel.from_state({**state, "leading": "longest"}, source)
