"""OKX's reads of orders and fills: by id, pending, and as histories with their windows.

An order that was cancelled without a fill is forgotten after a while; whoever was away for longer must conclude from
51603. Every list is newest first; `after` asks for what is older than an id, `before` for what is newer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from shared.paper.okx.account import TYPES
from shared.paper.okx.calls import Call, OkxError, Reply, Said, wrong
from shared.paper.okx.instruments import family_of, kind_of
from shared.paper.okx.order_rows import fill_row, order_row, sub_type
from shared.paper.okx.orders import find
from shared.paper.okx.terms import state_of, terms_of
from shared.paper.orders import Fill, Order

LIMIT = 100
DAY_MS = 86_400_000
WEEK_MS, QUARTER_MS, FILLS_MS = 7 * DAY_MS, 90 * DAY_MS, 3 * DAY_MS
T = TypeVar("T")


def get(call: Call) -> Reply:
    """GET trade/order."""
    order = find(call, call.query)
    if order is None:
        raise OkxError("51603", "Order does not exist")
    return Reply([order_row(order)])


def pending(call: Call) -> Reply:
    """GET trade/orders-pending."""
    orders = sorted(call.account.open_orders.values(), key=lambda order: order.id, reverse=True)
    return _orders(call, orders, is_history=False)


def history(call: Call) -> Reply:
    """GET trade/orders-history: a week."""
    return _past(call, WEEK_MS, keeps_unfilled=True)


def archive(call: Call) -> Reply:
    """GET trade/orders-history-archive: three months, without what was cancelled unfilled."""
    return _past(call, QUARTER_MS, keeps_unfilled=False)


def _past(call: Call, window_ms: int, *, keeps_unfilled: bool) -> Reply:
    call.query.one_of("instType", TYPES)
    since = call.now_ms - window_ms
    ended = [o for o in reversed(call.account.orders.values()) if not o.is_open and (o.finished_ms or 0) >= since]
    known = [o for o in ended if not call.door.is_forgotten(o, call.now_ms) and (keeps_unfilled or o.filled)]
    return _orders(call, known, is_history=True)


def _orders(call: Call, orders: Iterable[Order], *, is_history: bool) -> Reply:
    said = call.query
    state, ord_types = said.text("state"), [each for each in said.text("ordType").split(",") if each]
    states = ("canceled", "filled", "mmp_canceled") if is_history else ("live", "partially_filled")
    if state and state not in states:
        raise wrong("state")
    category = said.text("category")
    found = [order for order in orders if _is_meant(said, order) and state in ("", state_of(order))]
    found = [order for order in found if not ord_types or terms_of(order).ord_type in ord_types]
    found = [order for order in found if category in ("", terms_of(order).category)]
    if is_history:
        found = within(said, found, lambda order: order.created_ms)
    return Reply([order_row(order) for order in page(said, found, lambda order: order.id)])


def _is_meant(said: Said, order: Order) -> bool:
    kind, family, name = said.text("instType"), said.text("instFamily") or said.text("uly"), said.text("instId")
    if kind and kind not in TYPES:
        raise wrong("instType")
    contract = order.contract
    return kind in ("", kind_of(contract)) and family in ("", family_of(contract)) and name in ("", contract.name)


# ---- fills


def fills(call: Call) -> Reply:
    """GET trade/fills: three days."""
    return _fills(call, FILLS_MS)


def fills_history(call: Call) -> Reply:
    """GET trade/fills-history: three months."""
    call.query.one_of("instType", TYPES)
    return _fills(call, QUARTER_MS)


def _fills(call: Call, window_ms: int) -> Reply:
    said, ledger, since = call.query, call.door.ledger, call.now_ms - window_ms
    order_id, kind = said.text("ordId"), said.text("subType")

    def is_meant(fill: Fill) -> bool:
        asked = fill.time_ms >= since and order_id in ("", str(fill.order.id)) and kind in ("", sub_type(fill))
        return asked and _is_meant(said, fill.order)

    found = [fill for fill in reversed(ledger.by_bill[call.account]) if is_meant(fill)]
    found = within(said, found, lambda fill: fill.time_ms)
    rows = page(said, found, lambda fill: ledger.notes[fill].bill_id)
    return Reply([fill_row(fill, ledger.notes[fill]) for fill in rows])


# ---- pages


def within(said: Said, rows: list[T], time_of: Callable[[T], int]) -> list[T]:
    """What happened from `begin` to `end`, both included."""
    begin, end = said.whole("begin", 0, 10**14), said.whole("end", 10**14, 10**14)
    return [row for row in rows if begin <= time_of(row) <= end]


def page(said: Said, rows: list[T], id_of: Callable[[T], int], most: int = LIMIT) -> list[T]:
    """What is older than `after` and newer than `before`, of that the newest, at most `limit` of it."""
    after, before = said.whole("after", 0, 10**19), said.whole("before", 0, 10**19)
    limit = said.whole("limit", most, most)
    if after:
        rows = [row for row in rows if id_of(row) < after]
    if before:
        rows = [row for row in rows if id_of(row) > before]
    return rows[:limit]
