"""Gate's order calls: place, amend and cancel, in ones and in batches.

A malformed item refuses its whole batch; an item that is refused for what it asks has its own outcome beside the
others'.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from shared.paper.gate.calls import Call, GateError, Reply, invalid, to_amount, to_decimal, to_error, to_flag
from shared.paper.gate.forms import Row
from shared.paper.gate.order_lists import find, shown
from shared.paper.orders import ZERO, Order, OrderRequest, Refusal, Stp, Tif

TEXT = re.compile(r"t-[0-9A-Za-z_.-]{0,28}")
BATCH_MAX, BATCH_CANCEL_MAX = 10, 20
ACTION_MODES = ("ACK", "RESULT", "FULL")
COUNTDOWN_LEAST_S, COUNTDOWN_MOST_S = 5, 86_400 * 30


# ---- what is asked for


def to_request(call: Call, body: Row) -> OrderRequest:
    """The engine's words for an order as Gate's clients write it."""
    contract = body.get("contract")
    if not contract:
        raise GateError(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: contract")
    if body.get("size") is None and not body.get("close") and not body.get("auto_size"):
        raise GateError(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: size")
    size, closes, side = to_decimal(body.get("size") or 0, "size"), to_flag(body.get("close"), "close"), to_side(body)
    if closes and size:
        raise invalid("close", "size is not 0")
    reduces = to_flag(body.get("reduce_only"), "reduce_only")
    profit, loss = _to_attached(body, closes=closes or bool(side) or reduces)
    return OrderRequest(
        call.listing(contract).contract.name,
        ZERO if side else size,
        to_decimal(body.get("price") or 0, "price"),
        to_tif(body.get("tif")),
        to_text(body.get("text"), call.default_text),
        reduce_only=reduces,
        close=closes,
        close_side=side,
        iceberg=to_amount(body.get("iceberg"), "iceberg") or ZERO,
        stp=_to_stp(call, body.get("stp_act")),
        slip=_to_slip(body.get("market_order_slip_ratio")),
        take_profit=profit,
        stop_loss=loss,
    )


def to_side(body: Row) -> str:
    """Which side of a dual position a full close means."""
    side = body.get("auto_size") or ""
    if side not in ("", "close_long", "close_short"):
        raise invalid("auto_size", side)
    return str(side)


def to_tif(value: object) -> Tif:
    """Lower case only, as the engine behind Gate's gateway wants it."""
    try:
        return Tif(str(value)) if value else Tif.GTC
    except ValueError:
        raise GateError(400, "INVALID_ARGUMENT", detail="invalid TIF") from None


def to_text(value: object, usual: str) -> str:
    """The client's own id: `t-` and at most 28 bytes more."""
    if value is None or value == "":
        return usual
    if not isinstance(value, str) or not TEXT.fullmatch(value):
        raise invalid("text", value)
    return value


def _to_stp(call: Call, value: object) -> Stp | None:
    if value in (None, "", "-"):
        return None
    if not call.account.stp_group:
        raise GateError(400, "INVALID_PARAM_VALUE", "set stp_act without stp_id")
    try:
        return Stp(str(value))
    except ValueError:
        raise invalid("stp_act", value) from None


def _to_slip(value: object) -> Decimal | None:
    slip = to_amount(value, "market_order_slip_ratio")
    if slip is not None and slip >= 1:
        raise invalid("market_order_slip_ratio", value)
    return slip


def _to_attached(body: Row, *, closes: bool) -> tuple[Decimal | None, Decimal | None]:
    """Take-profit and stop-loss of an order that opens something; closing them at the best price is not offered."""
    for name in ("tpsl_tp_bbo_type", "tpsl_sl_bbo_type"):
        if body.get(name) not in (None, "", "-"):
            raise GateError(400, "INVALID_PARAM_VALUE", f"{name} is not offered here")
    names = ("tpsl_tp_trigger_price", "tpsl_sl_trigger_price")
    profit, loss = (to_amount(body.get(name), name) for name in names)
    if closes and (profit or loss):
        raise GateError(400, "INVALID_PARAM_VALUE", "an order that closes takes no take-profit or stop-loss")
    return profit, loss


def _check_expiry(call: Call) -> None:
    text = call.headers.get("x-gate-exptime", "")
    if text and not text.isdecimal():
        raise GateError(400, "INVALID_PARAM_VALUE", "Invalid request header `x-gate-exptime`")
    if text and call.now_ms > int(text[:18]):
        raise GateError(400, "REQUEST_EXPIRED", "x-gate-exptime has passed")


def _mode(value: object) -> object:
    if value not in (None, "", *ACTION_MODES):
        raise invalid("action_mode", value)
    return value


# ---- place


def place(call: Call) -> Reply:
    """POST orders."""
    body = call.json_object()
    _check_expiry(call)
    mode, request = _mode(body.get("action_mode")), to_request(call, body)
    return Reply(201, shown(call, _place(call, request), mode))


def _place(call: Call, request: OrderRequest) -> Order:
    placed = call.door.engine.place(call.account, request, call.now_ms)
    if isinstance(placed, Refusal):
        raise to_error(placed)
    return placed


def place_batch(call: Call) -> Reply:
    """POST batch_orders."""
    items = _items(call)
    _check_expiry(call)
    asked = [_to_item(call, item) for item in items]
    return Reply(200, [_try(partial(_place_item, call, each)) for each in asked])


def _to_item(call: Call, item: Row) -> OrderRequest | GateError:
    """One order of a batch. That there is no such contract concerns it alone, anything else wrong the whole batch."""
    try:
        return to_request(call, item)
    except GateError as error:
        if error.label != "CONTRACT_NOT_FOUND":
            raise
        return error


def _place_item(call: Call, asked: OrderRequest | GateError) -> Row:
    if isinstance(asked, GateError):
        raise asked
    return shown(call, _place(call, asked))


def _items(call: Call) -> list[Row]:
    items = call.json()
    if isinstance(items, dict) and call.default_text == "apiv4-ws":
        items = [items]  # over the socket one order may come without its list
    if not isinstance(items, list) or not 1 <= len(items) <= BATCH_MAX:
        raise GateError(400, "INVALID_PARAM_VALUE", f"1 to {BATCH_MAX} orders are expected")
    if not all(isinstance(item, dict) for item in items):
        raise GateError(400, "INVALID_REQUEST_BODY", "Invalid request body")
    return items


def _try(act: Callable[[], Row]) -> Row:
    try:
        return {"succeeded": True} | act()
    except GateError as error:
        return {"succeeded": False, "label": error.label, "detail": error.detail or error.message}


# ---- amend


def amend(call: Call) -> Reply:
    """PUT orders/{id}."""
    body = call.json_object()
    _check_expiry(call)
    mode, order = _mode(body.get("action_mode")), find(call, call.params["order"])
    return Reply(200, shown(call, _amend(call, order, body), mode))


def _amend(call: Call, order: Order, body: Row) -> Order:
    size = None if body.get("size") in (None, "") else to_decimal(body["size"], "size")
    price = None if body.get("price") in (None, "") else to_decimal(body["price"], "price")
    note = str(body.get("amend_text") or "-")[:30]
    refusal = call.door.engine.amend(order, size, price, note, call.now_ms)
    if refusal:
        raise to_error(refusal)
    return order


def amend_batch(call: Call) -> Reply:
    """POST batch_amend_orders."""
    items = _items(call)
    _check_expiry(call)
    return Reply(200, [_try(partial(_amend_item, call, item)) for item in items])


def _amend_item(call: Call, item: Row) -> Row:
    order = find(call, str(item.get("order_id") or item.get("text") or ""))
    return shown(call, _amend(call, order, item))


# ---- cancel


def cancel(call: Call) -> Reply:
    """DELETE orders/{id}."""
    _check_expiry(call)
    mode, order = _mode(call.query.get("action_mode")), find(call, call.params["order"])
    if not call.door.engine.cancel(order, call.now_ms):
        raise GateError(404, "ORDER_NOT_FOUND")
    return Reply(200, shown(call, order, mode))


def cancel_all(call: Call) -> Reply:
    """DELETE orders. Its `text` is a remark on the cancellation, and chooses no order."""
    _check_expiry(call)
    contract, side = call.contract_asked(), call.query.get("side", "")
    mode = _mode(call.query.get("action_mode"))
    if side not in ("", "bid", "ask"):
        raise invalid("side", side)
    keeps_reducers = call.query.get("exclude_reduce_only", "").lower() == "true"
    gone = []
    for order in list(call.account.open_orders.values()):
        is_meant = contract in (None, order.contract) and side in ("", "bid" if order.is_buy else "ask")
        if is_meant and not (keeps_reducers and order.reduce_only):
            call.door.engine.cancel(order, call.now_ms)
            gone.append(shown(call, order, mode))
    return Reply(200, gone)


def cancel_batch(call: Call) -> Reply:
    """POST batch_cancel_orders."""
    names = call.json()
    _check_expiry(call)
    if not isinstance(names, list) or not 1 <= len(names) <= BATCH_CANCEL_MAX:
        raise GateError(400, "INVALID_PARAM_VALUE", f"1 to {BATCH_CANCEL_MAX} ids are expected")
    if not all(isinstance(name, str) for name in names):
        raise GateError(400, "INVALID_REQUEST_BODY", "Invalid request body")
    rows = []
    for name in names:
        row = {"user_id": call.account.number, "id": name, "succeeded": True, "message": ""}
        try:
            if not call.door.engine.cancel(find(call, name), call.now_ms):
                raise GateError(404, "ORDER_NOT_FOUND")
        except GateError as error:
            row |= {"succeeded": False, "message": error.label}
        rows.append(row)
    return Reply(200, rows)


def countdown(call: Call) -> Reply:
    """POST countdown_cancel_all: cancels what is open unless the caller comes back in time."""
    body = call.json_object()
    timeout = to_decimal(body.get("timeout"), "timeout")
    if timeout and not COUNTDOWN_LEAST_S <= timeout <= COUNTDOWN_MOST_S:
        raise invalid("timeout", timeout)
    contract = call.listing(body["contract"]).contract if body.get("contract") else None
    at_ms = call.now_ms + int(timeout * 1000) if timeout else 0
    call.door.arm_countdown(call.account, contract, at_ms)
    return Reply(200, {"triggerTime": str(at_ms)})
