"""Triggers: OKX's algo orders in our words.

An algo order with a take-profit and a stop-loss (`oco`) is two triggers to us, `<algoId>-tp` and `<algoId>-sl`: each
has a price, a rule, a purpose and an end of its own, and each can be taken away without the other. Every other kind is
one trigger with the algo order's own id. Icebergs and the like are no triggers.
"""

from __future__ import annotations

from typing import NamedTuple

from shared.errors import UnknownWord
from shared.exchanges.base import PURPOSES, PlaceTrigger
from shared.exchanges.okx import NAME
from shared.exchanges.okx.convert import checked_side, closes_of, unit_of
from shared.exchanges.okx.names import instrument
from shared.exchanges.okx.numbers import ms_of, size_of, unless_zero
from shared.exchanges.okx.rows import AlgoRow
from shared.model import Number, Owner, Times, Trigger

STATES = {
    "live": "open",
    "pause": "open",
    "partially_effective": "open",
    "effective": "fired",
    "canceled": "cancelled",
    "order_failed": "failed",
    "partially_failed": "failed",
}
NO_TRIGGER = frozenset({"iceberg", "smart_iceberg", "twap", "chase"})
NO_CODE = frozenset({"", "0", "1"})
"""How a row says that nothing failed."""
RULES = {
    ("tp", "sell"): "at_or_above",
    ("tp", "buy"): "at_or_below",
    ("sl", "sell"): "at_or_below",
    ("sl", "buy"): "at_or_above",
}
"""A take-profit waits for a better price, a stop-loss for a worse one: of the order that it becomes."""
HALVES = {(rule, side): half for (half, side), rule in RULES.items()}
MARKET_PRICE = "-1"
OTHER_HALF = "the other half fired"


class Half(NamedTuple):
    """One price of an algo order."""

    id: str
    name: str | None
    price: Number | None
    price_type: str
    order_price: str
    rule: str | None


def to_triggers(row: AlgoRow, owner: Owner, received_at_ms: int) -> list[Trigger]:
    """All that the row is to us: two triggers, one, or none."""
    if row.ordType in NO_TRIGGER:
        return []
    return [_to_trigger(row, half, owner, received_at_ms) for half in _halves(row)]


def _halves(row: AlgoRow) -> list[Half]:
    if row.ordType == "oco":
        return [_half(row, "tp", f"{row.algoId}-tp"), _half(row, "sl", f"{row.algoId}-sl")]
    if row.ordType == "conditional":
        # With both prices the stop-loss is the one that counts.
        return [_half(row, "sl" if row.slTriggerPx else "tp", row.algoId)]
    if row.ordType == "trigger":
        price = unless_zero(row.triggerPx)
        return [Half(row.algoId, None, price, row.triggerPxType, row.ordPx, None)]
    if row.ordType == "move_order_stop":
        price = unless_zero(row.moveTriggerPx or row.activePx)
        rule = RULES[("sl", checked_side(row.side))]
        return [Half(row.algoId, None, price, "last", MARKET_PRICE, rule)]
    raise UnknownWord(NAME, "algo order type", row.ordType)


def _half(row: AlgoRow, name: str, trigger_id: str) -> Half:
    rule = RULES[(name, checked_side(row.side))]
    if name == "tp":
        # A limit order that waits in the book has no other price than its own.
        said = row.tpTriggerPx or row.tpOrdPx.removeprefix(MARKET_PRICE)
        return Half(trigger_id, name, unless_zero(said), row.tpTriggerPxType, row.tpOrdPx, rule)
    return Half(trigger_id, name, unless_zero(row.slTriggerPx), row.slTriggerPxType, row.slOrdPx, rule)


def _to_trigger(row: AlgoRow, half: Half, owner: Owner, received_at_ms: int) -> Trigger:
    status, reason = _status(row, half)
    closes = "" if row.closeFraction == "" else ("long" if row.side == "sell" else "short")
    closes = closes or closes_of(row.side, row.posSide, row.reduceOnly) or ""
    created_at_ms = ms_of(row.cTime)
    at_ms = ms_of(row.pTime) or ms_of(row.uTime) or ms_of(row.triggerTime) or created_at_ms
    unit = unit_of(row.instType, row.instId)
    return Trigger(
        id=half.id,
        client_order_id=row.algoClOrdId or None,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.instId,
        instrument=instrument(row.instId),
        purpose=PURPOSES.get((closes, half.rule)) if half.rule else None,
        side=checked_side(row.side),
        price=half.price,
        price_type=half.price_type or None,
        rule=half.rule,
        order_price=unless_zero(half.order_price.removeprefix(MARKET_PRICE)),
        size=size_of(row.sz),
        size_unit="quote" if row.tgtCcy == "quote_ccy" and unit == "base" else unit,
        status=status,
        reason=reason,
        parent_id=None,
        child_id=_child_id(row) if status == "fired" else None,
        created_at_ms=created_at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def _status(row: AlgoRow, half: Half) -> tuple[str, str | None]:
    status = STATES.get(row.state)
    if status is None:
        raise UnknownWord(NAME, "algo order state", row.state)
    if row.ordType == "oco":
        if status == "open" and half.price is None:
            return "cancelled", None  # taken away while the other half stays
        if status == "fired" and row.actualSide in ("tp", "sl") and row.actualSide != half.name:
            return "cancelled", OTHER_HALF
    if status == "failed":
        return status, row.failCode if row.failCode not in NO_CODE else row.state
    return status, None


def _child_id(row: AlgoRow) -> str | None:
    listed = next((order_id for order_id in row.ordIdList if order_id), "")
    linked = row.linkedOrd.ordId if row.linkedOrd is not None and row.actualSide == "tp" else ""
    return listed or (row.ordId if row.ordId != "0" else "") or linked or None


def placed_trigger(algo_id: str, placed: PlaceTrigger, at_ms: int | None, owner: Owner, received_at_ms: int) -> Trigger:
    """A reply to a placement only says the id: the rest is what was asked for."""
    half = HALVES[(placed.rule, placed.side)] if placed.opposite is not None else None
    return Trigger(
        id=algo_id if half is None else f"{algo_id}-{half}",
        client_order_id=placed.client_order_id,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=placed.symbol,
        instrument=instrument(placed.symbol),
        purpose=PURPOSES.get((placed.closes, placed.rule)) if placed.closes else None,
        side=placed.side,
        price=placed.price,
        price_type=placed.price_type,
        rule=placed.rule if placed.rule in ("at_or_above", "at_or_below") else None,
        order_price=placed.order_price,
        size=placed.size or "0",
        size_unit=unit_of("", placed.symbol),
        status="open",
        reason=None,
        parent_id=placed.parent_id,
        child_id=None,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )
