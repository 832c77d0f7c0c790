"""Gate's price-triggered orders, which it keeps in a service of their own: own ids, own labels, HTTP 400 for an
unknown id.

Margin and position are looked at when one fires and not before, so it may end `failed`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from shared.paper.gate.calls import Call, GateError, Reply, to_decimal, to_flag
from shared.paper.gate.orders import to_side, to_text
from shared.paper.gate.rows import PRICE_KINDS, trigger_row
from shared.paper.listing import Listing
from shared.paper.orders import ZERO, OrderRequest, Tif, Trigger

ORDER_TYPES = (
    "close-long-position",
    "close-short-position",
    "plan-close-long-position",
    "plan-close-short-position",
)
WRONG_SIDE = {
    ("last", True): ("AUTO_TRIGGER_PRICE_LESS_LAST", "Trigger.Price must > last_price"),
    ("last", False): ("AUTO_TRIGGER_PRICE_GREATE_LAST", "Trigger.Price must < last_price"),
    ("mark", True): ("AUTO_TRIGGER_PRICE_LESS_MARK", "Trigger.Price must > mark_price"),
    ("mark", False): ("AUTO_TRIGGER_PRICE_GREATE_MARK", "Trigger.Price must < mark_price"),
    ("index", True): ("AUTO_TRIGGER_PRICE_LESS_INDEX", "Trigger.Price must > index_price"),
    ("index", False): ("AUTO_TRIGGER_PRICE_GREATE_INDEX", "Trigger.Price must < index_price"),
}
EXPIRATION_MAX_S = 86_400 * 30


def place(call: Call) -> Reply:
    """POST price_orders."""
    body = call.json_object()
    initial, trigger = body.get("initial"), body.get("trigger")
    if not isinstance(initial, dict) or not isinstance(trigger, dict):
        raise GateError(400, "AUTO_INVALID_REQUEST_BODY", "initial and trigger are required")
    listing = call.listing(initial.get("contract"))
    order_type = body.get("order_type") or ""
    if order_type not in ("", *ORDER_TYPES):
        raise GateError(400, "AUTO_INVALID_PARAM_ORDER_TYPE", f"invalid argument: order_type {str(order_type)[:40]}")
    kind, price, rises, expiration = _to_condition(listing, trigger)
    request = _to_request(call, listing, initial, str(order_type))
    number = call.door.engine.next_trigger_id()
    waiting = Trigger(
        number, call.account, listing.contract,
        request if request.text != "api" else replace(request, text=f"ao-{number}"), price, kind, rises, call.now_ms,
        call.now_ms + expiration * 1000 if expiration else None, str(order_type), echo={"expiration": expiration},
    )  # fmt: skip
    call.door.engine.set_trigger(waiting)
    return Reply(201, {"id": waiting.id, "id_string": str(waiting.id)})


def _to_condition(listing: Listing, trigger: dict[str, Any]) -> tuple[str, Decimal, bool, int]:
    rule, kind = trigger.get("rule"), PRICE_KINDS.get(_whole(trigger.get("price_type", 0)))
    if _whole(rule) not in (1, 2):
        raise GateError(400, "AUTO_INVALID_PARAM_TRIGGER_RULE", "invalid argument: Trigger.rule")
    if kind is None or _whole(trigger.get("strategy_type", 0)) != 0:
        raise GateError(400, "INVALID_PARAM_VALUE", "invalid argument: Trigger.price_type")
    if not isinstance(trigger.get("price"), str):
        raise GateError(400, "AUTO_INVALID_REQUEST_BODY", "invalid argument: Trigger.price")
    price, rises = to_decimal(trigger["price"], "price"), rule == 1
    if price <= 0 or price % listing.contract.tick:
        raise GateError(400, "AUTO_INVALID_PARAM_TRIGGER_PRICE", "invalid argument: Trigger.price")
    expiration = _whole(trigger.get("expiration") or 0)
    if not 0 <= expiration <= EXPIRATION_MAX_S:
        raise GateError(
            400, "AUTO_INVALID_PARAM_TRIGGER_EXPIRATION", "invalid argument: trigger.expiration invalid range"
        )
    now = listing.price(kind)
    if (price <= now) if rises else (price >= now):
        label, message = WRONG_SIDE[kind, rises]
        raise GateError(400, label, message)
    return kind, price, rises, expiration


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _to_request(call: Call, listing: Listing, initial: dict[str, Any], order_type: str) -> OrderRequest:
    if not isinstance(initial.get("price"), str):
        raise GateError(400, "AUTO_INVALID_REQUEST_BODY", "invalid argument: Initial.price")
    price, tif = to_decimal(initial["price"], "price"), initial.get("tif") or "gtc"
    if tif not in ("gtc", "ioc") or (not price and tif != "ioc"):
        raise GateError(400, "INVALID_ARGUMENT", detail="invalid TIF")
    amount = initial.get("amount")
    size = to_decimal(initial.get("size", 0) if amount in (None, "", "0", 0) else amount, "size")
    side, closes = to_side(initial), to_flag(initial.get("close"), "close")
    reduces = to_flag(initial.get("reduce_only"), "reduce_only") or bool(order_type)
    is_full = not size
    if is_full and not (closes or side):
        raise GateError(400, "AUTO_INVALID_PARAM_CLOSE", "invalid argument: Initial.size")
    if closes and call.account.is_dual:
        raise GateError(400, "POSITION_DUAL_MODE")
    if side and not call.account.is_dual:
        raise GateError(400, "AUTO_INVALID_PARAM_CLOSE", "invalid argument: Initial.auto_size")
    if (closes or side) and size:
        raise GateError(400, "AUTO_INVALID_PARAM_CLOSE", "invalid argument: Initial.close")
    if price < 0 or price % listing.contract.tick or size % listing.contract.size_step:
        raise GateError(400, "INVALID_PARAM_VALUE", "invalid argument: Initial.price or Initial.size")
    text = to_text(initial.get("text"), "api")
    return OrderRequest(
        listing.contract.name, size or ZERO, price, Tif(tif), text, reduces and not closes, closes, side
    )


def _find(call: Call) -> Trigger:
    name = call.params["order"]
    if not re.fullmatch(r"[0-9]{1,19}", name) or int(name) not in call.account.triggers:
        raise GateError(400, "AUTO_ORDER_NOT_FOUND", "auto order not found")
    return call.account.triggers[int(name)]


def get(call: Call) -> Reply:
    """GET price_orders/{id}."""
    return Reply(200, trigger_row(_find(call), call.is_decimal))


def list_triggers(call: Call) -> Reply:
    """GET price_orders."""
    status = call.required("status")
    if status not in ("open", "finished"):
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `status` value: {status[:40]}")
    contract = call.contract_asked()
    rows = [
        t for t in reversed(call.account.triggers.values()) if t.status == status and contract in (None, t.contract)
    ]
    return Reply(200, [trigger_row(trigger, call.is_decimal) for trigger in call.page(rows)])


def cancel(call: Call) -> Reply:
    """DELETE price_orders/{id}."""
    trigger = _find(call)
    if not call.door.engine.end_trigger(trigger, "cancelled", call.now_ms):
        raise GateError(400, "AUTO_ORDER_NOT_FOUND", "auto order not found")
    return Reply(200, trigger_row(trigger, call.is_decimal))


def cancel_all(call: Call) -> Reply:
    """DELETE price_orders."""
    contract = call.contract_asked()
    gone = [t for t in call.account.triggers.values() if t.status == "open" and contract in (None, t.contract)]
    for trigger in gone:
        call.door.engine.end_trigger(trigger, "cancelled", call.now_ms)
    return Reply(200, [trigger_row(trigger, call.is_decimal) for trigger in gone])
