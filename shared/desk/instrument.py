"""Instrument: whether an order can exist at all at its venue, by the terms that the venue publishes.

It decides without I/O. Terms that the venue leaves out are not checked: the venue itself decides then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, NamedTuple

from shared.model import Number, text

EXACT = Context(prec=120)
"""Enough for a quotient of the longest numbers that callers may say and the finest step."""

Wrong = tuple[tuple[str, str], ...]
"""Fields and what is wrong with each; empty when nothing is."""


class Terms(NamedTuple):
    """What a venue says of one instrument. None is what it does not say."""

    symbol: str
    price_step: Decimal | None = None
    size_step: Decimal | None = None
    size_min: Decimal | None = None
    size_max: Decimal | None = None


def to_terms(rows: Iterable[Mapping[str, Any]]) -> dict[str, Terms]:
    """By symbol, from the rows of `Venue.instruments`."""
    return {
        row["symbol"]: Terms(
            row["symbol"],
            _above_zero(row.get("price_step")),
            _above_zero(row.get("size_step")),
            _above_zero(row.get("size_min")),
            _above_zero(row.get("size_max")),
        )
        for row in rows
    }


def wrong_with(terms: Terms, size: Number, price: Number | None) -> Wrong:
    """A line for each number that the instrument cannot have; `price` is None for a market order."""
    price_said = None if price is None else _price_problem(terms, Decimal(price))
    size_said = _size_problem(terms, Decimal(size))
    lines = (("price", price_said), ("size", size_said))
    return tuple((field, problem) for field, problem in lines if problem is not None)


def _price_problem(terms: Terms, price: Decimal) -> str | None:
    step = terms.price_step
    if step is None or _is_multiple(price, step):
        return None
    near = max(_to_multiple(price, step, ROUND_HALF_EVEN), step)
    return f"must be a multiple of {text(step)} for {terms.symbol}; the nearest is {text(near)}"


def _size_problem(terms: Terms, size: Decimal) -> str | None:
    least, most, step = terms.size_min, terms.size_max, terms.size_step
    if (least is not None and size < least) or (most is not None and size > most):
        return f"must be {_limits(least, most)} for {terms.symbol}"
    if step is None or _is_multiple(size, step):
        return None
    near = _to_multiple(size, step, ROUND_HALF_EVEN)
    if least is not None and near < least:
        near = _to_multiple(least, step, ROUND_CEILING)
    if most is not None and near > most:
        near = _to_multiple(most, step, ROUND_FLOOR)
    return f"must be a multiple of {text(step)} for {terms.symbol}; the nearest is {text(max(near, step))}"


def _limits(least: Decimal | None, most: Decimal | None) -> str:
    if most is None:
        return f"at least {text(least or Decimal(0))}"
    return f"at most {text(most)}" if least is None else f"from {text(least)} to {text(most)}"


def _is_multiple(number: Decimal, step: Decimal) -> bool:
    return EXACT.remainder(number, step) == 0


def _to_multiple(number: Decimal, step: Decimal, rounding: str) -> Decimal:
    return EXACT.multiply(EXACT.divide(number, step).to_integral_value(rounding), step)


def _above_zero(said: Number | None) -> Decimal | None:
    try:
        number = Decimal(said or 0)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None
