"""Instrument: whether an order can exist at all at its venue, by the terms that the venue publishes.

It decides without I/O. Terms that the venue leaves out are not checked: the venue itself decides then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, NamedTuple

from shared.model import Number, plain, text

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
    market_size_max: Decimal | None = None
    contract_size: Decimal | None = None
    """How much of the base asset one contract is."""
    price_band: Decimal | None = None
    """How far a limit price may be from the mark price, as a part of it."""
    mark_price: Decimal | None = None
    leverage_min: Decimal | None = None
    leverage_max: Decimal | None = None


def to_terms(rows: Iterable[Mapping[str, Any]]) -> dict[str, Terms]:
    """By symbol, from the rows of `Venue.instruments`."""
    names = Terms._fields[1:]
    return {row["symbol"]: Terms(row["symbol"], *(_above_zero(row.get(name)) for name in names)) for row in rows}


def wrong_with(terms: Terms, size: Number, price: Number | None, leverage: Number | None = None) -> Wrong:
    """A line for each number that the instrument cannot have; `price` is None for a market order."""
    price_said = None if price is None else _step_problem(terms, Decimal(price)) or _band_problem(terms, Decimal(price))
    size_said = _size_problem(terms, Decimal(size), price is None)
    leverage_said = None if leverage is None else _leverage_problem(terms, Decimal(leverage))
    lines = (("price", price_said), ("size", size_said), ("leverage", leverage_said))
    return tuple((field, problem) for field, problem in lines if problem is not None)


def is_outside_band(terms: Terms, price: Number) -> bool:
    return _band_problem(terms, Decimal(price)) is not None


def contracts_of(terms: Terms, amount: Number, unit: str, price: Number | None) -> Number | Wrong:
    """The amount in contracts, exactly, or what is wrong with it: never the nearest one unasked.

    `unit` is contracts, base or quote. A quote amount is exact at a price, so an order at the market has none.
    """
    worth = _contract_in(terms, unit, price)
    if not isinstance(worth, Decimal):
        return worth
    said = Decimal(amount)
    size = EXACT.divide(said, worth)
    if EXACT.multiply(size, worth) == said and (terms.size_step is None or _is_multiple(size, terms.size_step)):
        return plain(text(size))
    near = _nearest_size(terms, size, price is None)
    shown = plain(text(EXACT.multiply(near, worth)))
    contracts = "" if unit == "contracts" else f" ({plain(text(near))} contracts)"
    step = "" if terms.size_step is None else f"a multiple of {plain(text(EXACT.multiply(terms.size_step, worth)))}"
    return (("size", f"must be {step or 'exact'} {unit} for {terms.symbol}; the nearest is {shown}{contracts}"),)


def _contract_in(terms: Terms, unit: str, price: Number | None) -> Decimal | Wrong:
    if unit == "contracts":
        return Decimal(1)
    if terms.contract_size is None:
        return (("size", f"can only be said in contracts for {terms.symbol}: their size is not known"),)
    if unit == "base":
        return terms.contract_size
    if price is None:
        return (("size", "in quote needs a price, since a market order has none yet; say it in contracts or base"),)
    return EXACT.multiply(terms.contract_size, Decimal(price))


def _step_problem(terms: Terms, price: Decimal) -> str | None:
    step = terms.price_step
    if step is None or _is_multiple(price, step):
        return None
    near = max(_to_multiple(price, step, ROUND_HALF_EVEN), step)
    return f"must be a multiple of {text(step)} for {terms.symbol}; the nearest is {text(near)}"


def _band_problem(terms: Terms, price: Decimal) -> str | None:
    """The venue refuses a limit price that is too far from the mark price, on either side."""
    mark, band = terms.mark_price, terms.price_band
    if mark is None or band is None:
        return None
    least, most = EXACT.multiply(mark, max(1 - band, Decimal(0))), EXACT.multiply(mark, 1 + band)
    if terms.price_step is not None:
        least = _to_multiple(least, terms.price_step, ROUND_CEILING)
        most = _to_multiple(most, terms.price_step, ROUND_FLOOR)
    if least <= price <= most:
        return None
    near = least if price < least else most
    return (
        f"must be from {plain(text(least))} to {plain(text(most))} for {terms.symbol} now, around its mark price;"
        f" the nearest is {plain(text(near))}"
    )


def _leverage_problem(terms: Terms, leverage: Decimal) -> str | None:
    least, most = terms.leverage_min, terms.leverage_max
    if (least is None or leverage >= least) and (most is None or leverage <= most):
        return None
    return f"must be {_limits(least, most)} for {terms.symbol}"


def _size_problem(terms: Terms, size: Decimal, is_market: bool) -> str | None:
    least, most, step = terms.size_min, _size_max(terms, is_market), terms.size_step
    near = plain(text(_nearest_size(terms, size, is_market)))
    if (least is not None and size < least) or (most is not None and size > most):
        return f"must be {_limits(least, most)} for {terms.symbol}; the nearest is {near}"
    if step is None or _is_multiple(size, step):
        return None
    return f"must be a multiple of {text(step)} for {terms.symbol}; the nearest is {near}"


def _size_max(terms: Terms, is_market: bool) -> Decimal | None:
    return terms.market_size_max or terms.size_max if is_market else terms.size_max


def _nearest_size(terms: Terms, size: Decimal, is_market: bool) -> Decimal:
    least, most, step = terms.size_min, _size_max(terms, is_market), terms.size_step
    near = size if step is None else max(_to_multiple(size, step, ROUND_HALF_EVEN), step)
    if least is not None and near < least:
        near = least if step is None else _to_multiple(least, step, ROUND_CEILING)
    if most is not None and near > most:
        near = most if step is None else _to_multiple(most, step, ROUND_FLOOR)
    return near


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
