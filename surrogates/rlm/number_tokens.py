"""Numbers as tokens: a sign, an exponent, mantissa digits; and the grammar of legal numerals.

With two digits, 37.2 is written ``+ E1 3 7``: plus, times ten to the one, 3.7. The grammar admits
each number once: the first digit is 1 to 9, except for zero, which is ``+``, the smallest exponent
and zeros only. Values are rounded half to even, never cut, so the error is at most half a unit of
the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property

from surrogates.errors import LabelError, SettingsError

BASE = 10


@dataclass(frozen=True)
class NumeralGrammar:
    """The numerals of a fixed length: one sign, one exponent, ``n_digits`` digits.

    Attributes:
        n_digits: Mantissa digits, at least 1.
        min_exponent: Smallest power of ten of the first digit.
        max_exponent: Largest power of ten of the first digit.
    """

    n_digits: int = 2
    min_exponent: int = -1
    max_exponent: int = 1

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.n_digits < 1:
            raise SettingsError(f"`n_digits` must be at least 1, but got {self.n_digits}.")
        if self.min_exponent > self.max_exponent:
            raise SettingsError(
                "`min_exponent` must not exceed `max_exponent`, but got "
                f"{self.min_exponent} and {self.max_exponent}."
            )

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Every number token; its index is its id."""
        exponents = tuple(f"E{e}" for e in range(self.min_exponent, self.max_exponent + 1))
        return ("+", "-", *exponents, *(str(digit) for digit in range(BASE)))

    @property
    def n_exponents(self) -> int:
        """Number of exponent tokens."""
        return self.max_exponent - self.min_exponent + 1

    @property
    def length(self) -> int:
        """Tokens of one numeral."""
        return 2 + self.n_digits

    @property
    def largest(self) -> float:
        """The largest number that has a numeral."""
        return self.decode((0, 1 + self.n_exponents, *[self.first_digit_id + 9] * self.n_digits))

    @property
    def first_digit_id(self) -> int:
        """Id of the token ``0``; digit d has this id plus d."""
        return 2 + self.n_exponents

    def encode(self, value: float) -> tuple[int, ...]:
        """Return the token ids of a number, shape ``(length,)``.

        Values below the smallest numeral round to it or to zero.

        Raises:
            LabelError: If the value is not finite or too large for ``max_exponent``.
        """
        if not math.isfinite(value):
            raise LabelError(f"Only finite numbers have a numeral, but got {value!r}.")
        exact = abs(Decimal(float(value)))
        exponent = max(exact.adjusted() if exact else self.min_exponent, self.min_exponent)
        mantissa = self._mantissa(exact, exponent)
        if mantissa >= BASE**self.n_digits:
            exponent += 1
            mantissa = self._mantissa(exact, exponent)
        smallest = Decimal(BASE) ** self.min_exponent
        if exact < smallest:  # only zero and the smallest numeral are near
            mantissa = BASE ** (self.n_digits - 1) if 2 * exact > smallest else 0
        if exponent > self.max_exponent:
            raise LabelError(
                f"A numeral must be below 1e{self.max_exponent + 1}, but got {value!r}. "
                "Rescale the metric or raise `max_exponent`."
            )
        digits = [int(digit) for digit in str(mantissa).zfill(self.n_digits)]
        sign = 1 if value < 0 and mantissa else 0
        return (
            sign,
            2 + exponent - self.min_exponent,
            *(self.first_digit_id + digit for digit in digits),
        )

    def _mantissa(self, value: Decimal, exponent: int) -> int:
        """Round a non-negative value to an integer number of last digits."""
        unit = Decimal(BASE) ** (exponent - self.n_digits + 1)
        return int((value / unit).to_integral_value(rounding=ROUND_HALF_EVEN))

    def decode(self, tokens: Sequence[int]) -> float:
        """Return the number of a legal numeral.

        Raises:
            LabelError: If the tokens are not a legal numeral.
        """
        for position in range(self.length):
            prefix = tuple(tokens[:position])
            if position >= len(tokens) or tokens[position] not in self.next_tokens(prefix):
                raise LabelError(f"Tokens must follow the grammar, but got {list(tokens)}.")
        if len(tokens) != self.length:
            raise LabelError(
                f"A numeral must have {self.length} tokens, but got {len(tokens)}: {list(tokens)}."
            )
        digits = "".join(str(token - self.first_digit_id) for token in tokens[2:])
        exponent = tokens[1] - 2 + self.min_exponent - self.n_digits + 1
        return float(f"{'-' if tokens[0] else ''}{digits}e{exponent}")

    def next_tokens(self, prefix: Sequence[int]) -> range | tuple[int, ...]:
        """Return the token ids that may follow a legal prefix, in id order."""
        zero = self.first_digit_id
        match len(prefix):
            case 0:
                return range(2)
            case 1:
                return range(2, zero)
            case 2:
                is_zero_legal = prefix[0] == 0 and prefix[1] == 2
                return range(zero if is_zero_legal else zero + 1, zero + BASE)
            case depth if depth < self.length:
                return (zero,) if prefix[2] == zero else range(zero, zero + BASE)
            case _:
                return ()
