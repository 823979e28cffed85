"""Numbers to tokens and back: tables, the grammar, and a bound on the error."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogates.errors import LabelError, SettingsError
from surrogates.rlm.number_tokens import NumeralGrammar

TWO = NumeralGrammar(n_digits=2, min_exponent=-1, max_exponent=2)
THREE = NumeralGrammar(n_digits=3, min_exponent=-4, max_exponent=4)


def spelt(grammar: NumeralGrammar, value: float) -> str:
    return " ".join(grammar.vocabulary[token] for token in grammar.encode(value))


@pytest.mark.parametrize(
    ("value", "tokens", "back"),
    [
        (37.2, "+ E1 3 7", 37.0),
        (-37.2, "- E1 3 7", -37.0),
        (1.0, "+ E0 1 0", 1.0),
        (0.1, "+ E-1 1 0", 0.1),
        (999.0, None, None),
        (990.0, "+ E2 9 9", 990.0),
        (9.96, "+ E1 1 0", 10.0),  # rounding up gains a digit
        (0.0996, "+ E-1 1 0", 0.1),
        (0.0, "+ E-1 0 0", 0.0),
        (-0.0, "+ E-1 0 0", 0.0),
        (0.06, "+ E-1 1 0", 0.1),  # nearer to the smallest numeral than to zero
        (0.049, "+ E-1 0 0", 0.0),
        (-0.049, "+ E-1 0 0", 0.0),
        (-0.08, "- E-1 1 0", -0.1),
        (1e-300, "+ E-1 0 0", 0.0),
        (-5e-324, "+ E-1 0 0", 0.0),
    ],
)
def test_value_to_tokens_to_value(value: float, tokens: str | None, back: float | None) -> None:
    if tokens is None:
        with pytest.raises(LabelError, match="must be below 1e3"):
            TWO.encode(value)
        return
    assert spelt(TWO, value) == tokens
    decoded = TWO.decode(TWO.encode(value))
    assert decoded == back
    assert math.copysign(1.0, decoded) == (-1.0 if tokens[0] == "-" else 1.0)


@pytest.mark.parametrize(("value", "back"), [(0.0501, 0.1), (0.0549, 0.1), (-0.0501, -0.1)])
def test_half_of_the_smallest_numeral_is_not_rounded_twice(value: float, back: float) -> None:
    assert TWO.decode(TWO.encode(value)) == back


@pytest.mark.parametrize(
    ("value", "back"), [(12.5, 12.0), (13.5, 14.0), (-12.5, -12.0), (0.125, 0.12), (0.375, 0.38)]
)
def test_halves_round_to_even(value: float, back: float) -> None:
    """All five are exact in binary, so they are true halves."""
    assert TWO.decode(TWO.encode(value)) == back


@pytest.mark.parametrize("value", [995.0, 1000.0, 1e300, -1000.0])
def test_overflow_is_refused(value: float) -> None:
    with pytest.raises(LabelError, match="Rescale the metric or raise `max_exponent`"):
        TWO.encode(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers_have_a_numeral(value: float) -> None:
    with pytest.raises(LabelError, match="Only finite numbers"):
        TWO.encode(value)


@pytest.mark.parametrize(
    "tokens",
    [
        (),
        (0,),
        (0, 2, 7),  # too short
        (0, 2, 7, 7, 7),  # too long
        (2, 2, 7, 7),  # no sign
        (0, 0, 7, 7),  # no exponent
        (0, 3, 6, 7),  # leading zero
        (1, 2, 6, 6),  # minus zero
        (0, 2, 6, 7),  # zero goes on with zeros
        (0, 2, 7, 99),
        (0, 2, 7, -1),
    ],
)
def test_what_breaks_the_grammar_is_refused(tokens: tuple[int, ...]) -> None:
    with pytest.raises(LabelError, match=r"must follow the grammar|must have 4 tokens"):
        TWO.decode(tokens)


def test_the_grammar_admits_exactly_what_it_decodes() -> None:
    legal = set()
    for tokens in itertools.product(range(len(TWO.vocabulary)), repeat=TWO.length):
        if all(t in TWO.next_tokens(tokens[:k]) for k, t in enumerate(tokens)):
            legal.add(tokens)
            assert TWO.encode(TWO.decode(tokens)) == tokens
        else:
            with pytest.raises(LabelError):
                TWO.decode(tokens)
    assert len(legal) == 2 * 4 * 90 + 1
    assert len({TWO.decode(tokens) for tokens in legal}) == len(legal)


def test_nothing_follows_a_whole_numeral() -> None:
    assert tuple(TWO.next_tokens(TWO.encode(37.0))) == ()


def test_the_vocabulary_names_every_token() -> None:
    assert TWO.vocabulary == ("+", "-", "E-1", "E0", "E1", "E2", *"0123456789")
    assert TWO.vocabulary[TWO.first_digit_id] == "0"
    assert TWO.length == 4
    assert TWO.n_exponents == 4


@settings(deadline=None)
@given(st.floats(min_value=-99949.9, max_value=99949.9))
def test_error_is_at_most_half_a_last_digit(value: float) -> None:
    error = abs(Fraction(THREE.decode(THREE.encode(value))) - Fraction(value))
    exponent = -4 if abs(value) < 1e-4 else math.floor(math.log10(abs(value)) + 1e-12)
    unit = Fraction(10) ** (exponent - 2)
    smallest = Fraction(10) ** -4
    limit = smallest / 2 if abs(Fraction(value)) < smallest else unit / 2
    assert error <= limit * (1 + Fraction(1, 10**9))


@settings(deadline=None)
@given(st.floats(min_value=-9.9e4, max_value=9.9e4), st.floats(min_value=-9.9e4, max_value=9.9e4))
def test_rounding_keeps_the_order(first: float, second: float) -> None:
    low, high = min(first, second), max(first, second)
    assert THREE.decode(THREE.encode(low)) <= THREE.decode(THREE.encode(high))


@settings(deadline=None)
@given(st.floats(min_value=-9.9e4, max_value=9.9e4))
def test_a_numeral_spells_itself(value: float) -> None:
    tokens = THREE.encode(value)
    assert THREE.encode(THREE.decode(tokens)) == tokens


def test_one_digit_is_enough() -> None:
    one = NumeralGrammar(n_digits=1, min_exponent=0, max_exponent=0)
    assert [one.decode(one.encode(v)) for v in (-9.0, 0.0, 0.4, 0.6, 5.4)] == [-9, 0, 0, 1, 5]


def test_ranges_are_checked() -> None:
    with pytest.raises(SettingsError, match="`n_digits` must be at least 1, but got 0"):
        NumeralGrammar(n_digits=0)
    with pytest.raises(SettingsError, match="`min_exponent` must not exceed"):
        NumeralGrammar(min_exponent=2, max_exponent=1)


def test_the_largest_numeral_has_no_number_above_it() -> None:
    assert NumeralGrammar().largest == 99.0
    assert NumeralGrammar(3, -2, 2).largest == 999.0
    assert NumeralGrammar(1, 0, 0).largest == 9.0
