"""Gate's numbers and times, made exact: text for a number, milliseconds for a time.

A number never passes through a float. A time comes in seconds, milliseconds or microseconds, and its size says which.
"""

from __future__ import annotations

from decimal import Context, Decimal

from shared.errors import UnknownWord
from shared.exchanges.gate import NAME
from shared.model import Number, text

ZERO = Decimal(0)
EXACT = Context(prec=120)
"""The usual context would round to 28 digits."""
EXPONENT_MAX = 40
"""No price or size has more digits before or after the point; more is garbage that would write a page of zeros."""

_SECONDS_MAX = Decimal(100_000_000_000)
_MILLISECONDS_MAX = Decimal(100_000_000_000_000)
_MICROSECONDS_MAX = Decimal(100_000_000_000_000_000)


def number(value: Decimal) -> Number:
    """The digits, once they are known to be digits: NaN, infinity and absurd exponents are no numbers of a venue."""
    if not value.is_finite() or not -EXPONENT_MAX < value.adjusted() < EXPONENT_MAX:
        raise UnknownWord(NAME, "number", value)
    return text(value)


def number_or_none(value: Decimal | None) -> Number | None:
    return None if value is None else number(value)


def unless_zero(value: Decimal | None) -> Number | None:
    return number(value) if value else None


def ms_of(at: Decimal | None) -> int | None:
    """Milliseconds, from seconds, milliseconds or microseconds: their sizes tell them apart until the year 5138."""
    if not at:
        return None
    if at < _MILLISECONDS_MAX:
        if at >= _SECONDS_MAX:
            return int(at)
        if at > 0:
            return int(at * 1000)
    elif at < _MICROSECONDS_MAX:
        return int(at / 1000)
    raise UnknownWord(NAME, "time", at)


def whole(value: int | str) -> int:
    return value if type(value) is int else int(value)
