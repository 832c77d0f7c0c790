"""The control surface, for people and tests: accounts, faults, prices, the clock, and the engine's own books.

It is never faulted, never limited and asks for no key: who can reach the paper exchange may do anything with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from aiohttp import web

from shared.errors import BadRequest, GatewayError, NotFound
from shared.paper.accounts import Account, Position
from shared.paper.exchange import Exchange, Member
from shared.paper.gate.calls import encode_json
from shared.paper.gate.rows import plain
from shared.paper.orders import Fill, Order, Trigger

PRICE_MOST = Decimal(10) ** 9
TICKS_LEAST = 100
SKEW_MOST_MS = 86_400_000 * 366

Row = dict[str, Any]


class Control:
    """The routes under /paper."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.post("/paper/accounts", _told(self.open_account)),
            web.get("/paper/faults", _told(self.list_faults)),
            web.post("/paper/faults", _told(self.add_fault)),
            web.delete("/paper/faults", _told(self.clear_faults)),
            web.post("/paper/price", _told(self.set_price)),
            web.get("/paper/clock", _told(self.show_clock)),
            web.post("/paper/clock", _told(self.set_clock)),
            web.get("/paper/books", _told(self.show_books)),
        ]

    async def open_account(self, request: web.Request) -> Row:
        """Make an account; `{}` is enough."""
        return dict(self.exchange.open_member(await _body(request)).to_row())

    async def add_fault(self, request: web.Request) -> Row:
        """Start a fault. Sockets are closed, and maintenance begins, at once."""
        exchange = self.exchange
        fault = exchange.faults.add(await _body(request), exchange.venues, exchange.real_ms())
        row = fault.to_row()
        doors = [door for door in exchange.doors.values() if fault.venue in (None, door.venue)]
        if fault.kind == "close_sockets":
            row["closed"] = sum(door.close_sockets(fault) for door in doors)
            if fault.ends_ms is None and fault.left is None:
                del exchange.faults.active[fault.id]  # it meant the sockets of this moment
        elif fault.kind == "maintenance":
            for door in doors:
                door.begin_maintenance(fault)
        return row

    async def list_faults(self, request: web.Request) -> list[Row]:
        """The active faults."""
        return self.exchange.faults.rows(self.exchange.real_ms())

    async def clear_faults(self, request: web.Request) -> Row:
        """End all faults; frames that were withheld leave now."""
        cleared = len(self.exchange.faults.rows(self.exchange.real_ms()))
        self.exchange.faults.active.clear()
        for door in self.exchange.doors.values():
            door.tick(self.exchange.now_ms())
        return {"cleared": cleared}

    async def set_price(self, request: web.Request) -> Row:
        """Move a market at once."""
        said = _only(await _body(request), ("symbol", "price", "hold"))
        name = self.exchange.symbol(said.get("symbol"))
        tick = self.exchange.engine.listings[name].contract.tick
        price, hold = _to_price(said.get("price"), tick * TICKS_LEAST), said.get("hold") or False
        if not isinstance(hold, bool):
            raise BadRequest("hold is true or false", (("hold", "must be true or false"),))
        moved = self.exchange.market.set_price(name, price, self.exchange.now_ms(), hold=hold)
        return {"symbol": name, "price": plain(moved), "hold": hold}

    async def show_clock(self, request: web.Request) -> Row:
        """The venue's clock."""
        return {"skew_ms": self.exchange.skew_ms, "now_ms": self.exchange.now_ms()}

    async def set_clock(self, request: web.Request) -> Row:
        """Shift the venue's clock."""
        skew = _only(await _body(request), ("skew_ms",)).get("skew_ms")
        if isinstance(skew, bool) or not isinstance(skew, int) or abs(skew) > SKEW_MOST_MS:
            problem = f"must be a whole number from -{SKEW_MOST_MS} to {SKEW_MOST_MS}"
            raise BadRequest("skew_ms is a whole number of milliseconds", (("skew_ms", problem),))
        self.exchange.skew_ms = skew
        return await self.show_clock(request)

    async def show_books(self, request: web.Request) -> Row:
        """The engine's own truth; `?uid=` narrows it to one account."""
        uid = request.query.get("uid")
        if uid is not None and uid not in self.exchange.members:
            raise NotFound("account")
        members = self.exchange.members if uid is None else {uid: self.exchange.members[uid]}
        engine = self.exchange.engine
        sockets = {venue: door.sockets_by_uid() for venue, door in self.exchange.doors.items()}
        return {
            "now_ms": self.exchange.now_ms(),
            "markets": {
                name: {"last": plain(each.last), "mark": plain(each.mark), "index": plain(each.index)}
                for name, each in engine.listings.items()
            },
            "accounts": {name: self._member_row(member, sockets) for name, member in members.items()},
        }

    def _member_row(self, member: Member, sockets: dict[str, dict[str, list[Row]]]) -> Row:
        row: Row = {"uid": member.uid, "orders": [], "positions": [], "balances": [], "triggers": [], "sockets": {}}
        for venue, account in member.wallets.items():
            row["orders"] += [_order_row(order) for order in account.orders.values()]
            row["positions"] += [self._position_row(held) for held in account.positions.values()]
            row["balances"].append(self._balance_row(account))
            row["triggers"] += [_trigger_row(trigger) for trigger in account.triggers.values()]
            row["sockets"][venue] = sockets[venue].get(member.uid, [])
        row["sockets_open"] = sum(len(open_now) for open_now in row["sockets"].values())
        return row

    def _position_row(self, held: Position) -> Row:
        mark = self.exchange.engine.listings[held.contract.name].mark
        return {
            "venue": held.account.venue, "symbol": held.contract.name, "mode": held.mode, "size": plain(held.size),
            "entry_price": plain(held.entry_price), "leverage": plain(held.leverage),
            "margin_mode": "cross" if held.is_cross else "isolated", "margin": plain(held.margin),
            "realised_pnl": plain(held.realised_pnl), "history_pnl": plain(held.history_pnl),
            "unrealised_pnl": plain(held.unrealised(mark)), "mark_price": plain(mark), "update_id": held.update_id,
        }  # fmt: skip

    def _balance_row(self, account: Account) -> Row:
        marks = self.exchange.engine.marks()
        return {
            "venue": account.venue, "asset": "USDT", "total": plain(account.balance),
            "available": plain(account.available(marks)), "unrealised_pnl": plain(account.unrealised(marks)),
            "moved": {kind: plain(total) for kind, total in account.totals.items()},
        }  # fmt: skip


def _order_row(order: Order) -> Row:
    return {
        "id": str(order.id), "text": order.text, "venue": order.account.venue, "symbol": order.contract.name,
        "side": "buy" if order.is_buy else "sell", "size": plain(order.size), "left": plain(order.left),
        "filled": plain(order.filled), "price": plain(order.price), "average_price": plain(order.fill_price),
        "tif": order.tif.value, "status": "open" if order.is_open else "finished", "finish_as": order.finish_as or None,
        "reduce_only": order.reduce_only, "fee": plain(order.fee), "update_id": order.update_id,
        "created_ms": order.created_ms, "updated_ms": order.updated_ms, "fills": [_fill_row(f) for f in order.fills],
    }  # fmt: skip


def _fill_row(fill: Fill) -> Row:
    return {
        "id": str(fill.id), "size": plain(fill.size), "price": plain(fill.price), "role": fill.role,
        "fee": plain(fill.fee), "time_ms": fill.time_ms,
    }  # fmt: skip


def _trigger_row(trigger: Trigger) -> Row:
    return {
        "id": str(trigger.id), "venue": trigger.account.venue, "symbol": trigger.contract.name,
        "price": plain(trigger.price), "price_type": trigger.price_kind,
        "fires": "at_or_above" if trigger.rises else "at_or_below",
        "size": plain(trigger.request.size), "status": trigger.status, "finish_as": trigger.finish_as or None,
        "reason": trigger.reason, "order_id": str(trigger.order_id) if trigger.order_id else None,
        "text": trigger.request.text, "order_type": trigger.order_type,
    }  # fmt: skip


def _told(act: Callable[[web.Request], Awaitable[Any]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Answer with JSON, errors in the house's one shape."""

    async def answer(request: web.Request) -> web.Response:
        try:
            body, status = await act(request), 200
        except GatewayError as error:
            body, status = error.to_body(), error.status
        # The console's page comes from another port; what anybody may do, it may do too.
        headers = {"Access-Control-Allow-Origin": "*"}
        return web.Response(body=encode_json(body), status=status, content_type="application/json", headers=headers)

    return answer


async def _body(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadRequest("the body is not JSON", (("body", "is not JSON"),)) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise BadRequest("the body is too large", (("body", "is too large"),), status=413) from error


def _only(body: object, names: tuple[str, ...]) -> Row:
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object", (("body", "must be a JSON object"),))
    unknown = [(str(key), "is not a field here") for key in body if key not in names]
    if unknown:
        raise BadRequest("there are fields that mean nothing here", tuple(unknown))
    return body


def _to_price(value: object, least: Decimal) -> Decimal:
    try:
        price = Decimal(str(value)) if isinstance(value, str | int | float) else Decimal("nan")
    except InvalidOperation:
        price = Decimal("nan")
    if isinstance(value, bool) or not price.is_finite() or not least <= price <= PRICE_MOST:
        problem = f"must be a number from {plain(least)} to {plain(PRICE_MOST)}"
        raise BadRequest("this is not a price", (("price", problem),))
    return price
