"""Gate's price-triggered orders, which it keeps in a service of their own: own ids, own labels, HTTP 400 for an
unknown id.

Margin and position are looked at when one fires and not before, so it may end `failed`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from shared.paper.gate.calls import Call, GateError, Reply, invalid, to_decimal, to_flag
from shared.paper.gate.forms import Row
from shared.paper.gate.orders import to_side, to_text
from shared.paper.gate.trigger_rows import PRICE_KINDS, trigger_row
from shared.paper.listing import Listing
from shared.paper.orders import ZERO, OrderRequest, Tif
from shared.paper.triggers import Trigger

ORDER_TYPES = (
    "close-long-position",
    "close-short-position",
    "plan-close-long-position",
    "plan-close-short-position",
)
STATUSES = ("open", "finished", "inactive", "invalid")
WRONG_SIDE = {True: ("GREATE", ">"), False: ("LESS", "<")}
EXPIRATION_MAX_S = 86_400 * 30
NOT_AMENDABLE = "1077"


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
    request = _to_request(call, listing, initial, is_closing=bool(order_type))
    waiting = Trigger(
        call.door.engine.triggers.next_id(), call.account, listing.contract, request, price, kind, rises, call.now_ms,
        call.now_ms + expiration * 1000 if expiration else None, expiration, str(order_type),
    )  # fmt: skip
    call.door.engine.triggers.set(waiting)
    return _named(201, waiting)


def _named(status: int, trigger: Trigger) -> Reply:
    return Reply(status, {"id": trigger.id, "id_string": str(trigger.id)})


def _to_condition(listing: Listing, trigger: Row) -> tuple[str, Decimal, bool, int]:
    rule = _whole(trigger.get("rule"))
    if rule not in (1, 2):
        raise GateError(400, "AUTO_INVALID_PARAM_TRIGGER_RULE", "invalid argument: Trigger.rule")
    if _whole(trigger.get("strategy_type", 0)) != 0:
        raise GateError(400, "INVALID_PARAM_VALUE", "invalid argument: Trigger.strategy_type")
    expiration = _whole(trigger.get("expiration") or 0)
    if not 0 <= expiration <= EXPIRATION_MAX_S:
        message = "invalid argument: trigger.expiration invalid range"
        raise GateError(400, "AUTO_INVALID_PARAM_TRIGGER_EXPIRATION", message)
    kind, price = _to_kind(trigger.get("price_type", 0)), _to_price(listing, trigger.get("price"))
    _check_side(listing, kind, price, rises=rule == 1)
    return kind, price, rule == 1, expiration


def _to_kind(value: object) -> str:
    kind = PRICE_KINDS.get(_whole(value))
    if kind is None:
        raise GateError(400, "INVALID_PARAM_VALUE", "invalid argument: Trigger.price_type")
    return kind


def _to_price(listing: Listing, value: object) -> Decimal:
    if not isinstance(value, str):
        raise GateError(400, "AUTO_INVALID_REQUEST_BODY", "invalid argument: Trigger.price")
    price = to_decimal(value, "price")
    if price <= 0 or price % listing.contract.tick:
        raise GateError(400, "AUTO_INVALID_PARAM_TRIGGER_PRICE", "invalid argument: Trigger.price")
    return price


def _check_side(listing: Listing, kind: str, price: Decimal, *, rises: bool) -> None:
    """One that would fire at once is refused; the label says how the price would have to be."""
    now = listing.price(kind)
    if (price <= now) if rises else (price >= now):
        word, sign = WRONG_SIDE[rises]
        message = f"invalid argument: Trigger.Price must {sign} {kind}_price"
        raise GateError(400, f"AUTO_TRIGGER_PRICE_{word}_{kind.upper()}", message)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _to_request(call: Call, listing: Listing, initial: Row, *, is_closing: bool) -> OrderRequest:
    if not isinstance(initial.get("price"), str):
        raise GateError(400, "AUTO_INVALID_REQUEST_BODY", "invalid argument: Initial.price")
    price, tif = to_decimal(initial["price"], "price"), initial.get("tif") or "gtc"
    if tif not in ("gtc", "ioc") or (not price and tif != "ioc"):
        raise GateError(400, "INVALID_ARGUMENT", detail="invalid TIF")
    size, side, closes = _to_size(initial), to_side(initial), to_flag(initial.get("close"), "close")
    reduces = to_flag(initial.get("reduce_only"), "reduce_only") or is_closing
    request = OrderRequest(
        listing.contract.name, size, price, Tif(tif), to_text(initial.get("text"), ""), reduces and not closes, closes,
        side,
    )  # fmt: skip
    _check_terms(call, listing, request)
    return request


def _to_size(said: Row) -> Decimal:
    """The decimal form wins over the whole number."""
    amount = said.get("amount")
    return to_decimal((said.get("size") or 0) if amount in (None, "", "0", 0) else amount, "size")


def _check_terms(call: Call, listing: Listing, request: OrderRequest) -> None:
    is_full = request.close or bool(request.close_side)
    if is_full == bool(request.size):
        raise GateError(400, "AUTO_INVALID_PARAM_CLOSE", "invalid argument: Initial.size")
    if request.close and call.account.is_dual:
        raise GateError(400, "POSITION_DUAL_MODE")
    if request.close_side and not call.account.is_dual:
        raise GateError(400, "AUTO_INVALID_PARAM_CLOSE", "invalid argument: Initial.auto_size")
    contract = listing.contract
    if request.price < 0 or request.price % contract.tick or request.size % contract.size_step:
        raise GateError(400, "INVALID_PARAM_VALUE", "invalid argument: Initial.price or Initial.size")


# ---- amend


def amend(call: Call) -> Reply:
    """PUT price_orders/amend/{id}, and the form of the changelog that names it in the body alone. The rule stays."""
    body = call.json_object()
    name = call.params.get("order") or str(body.get("order_id") or "")
    trigger = _find(call, name)
    if call.params.get("order") and body.get("order_id") not in (None, "") and str(body["order_id"]) != name:
        raise invalid("order_id", body["order_id"])
    if not trigger.is_waiting:
        raise _not_found()
    if trigger.parent is None and not _closes(trigger.request):
        message = "trigger orders that open a position cannot be amended"
        raise GateError(400, "INVALID_ARGUMENT", message, code=NOT_AMENDABLE)
    listing = call.listing(trigger.contract.name)
    kind = trigger.price_kind if body.get("price_type") is None else _to_kind(body["price_type"])
    price = trigger.price
    if body.get("trigger_price") not in (None, ""):
        price = _to_price(listing, body["trigger_price"])
    if (price, kind) != (trigger.price, trigger.price_kind):
        _check_side(listing, kind, price, rises=trigger.rises)
    call.door.engine.triggers.amend(trigger, _amended(call, listing, trigger, body), price, kind, call.now_ms)
    return _named(200, trigger)


def _closes(request: OrderRequest) -> bool:
    return request.reduce_only or request.close or bool(request.close_side)


def _amended(call: Call, listing: Listing, trigger: Trigger, body: Row) -> OrderRequest:
    request = trigger.request
    if body.get("price") not in (None, ""):
        price = to_decimal(body["price"], "price")
        request = replace(request, price=price, tif=request.tif if price else Tif.IOC)
    if trigger.parent is not None:
        return request  # its size is what its order has filled
    if body.get("close") is not None or body.get("auto_size") is not None:
        closes = to_flag(body.get("close"), "close")
        request = replace(request, close=closes, close_side=to_side(body), reduce_only=not closes)
        request = replace(request, size=ZERO) if closes or request.close_side else request
    if _to_size(body):
        request = replace(request, size=_to_size(body), close=False, close_side="", reduce_only=True)
    _check_terms(call, listing, request)
    return request


# ---- look up, cancel


def _not_found() -> GateError:
    return GateError(400, "AUTO_ORDER_NOT_FOUND", "auto order not found")


def _find(call: Call, name: str) -> Trigger:
    if not re.fullmatch(r"[0-9]{1,19}", name) or int(name) not in call.account.triggers:
        raise _not_found()
    return call.account.triggers[int(name)]


def _shown(call: Call, trigger: Trigger) -> Row:
    return trigger_row(trigger, in_us=call.door.in_us)


def get(call: Call) -> Reply:
    """GET price_orders/{id}."""
    return Reply(200, _shown(call, _find(call, call.params["order"])))


def list_triggers(call: Call) -> Reply:
    """GET price_orders."""
    status = call.required("status")
    if status not in STATUSES:
        raise invalid("status", status)
    contract = call.contract_asked()
    newest = reversed(call.account.triggers.values())
    rows = [t for t in newest if t.status == status and contract in (None, t.contract)]
    return Reply(200, [_shown(call, trigger) for trigger in call.page(rows)])


def cancel(call: Call) -> Reply:
    """DELETE price_orders/{id}."""
    trigger = _find(call, call.params["order"])
    if not call.door.engine.triggers.end(trigger, "cancelled", call.now_ms):
        raise _not_found()
    return Reply(200, _shown(call, trigger))


def cancel_all(call: Call) -> Reply:
    """DELETE price_orders."""
    contract = call.contract_asked()
    gone = [t for t in call.account.triggers.values() if t.is_waiting and contract in (None, t.contract)]
    for trigger in gone:
        call.door.engine.triggers.end(trigger, "cancelled", call.now_ms)
    return Reply(200, [_shown(call, trigger) for trigger in gone])
