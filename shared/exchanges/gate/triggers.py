"""Triggers: Gate's price orders in our words.

A row names the orders around it in fields whose meaning differs by the kind of trigger, and does not say when it was
amended.
"""

from __future__ import annotations

from decimal import Decimal

from shared.errors import UnknownWord
from shared.exchanges.base import PURPOSES, PlaceTrigger
from shared.exchanges.gate import NAME
from shared.exchanges.gate.convert import NOTHING, said_or_none, side_of
from shared.exchanges.gate.names import instrument
from shared.exchanges.gate.numbers import ms_of, number, unless_zero, whole
from shared.exchanges.gate.rows import InitialPart, TriggerRow
from shared.model import Owner, Times, Trigger

PRICE_TYPES = {0: "last", 1: "mark", 2: "index"}
RULES = {1: "at_or_above", 2: "at_or_below"}

CLOSING_SIDE = {"long": "sell", "short": "buy"}

TRIGGER_STATUS = {"open": "open", "inactive": "open", "invalid": "failed"}
TRIGGER_FINISH = {"succeeded": "fired", "cancelled": "cancelled", "expired": "expired", "failed": "failed"}


def to_trigger(row: TriggerRow, owner: Owner, received_at_ms: int) -> Trigger:
    initial, rule = row.initial, RULES.get(whole(row.trigger.rule))
    size = _size(initial)
    closes = _closes(row, size)
    status, reason = _trigger_status(row)
    parent_id, child_id = _family(row, status)
    created_at_ms = ms_of(row.create_time)
    at_ms = (ms_of(row.finish_time) if status != "open" else None) or created_at_ms
    return Trigger(
        id=said_or_none(row.id_string) or str(row.id),
        client_order_id=said_or_none(initial.text),
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=initial.contract,
        instrument=instrument(initial.contract),
        purpose=PURPOSES.get((closes, rule)) if closes and rule else None,
        side=side_of(size) if size or closes is None else CLOSING_SIDE[closes],
        price=number(row.trigger.price),
        price_type=PRICE_TYPES.get(whole(row.trigger.price_type)),
        rule=rule,
        order_price=unless_zero(initial.price),
        size=number(size.copy_abs()),
        size_unit="contracts",
        status=status,
        reason=reason,
        parent_id=parent_id,
        child_id=child_id,
        created_at_ms=created_at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def _size(initial: InitialPart) -> Decimal:
    """`amount` is the exact one; its sign is that of `size` where that has one."""
    if initial.amount in NOTHING:
        return initial.size
    amount = Decimal(initial.amount)
    return amount.copy_sign(initial.size) if initial.size else amount


def _trigger_status(row: TriggerRow) -> tuple[str, str | None]:
    reason = said_or_none(row.reason)
    if row.status != "finished":
        status = TRIGGER_STATUS.get(row.status)
        if status is None:
            raise UnknownWord(NAME, "trigger status", row.status)
        return status, reason
    if row.finish_as in TRIGGER_FINISH:
        return TRIGGER_FINISH[row.finish_as], reason
    # Ended in a way we have no word for. It protects nothing any more, and "failed" is what alarms.
    return "failed", reason or row.finish_as or None


def _family(row: TriggerRow, status: str) -> tuple[str | None, str | None]:
    """The order that it protects and the order that it became.

    `me_order_id` is documented as the first, for triggers bound to an order, and was reported as the second for others.
    """
    is_bound = row.order_type.endswith("-order")
    named = said_or_none(row.me_order_id_string) or said_or_none(str(row.me_order_id))
    child_id = said_or_none(row.trade_id_string) or said_or_none(str(row.trade_id))
    if child_id is None and status == "fired" and not is_bound:
        child_id = named
    parent_id = said_or_none(row.parent_id_string) or said_or_none(str(row.parent_id))
    if parent_id is None and is_bound and named != child_id:
        parent_id = named
    return parent_id, child_id


def _closes(row: TriggerRow, size: Decimal) -> str | None:
    """Which side's position it closes, when it is one that closes."""
    for said in (row.order_type, row.initial.auto_size):
        if "close-long" in said or said == "close_long":
            return "long"
        if "close-short" in said or said == "close_short":
            return "short"
    initial = row.initial
    if size and (initial.is_reduce_only or initial.reduce_only or initial.is_close or initial.close):
        return "long" if size < 0 else "short"
    return None


def placed_trigger(trigger_id: str, placed: PlaceTrigger, owner: Owner, at_ms: int, received_at_ms: int) -> Trigger:
    """A reply to a placement only says the id: the rest is what was asked for."""
    return Trigger(
        id=trigger_id,
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
        rule=placed.rule,
        order_price=placed.order_price,
        size=placed.size or "0",
        size_unit="contracts",
        status="open",
        reason=None,
        parent_id=placed.parent_id,
        child_id=None,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def as_of(trigger: Trigger, at_ms: int) -> Trigger:
    """An open trigger's row does not say when it was amended, so what the venue told later is newer."""
    if trigger.status == "open" and at_ms > (trigger.updated_at_ms or 0):
        trigger.updated_at_ms = at_ms
    return trigger
