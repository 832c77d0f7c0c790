"""OKX's numbers and times. All come as text, and empty text is how the venue says that there is none.

A number stays the digits that it is, and never passes through a float.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from shared.errors import UnknownWord
from shared.exchanges.okx import NAME
from shared.model import Number, text

ZERO = Decimal(0)
EXACT = Context(prec=120)
"""The usual context would round to 28 digits."""
EXPONENT_MAX = 40
"""No price or size has more digits before or after the point; more is garbage that would write a page of zeros."""
MS_MAX = 100_000_000_000_000

_PLAIN = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


def number(said: str) -> Number:
    """The digits, once they are known to be digits: NaN, infinity and absurd exponents are no numbers of a venue."""
    if _PLAIN.fullmatch(said):
        return said
    try:
        value = Decimal(said)
    except ArithmeticError:
        raise UnknownWord(NAME, "number", said) from None
    if not value.is_finite() or not -EXPONENT_MAX < value.adjusted() < EXPONENT_MAX:
        raise UnknownWord(NAME, "number", said)
    return text(value)


def number_or_none(said: str) -> Number | None:
    return None if said == "" else number(said)


def unless_zero(said: str) -> Number | None:
    return None if is_zero(said) else number(said)


def is_zero(said: str) -> bool:
    """Or nothing at all."""
    return not said.strip("-0.")


def amount(said: str) -> Decimal:
    return Decimal(number(said or "0"))


def size_of(said: str) -> Number:
    """Without its sign, where that only says which way."""
    return number(said or "0").removeprefix("-")


def turned(said: str) -> Number:
    """The same number with the other sign: what we pay is negative there and positive here."""
    plain = number(said)
    if plain.startswith("-"):
        return plain[1:]
    return plain if is_zero(plain) else f"-{plain}"


def ms_of(said: str) -> int | None:
    if said in ("", "0"):
        return None
    if said.isascii() and said.isdigit() and int(said) < MS_MAX:
        return int(said)
    raise UnknownWord(NAME, "time", said)
