"""The control surface, for people and tests: accounts, keys, faults, prices, funding, the clock, and the books.

It is never faulted, never limited and asks for no key: who can reach the paper exchange may do anything with it.
`GET /paper` lists what it does.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from shared.errors import BadRequest, GatewayError, NotFound
from shared.paper.accounts import Position
from shared.paper.books import show_books
from shared.paper.exchange import Exchange, KeyTerms, Member
from shared.paper.gate.calls import encode_json
from shared.paper.numbers import plain

PRICE_MOST = Decimal(10) ** 9
TICKS_LEAST = 100
RATE_MOST = Decimal("0.1")
SKEW_MOST_MS = 86_400_000 * 366
KEY_DELAY_MOST_MS = 600_000
PRICES = ("mark", "index")
SOCKETS = ("open", "silent", "closed")
ENVIRONMENTS = ("live", "demo")
KEY_FIELDS = ("uid", "api_key", "revoked", "read_only", "ips", "after_ms", "environment", "sockets")

Row = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[Any]]


class Route(NamedTuple):
    """One of the surface's routes, with the body that it takes."""

    method: str
    path: str
    act: Answer
    body: str = ""


class Control:
    """The routes under /paper."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.table = (
            Route("GET", "/paper", self.show_help),
            Route("POST", "/paper/accounts", self.open_account,
                  '{"uid"?, "api_key"?, "api_secret"?, "passphrase"?, "balances"?: {"USDT": "10000"}, "stp_group"?: 7, '
                  '"mode"?: "classic|single_currency|multi_currency|portfolio", "account_level"?: 2, '
                  '"vip"?: 0, "funding"?: {"USDT": "500"}}'),
            Route("POST", "/paper/keys", self.set_key,
                  '{"uid" or "api_key", "revoked"?, "read_only"?, "ips"?: ["10.0.0.1"], "after_ms"?, '
                  '"environment"?: "live|demo", "sockets"?: "open|silent|closed"}'),
            Route("GET", "/paper/faults", self.list_faults),
            Route("POST", "/paper/faults", self.add_fault,
                  '{"kind", "rate"?: 1, "venue"?, "uid"?, "ms"?, "for_s"?, "count"?}'),
            Route("DELETE", "/paper/faults", self.clear_faults),
            Route("POST", "/paper/price", self.set_price,
                  '{"symbol", "price", "hold"?: false, "only"?: "mark|index"}'),
            Route("POST", "/paper/funding", self.charge_funding, '{"symbol", "rate"?: "0.0001"}'),
            Route("POST", "/paper/deleverage", self.deleverage,
                  '{"uid", "symbol", "size"?, "side"?: "long|short", "venue"?: "gate"}'),
            Route("POST", "/paper/risk_limit", self.reduce_risk_limit,
                  '{"uid", "symbol", "risk_limit", "side"?: "long|short", "venue"?: "gate"}'),
            Route("GET", "/paper/clock", self.show_clock),
            Route("POST", "/paper/clock", self.set_clock, '{"skew_ms"}'),
            Route("GET", "/paper/books", self.show_books),
        )  # fmt: skip

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [web.route(each.method, each.path, _told(each.act)) for each in self.table]

    async def show_help(self, request: web.Request) -> list[Row]:
        """What this surface does."""
        return [
            {"route": f"{each.method} {each.path}", "body": each.body, "does": inspect.getdoc(each.act)}
            for each in self.table
        ]

    # ---- accounts and their keys

    async def open_account(self, request: web.Request) -> Row:
        """Make an account; `{}` is enough. Orders of accounts with the same stp_group never trade with each other."""
        return dict(self.exchange.open_member(await _body(request)).to_row())

    async def set_key(self, request: web.Request) -> Row:
        """Revoke a key, let it only read, or only from these addresses; after a while, when `after_ms` says so.

        What is left out is as with a new key. `sockets` says what becomes of those that a revoked key had opened.
        """
        said = _only(await _body(request), KEY_FIELDS)
        member, after_ms = self._member(said), _to_whole(said, "after_ms", KEY_DELAY_MOST_MS)
        terms = KeyTerms(
            _to_flag(said, "revoked"), _to_flag(said, "read_only"), _to_ips(said), self.exchange.real_ms() + after_ms,
            said.get("environment") or "",
        )  # fmt: skip
        if terms.environment not in ("", *ENVIRONMENTS):
            raise BadRequest("there is no such environment", (("environment", f"must be one of {ENVIRONMENTS}"),))
        sockets = said.get("sockets") or SOCKETS[0]
        if sockets not in SOCKETS:
            raise BadRequest("this is not what can become of sockets", (("sockets", f"must be one of {SOCKETS}"),))
        member.key_next = terms
        if sockets != "open":
            for door in self.exchange.doors.values():
                end = _later(door.end_sessions, member.uid, is_closed=sockets == "closed")
                asyncio.get_running_loop().call_later(after_ms / 1000, end)
        return {
            "uid": member.uid, "revoked": terms.is_revoked, "read_only": terms.is_read_only, "ips": list(terms.ips),
            "after_ms": after_ms, "sockets": sockets,
        } | ({"environment": terms.environment} if terms.environment else {})  # fmt: skip

    def _member(self, said: Row) -> Member:
        uid = said.get("uid")
        if isinstance(uid, int) and not isinstance(uid, bool):
            uid = str(uid)
        found = self.exchange.members.get(uid) if isinstance(uid, str) else None
        if found is None and isinstance(said.get("api_key"), str):
            found = self.exchange.by_key.get(said["api_key"])
        if found is None:
            raise NotFound("account")
        return found

    # ---- faults

    async def add_fault(self, request: web.Request) -> Row:
        """Start a fault. Sockets are closed, an upgrade is announced and maintenance begins at once."""
        exchange = self.exchange
        fault = exchange.faults.add(await _body(request), exchange.venues, exchange.real_ms())
        row = fault.to_row()
        doors = [door for door in exchange.doors.values() if fault.venue in (None, door.venue)]
        if fault.kind == "close_sockets":
            row["closed"] = sum(door.close_sockets(fault) for door in doors)
            if fault.ends_ms is None and fault.left is None:
                del exchange.faults.active[fault.id]  # it meant the sockets of this moment
        elif fault.kind == "maintenance":
            row["told"] = sum(door.announce_close(fault) for door in doors)
        elif fault.kind == "upgrade":
            row["told"] = sum(door.announce_close(fault) for door in doors)
            del exchange.faults.active[fault.id]  # likewise; the venue itself goes on
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

    # ---- markets and positions

    async def set_price(self, request: web.Request) -> Row:
        """Move a market at once, at every door that lists its coin.

        Or `only` its mark or index price, which stays there until the market is moved.
        """
        said = _only(await _body(request), ("symbol", "price", "hold", "only"))
        meant = self.exchange.listings_of(said.get("symbol"))
        least = max(listing.contract.tick for _, listing in meant) * TICKS_LEAST
        price, hold, only = _to_price(said.get("price"), least), _to_flag(said, "hold"), said.get("only")
        if only not in (None, *PRICES):
            raise BadRequest("only mark and index move alone", (("only", f"must be one of {', '.join(PRICES)}"),))
        now_ms, moved = self.exchange.now_ms(), []
        for door, listing in meant:
            name = listing.contract.name
            if only is None:
                moved.append(door.market.set_price(name, price, now_ms, hold=hold))
            else:
                moved.append(door.market.pin(name, str(only), price, now_ms))
        first = {"symbol": meant[0][1].contract.name, "price": plain(moved[0]), "hold": hold}
        return first | ({"only": only} if only else {})

    async def charge_funding(self, request: web.Request) -> Row:
        """Charge the holders of a coin's contracts now, at this rate or at its own; a positive rate lets longs pay."""
        said = _only(await _body(request), ("symbol", "rate"))
        meant, holders = self.exchange.listings_of(said.get("symbol")), 0
        first = meant[0][1]
        rate = first.funding_rate
        if said.get("rate") is not None:
            rate = _to_number(said["rate"], "rate", -RATE_MOST, RATE_MOST)
        for door, listing in meant:
            if listing.contract.is_funded:
                door.engine.funding.charge(listing, rate, self.exchange.now_ms())
                holders += len(listing.holders)
        return {"symbol": first.contract.name, "rate": plain(rate), "holders": holders}

    async def deleverage(self, request: web.Request) -> Row:
        """Reduce a position at the mark price, as if another's liquidation had needed it."""
        said = _only(await _body(request), ("uid", "symbol", "size", "side", "venue"))
        position = self._position(said)
        size = abs(position.size)
        if said.get("size") is not None:
            size = _to_number(said["size"], "size", position.contract.size_step, position.contract.size_max)
        engine = self.exchange.doors[position.account.venue].engine
        order = engine.liquidations.deleverage(position, size, self.exchange.now_ms())
        if order is None:
            raise BadRequest("there is nothing to reduce", (("uid", "holds no such position"),))
        engine.triggers.settle(self.exchange.now_ms())
        return {"order_id": str(order.id), "size": plain(order.filled), "left": plain(position.size)}

    async def reduce_risk_limit(self, request: web.Request) -> Row:
        """Lower what an account may hold of a contract; its newest orders beyond that are cancelled."""
        said = _only(await _body(request), ("uid", "symbol", "risk_limit", "side", "venue"))
        position = self._position(said)
        limit = _to_number(said.get("risk_limit"), "risk_limit", Decimal(1), PRICE_MOST)
        engine = self.exchange.doors[position.account.venue].engine
        engine.liquidations.reduce_risk_limit(position, limit, self.exchange.now_ms())
        return {"symbol": position.contract.name, "risk_limit": plain(limit)}

    def _position(self, said: Row) -> Position:
        member = self._member(said)
        venue, side = said.get("venue") or self.exchange.venues[0], said.get("side")
        if side not in (None, "long", "short"):
            raise BadRequest("there are two sides", (("side", "must be long or short"),))
        if venue not in member.wallets:
            raise BadRequest("there is no such venue", (("venue", f"must be one of {', '.join(member.wallets)}"),))
        listing = self.exchange.contract_at(venue, said.get("symbol"))
        return self.exchange.doors[venue].position_of(member.wallets[venue], listing.contract, side)

    # ---- clock and books

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
        return show_books(self.exchange, uid)


def _later(act: Callable[..., None], *said: Any, **named: Any) -> Callable[[], None]:
    return lambda: act(*said, **named)


def _told(act: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
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


def _to_flag(said: Row, name: str) -> bool:
    value = said.get(name) or False
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is true or false", ((name, "must be true or false"),))
    return value


def _to_whole(said: Row, name: str, most: int) -> int:
    value = said.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise BadRequest(f"{name} is a whole number", ((name, f"must be a whole number from 0 to {most}"),))
    return value


def _to_ips(said: Row) -> tuple[str, ...]:
    ips = said.get("ips") or []
    if not isinstance(ips, list) or not all(isinstance(each, str) for each in ips):
        raise BadRequest("ips is a list of addresses", (("ips", "must be a list of addresses"),))
    return tuple(ips)


def _to_price(value: object, least: Decimal) -> Decimal:
    return _to_number(value, "price", least, PRICE_MOST)


def _to_number(value: object, name: str, least: Decimal, most: Decimal) -> Decimal:
    try:
        number = Decimal(str(value)) if isinstance(value, str | int | float) else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if isinstance(value, bool) or not number.is_finite() or not least <= number <= most:
        problem = f"must be a number from {plain(least)} to {plain(most)}"
        raise BadRequest(f"this is not a {name}", ((name, problem),))
    return number
