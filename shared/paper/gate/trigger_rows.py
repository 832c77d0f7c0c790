"""Trigger orders as Gate's JSON rows.

`trade_id` is the order that came of one. `me_order_id` is the same, save for a take-profit or stop-loss that belongs to
an order: there it is that order, as `parent_id` is.
"""

from __future__ import annotations

from shared.paper.gate.calls import LABELS
from shared.paper.gate.forms import Row, plain, size_of
from shared.paper.orders import Why
from shared.paper.triggers import Trigger

PRICE_KINDS = {0: "last", 1: "mark", 2: "index"}
PRICE_TYPES = {kind: number for number, kind in PRICE_KINDS.items()}
NO_STOP = {"rule": 0, "trigger_price": "", "order_price": ""}


def trigger_row(trigger: Trigger, *, in_us: bool) -> Row:
    """A trigger order as REST shows it; `finish_as` is left out while it waits. Times are seconds, or microseconds."""
    parent, child = _parent_id(trigger), trigger.order_id
    related = parent or child
    row: Row = {
        "id": trigger.id, "id_string": str(trigger.id), "user": trigger.account.number, "status": trigger.status,
        "reason": _reason(trigger), "create_time": _time(trigger.created_ms, in_us),
        "finish_time": _time(trigger.finished_ms or 0, in_us), "trade_id": child, "trade_id_string": str(child),
        "me_order_id": related, "me_order_id_string": str(related), "order_type": order_type(trigger),
        "is_stop_order": False, "in_dual_mode": trigger.account.is_dual, "parent_id": parent,
        "parent_id_string": str(parent),
        "trigger_time": _time(trigger.finished_ms or 0, in_us) if child else 0, "stop_trigger": dict(NO_STOP),
        "stop_profit_price": "", "stop_loss_price": "", "batch_id": "",
        "initial": _initial(trigger) | {"amount": plain(trigger.request.size), "iceberg_amount": "0"},
        "trigger": _condition(trigger),
    }  # fmt: skip
    if trigger.finish_as:
        row["finish_as"] = trigger.finish_as
    return row


def trigger_push(trigger: Trigger, is_decimal: bool) -> Row:
    """A trigger order as it is pushed. Its user is a number, unlike everybody's elsewhere."""
    parent = _parent_id(trigger)
    return {
        "user": trigger.account.number, "id": trigger.id, "id_string": str(trigger.id), "name": "price_autoorders",
        "status": trigger.status, "reason": _reason(trigger), "create_time": trigger.created_ms // 1000,
        "trade_id": trigger.order_id, "is_stop_order": False, "order_type": order_type(trigger),
        "me_order_id": str(parent or trigger.order_id), "parent_id": parent, "trigger": _condition(trigger),
        "initial": _initial(trigger) | {"size": size_of(trigger.request.size, is_decimal)},
        "stop_trigger": dict(NO_STOP), "finish_time": (trigger.finished_ms or 0) // 1000,
        "finish_as": trigger.finish_as, "stop_profit_price": "", "stop_loss_price": "", "pos_margin_mode": "",
        "position_mode": "dual" if trigger.account.is_dual else "single", "leverage": "",
    }  # fmt: skip


def order_type(trigger: Trigger) -> str:
    """What it was set as; one that belongs to an order closes what that order opened."""
    if trigger.parent is None:
        return trigger.order_type
    return "close-long-order" if trigger.parent.is_buy else "close-short-order"


def _initial(trigger: Trigger) -> Row:
    request = trigger.request
    return {
        "contract": trigger.contract.name, "size": int(request.size), "price": plain(request.price),
        "tif": request.tif.value, "text": request.text, "iceberg": 0, "is_close": request.close,
        "is_reduce_only": request.reduce_only, "auto_size": request.close_side,
    }  # fmt: skip


def _condition(trigger: Trigger) -> Row:
    return {
        "strategy_type": 0, "price_type": PRICE_TYPES[trigger.price_kind], "price": plain(trigger.price),
        "rule": 1 if trigger.rises else 2, "expiration": trigger.expiration_s,
    }  # fmt: skip


def _parent_id(trigger: Trigger) -> int:
    return trigger.parent.id if trigger.parent else 0


def _reason(trigger: Trigger) -> str:
    """Why it failed, as the label that its order was refused with."""
    return LABELS[Why(trigger.reason)] if trigger.reason else ""


def _time(ms: int, in_us: bool) -> int:
    return ms * 1000 if in_us else ms // 1000
