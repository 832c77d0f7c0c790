"""Gate's order calls: place, amend, cancel, look up, in ones and in batches, and the own trades that come of them.

An order that was cancelled without a fill is forgotten after a while, sooner by its text than by its id; whoever was
away for longer must conclude from `ORDER_NOT_FOUND`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shared.paper.gate.calls import Call, GateError, Reply, to_decimal, to_error, to_flag
from shared.paper.gate.rows import order_row, trade_row
from shared.paper.orders import ZERO, Fill, Order, OrderRequest, Refusal, Tif

TEXT = re.compile(r"t-[0-9A-Za-z_.-]{0,28}")
FORGOTTEN_BY_ID_MS, FORGOTTEN_BY_TEXT_MS = 600_000, 60_000
BATCH_MAX, BATCH_CANCEL_MAX = 10, 20
ACK_FIELDS = ("id", "id_string", "user", "contract", "text", "create_time", "status")


def to_request(call: Call, body: dict[str, Any]) -> OrderRequest:
    """The engine's words for an order as Gate's clients write it."""
    contract = body.get("contract")
    if not contract:
        raise GateError(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: contract")
    listing = call.listing(contract)
    if body.get("size") is None and not body.get("close") and not body.get("auto_size"):
        raise GateError(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: size")
    if body.get("stp_act") not in (None, "", "-"):
        raise GateError(400, "INVALID_PARAM_VALUE", "set stp_act without stp_id")
    if any(str(body.get(name) or "0") not in ("0", "") for name in ("tpsl_tp_trigger_price", "tpsl_sl_trigger_price")):
        raise GateError(400, "INVALID_PARAM_VALUE", "attached take-profit and stop-loss are not offered here")
    size, closes, side = to_decimal(body.get("size", 0), "size"), to_flag(body.get("close"), "close"), to_side(body)
    if closes and size:
        raise GateError(400, "INVALID_PARAM_VALUE", "Invalid request parameter `close` value: size is not 0")
    return OrderRequest(
        listing.contract.name,
        ZERO if side else size,
        to_decimal(body.get("price") or 0, "price"),
        to_tif(body.get("tif")),
        to_text(body.get("text"), call.default_text),
        reduce_only=to_flag(body.get("reduce_only"), "reduce_only"),
        close=closes,
        close_side=side,
        echo={"iceberg": to_decimal(body.get("iceberg") or 0, "iceberg")},
    )


def to_side(body: dict[str, Any]) -> str:
    """Which side of a dual position a full close means."""
    side = body.get("auto_size") or ""
    if side not in ("", "close_long", "close_short"):
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `auto_size` value: {str(side)[:40]}")
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
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `text` value: {str(value)[:40]}")
    return value


def place(call: Call) -> Reply:
    """POST orders."""
    body = call.json_object()
    _check_expiry(call)
    return Reply(201, _shown(call, _place(call, body), body.get("action_mode")))


def _place(call: Call, body: dict[str, Any]) -> Order:
    placed = call.door.engine.place(call.account, to_request(call, body), call.now_ms)
    if isinstance(placed, Refusal):
        raise to_error(placed)
    return placed


def _check_expiry(call: Call) -> None:
    text = call.headers.get("x-gate-exptime", "")
    if text and not text.isdecimal():
        raise GateError(400, "INVALID_PARAM_VALUE", "Invalid request header `x-gate-exptime`")
    if text and call.now_ms > int(text[:18]):
        raise GateError(400, "REQUEST_EXPIRED", "x-gate-exptime has passed")


def _shown(call: Call, order: Order, action_mode: object = None) -> dict[str, Any]:
    row = order_row(order, call.is_decimal, is_old=call.door.is_old)
    return {name: row[name] for name in ACK_FIELDS if name in row} if action_mode == "ACK" else row


def place_batch(call: Call) -> Reply:
    """POST batch_orders: each has its own outcome, a malformed one refuses them all."""
    items = call.json()
    if not isinstance(items, list) or not 1 <= len(items) <= BATCH_MAX:
        raise GateError(400, "INVALID_PARAM_VALUE", f"1 to {BATCH_MAX} orders are expected")
    if not all(isinstance(item, dict) and item.get("contract") for item in items):
        raise GateError(400, "INVALID_REQUEST_BODY", "Invalid request body")
    _check_expiry(call)
    return Reply(200, [_try(call, lambda item=item: _shown(call, _place(call, item))) for item in items])


def _try(call: Call, act: Any) -> dict[str, Any]:
    try:
        done: dict[str, Any] = act()
    except GateError as error:
        return {"succeeded": False, "label": error.label, "detail": error.detail or error.message}
    return done | {"succeeded": True}


def amend(call: Call) -> Reply:
    """PUT orders/{id}."""
    body = call.json_object()
    order = find(call, call.params["order"])
    return Reply(200, _shown(call, _amend(call, order, body), body.get("action_mode")))


def _amend(call: Call, order: Order, body: dict[str, Any]) -> Order:
    size = None if body.get("size") is None else to_decimal(body["size"], "size")
    price = None if body.get("price") in (None, "") else to_decimal(body["price"], "price")
    note = str(body.get("amend_text") or "-")[:30]
    refusal = call.door.engine.amend(order, size, price, note, call.now_ms)
    if refusal:
        raise to_error(refusal)
    return order


def amend_batch(call: Call) -> Reply:
    """POST batch_amend_orders."""
    items = call.json()
    if not isinstance(items, list) or not 1 <= len(items) <= BATCH_MAX:
        raise GateError(400, "INVALID_PARAM_VALUE", f"1 to {BATCH_MAX} orders are expected")
    if not all(isinstance(item, dict) for item in items):
        raise GateError(400, "INVALID_REQUEST_BODY", "Invalid request body")

    def change(item: dict[str, Any]) -> dict[str, Any]:
        order = find(call, str(item.get("order_id") or item.get("text") or ""))
        return _shown(call, _amend(call, order, item))

    return Reply(200, [_try(call, lambda item=item: change(item)) for item in items])


def find(call: Call, name: str) -> Order:
    """An order of the caller's, by id or by text, unless it has been forgotten."""
    is_text = name.startswith("t-")
    if not is_text and not (name.isdecimal() and len(name) < 20):
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `order_id` value: {name[:40]}")
    order = call.account.by_text.get(name) if is_text else call.account.orders.get(int(name))
    if order is None or is_forgotten(order, call.now_ms, is_text=is_text):
        raise GateError(404, "ORDER_NOT_FOUND")
    return order


def is_forgotten(order: Order, now_ms: int, *, is_text: bool = False) -> bool:
    """Whether it ended so long ago, without a fill, that the venue no longer knows it."""
    if order.is_open or order.filled:
        return False
    return now_ms - (order.finished_ms or 0) > (FORGOTTEN_BY_TEXT_MS if is_text else FORGOTTEN_BY_ID_MS)


def get(call: Call) -> Reply:
    """GET orders/{id}."""
    return Reply(200, _shown(call, find(call, call.params["order"])))


def cancel(call: Call) -> Reply:
    """DELETE orders/{id}."""
    order = find(call, call.params["order"])
    if not call.door.engine.cancel(order, call.now_ms):
        raise GateError(404, "ORDER_NOT_FOUND")
    return Reply(200, _shown(call, order, call.query.get("action_mode")))


def cancel_all(call: Call) -> Reply:
    """DELETE orders."""
    contract, side, text = call.contract_asked(), call.query.get("side", ""), call.query.get("text", "")
    if side not in ("", "bid", "ask"):
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `side` value: {side[:40]}")
    keeps_reducers = call.query.get("exclude_reduce_only", "").lower() == "true"
    gone = []
    for order in list(call.account.open_orders.values()):
        is_meant = contract in (None, order.contract) and side in ("", "bid" if order.is_buy else "ask")
        if is_meant and not (keeps_reducers and order.reduce_only) and text in ("", order.text):
            call.door.engine.cancel(order, call.now_ms)
            gone.append(_shown(call, order))
    return Reply(200, gone)


def cancel_batch(call: Call) -> Reply:
    """POST batch_cancel_orders."""
    names = call.json()
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
    if timeout and not 5 <= timeout <= 86_400 * 30:
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `timeout` value: {timeout}")
    contract = call.listing(body["contract"]).contract if body.get("contract") else None
    at_ms = call.now_ms + int(timeout * 1000) if timeout else 0
    call.door.arm_countdown(call.account, contract, at_ms)
    return Reply(200, {"triggerTime": str(at_ms)})


def list_orders(call: Call) -> Reply:
    """GET orders."""
    status = call.required("status")
    if status not in ("open", "finished"):
        raise GateError(400, "INVALID_PARAM_VALUE", f"Invalid request parameter `status` value: {status[:40]}")
    contract, last_id = call.contract_asked(), call.whole("last_id", 0, 10**18)
    rows = [o for o in _newest(call, open_only=status == "open") if contract in (None, o.contract)]
    rows = [o for o in rows if o.is_open == (status == "open") and (not last_id or o.id < last_id)]
    return Reply(200, [_shown(call, order) for order in call.page(rows)])


def list_by_time(call: Call) -> Reply:
    """GET orders_timerange: finished orders."""
    contract, span = call.contract_asked(), _span(call)
    rows = [o for o in _newest(call) if not o.is_open and contract in (None, o.contract)]
    return Reply(200, [_shown(call, o) for o in call.page([o for o in rows if o.updated_ms // 1000 in span])])


def _newest(call: Call, *, open_only: bool = False) -> Iterator[Order]:
    orders = call.account.open_orders if open_only else call.account.orders
    return (o for o in sorted(orders.values(), key=lambda o: -o.id) if not is_forgotten(o, call.now_ms))


def _span(call: Call) -> range:
    return range(call.whole("from", 0, 10**12), call.whole("to", 10**12, 10**12) + 1)


def my_trades(call: Call) -> Reply:
    """GET my_trades."""
    order_id, last_id = call.query.get("order", ""), call.whole("last_id", 0, 10**18)
    rows = [f for f in _own_fills(call) if order_id in ("", str(f.order.id)) and (not last_id or f.id < last_id)]
    return Reply(200, [trade_row(fill, call.is_decimal) for fill in call.page(rows)])


def my_trades_by_time(call: Call) -> Reply:
    """GET my_trades_timerange."""
    span, role = _span(call), call.query.get("role", "")
    rows = [f for f in _own_fills(call) if f.time_ms // 1000 in span and role in ("", f.role)]
    return Reply(200, [trade_row(fill, call.is_decimal, is_by_time=True) for fill in call.page(rows)])


def _own_fills(call: Call) -> list[Fill]:
    contract = call.contract_asked()
    return [f for f in reversed(call.account.fills) if contract in (None, f.order.contract)]
