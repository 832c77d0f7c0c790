"""Gate's reads of orders and own trades, by id, by text and as lists.

An order that was cancelled without a fill is forgotten after a while, sooner by its text than by its id; whoever was
away for longer must conclude from `ORDER_NOT_FOUND`.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.paper.gate.calls import Call, GateError, Reply, invalid
from shared.paper.gate.forms import Row
from shared.paper.gate.order_rows import in_mode, order_row, timed_row, timed_trade_row, trade_row
from shared.paper.orders import Fill, Order

FORGOTTEN_BY_ID_MS, FORGOTTEN_BY_TEXT_MS = 600_000, 60_000
ID_MOST = 10**18


def shown(call: Call, order: Order, action_mode: object = None) -> Row:
    """An order in the forms that the caller asked for."""
    return in_mode(order_row(order, call.is_decimal, is_old=call.door.is_old), action_mode)


def find(call: Call, name: str) -> Order:
    """An order of the caller's, by id or by text, unless it has been forgotten."""
    is_text = name.startswith("t-")
    if not is_text and not (name.isdecimal() and len(name) < 20):
        raise invalid("order_id", name)
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
    return Reply(200, shown(call, find(call, call.params["order"])))


def list_orders(call: Call) -> Reply:
    """GET orders."""
    status = call.required("status")
    if status not in ("open", "finished"):
        raise invalid("status", status)
    contract, last_id = call.contract_asked(), call.whole("last_id", 0, ID_MOST)
    rows = [o for o in _newest(call, open_only=status == "open") if contract in (None, o.contract)]
    rows = [o for o in rows if o.is_open == (status == "open") and (not last_id or o.id < last_id)]
    return Reply(200, [shown(call, order) for order in call.page(rows)])


def list_by_time(call: Call) -> Reply:
    """GET orders_timerange: finished orders, by the time of their last change."""
    contract, span = call.contract_asked(), call.span()
    rows = [o for o in _newest(call) if not o.is_open and contract in (None, o.contract)]
    found = call.page([o for o in rows if o.updated_ms // 1000 in span])
    return Reply(200, [timed_row(shown(call, order)) for order in found])


def _newest(call: Call, *, open_only: bool = False) -> Iterator[Order]:
    orders = sorted(call.account.open_orders.values(), key=lambda o: o.id) if open_only else _all(call)
    return (order for order in reversed(orders) if not is_forgotten(order, call.now_ms))


def _all(call: Call) -> list[Order]:
    return list(call.account.orders.values())  # ids only grow, so this is in their order


def my_trades(call: Call) -> Reply:
    """GET my_trades."""
    order_id, last_id = call.query.get("order", ""), call.whole("last_id", 0, ID_MOST)
    rows = [f for f in _own_fills(call) if order_id in ("", str(f.order.id)) and (not last_id or f.id < last_id)]
    return Reply(200, [trade_row(fill, call.is_decimal) for fill in call.page(rows)])


def my_trades_by_time(call: Call) -> Reply:
    """GET my_trades_timerange."""
    span, role = call.span(), call.query.get("role", "")
    rows = [f for f in _own_fills(call) if f.time_ms // 1000 in span and role in ("", f.role)]
    return Reply(200, [timed_trade_row(fill, call.is_decimal) for fill in call.page(rows)])


def _own_fills(call: Call) -> list[Fill]:
    contract = call.contract_asked()
    return [f for f in reversed(call.account.fills) if contract in (None, f.order.contract)]
