"""Gate's door: the way that each REST call goes, and what the door keeps beside the engine.

Signature, then rate limit, then faults, then the handler.
"""

from __future__ import annotations

from itertools import count
from typing import Any
from urllib.parse import unquote

from shared.paper.accounts import LONG, SHORT, SINGLE, Account, Position
from shared.paper.candles import DAY_S, Candle, Candles
from shared.paper.contracts import Contract
from shared.paper.exchange import Exchange, Member
from shared.paper.facts import Fact
from shared.paper.faults import Fault
from shared.paper.gate.auth import check_call
from shared.paper.gate.calls import Call, GateError, Reply
from shared.paper.gate.ledger import Ledger
from shared.paper.gate.limits import PUBLIC, Bucket, Limits
from shared.paper.gate.mishaps import BAD_GATEWAY, TOO_MANY, Mishaps, too_many
from shared.paper.gate.routes import EACH_COUNTS, Handler, Route, RouteTable
from shared.paper.gate.stream import GateStream
from shared.paper.listing import Listing

SETTLES = ("usdt", "btc", "usd1")
LOCAL = ("127.0.0.1", "::1")


class GateDoor:
    """What Gate keeps beside the engine, and the way through for every call."""

    venue = "gate"

    def __init__(
        self, exchange: Exchange, *, is_old: bool = False, in_us: bool = False, limits_on: bool = True
    ) -> None:
        """`is_old` speaks of orders as in 2024, `in_us` tells the times of trigger orders in microseconds."""
        self.exchange, self.engine, self.market = exchange, exchange.engine, exchange.market
        self.is_old, self.in_us = is_old, in_us
        self.limits = Limits(is_on=limits_on)
        self.mishaps = Mishaps(exchange, self.venue)
        self.ledger = Ledger(self.venue)
        self.stream = GateStream(self)
        self._routes = RouteTable()
        self._traces = count(0x1BDE5AAA0ACF2F5F)
        self._countdowns: dict[tuple[Account, Contract | None], int] = {}
        self.engine.listen(self._on_fact)
        exchange.add_door(self)

    # ---- the way through

    def handle(self, call: Call) -> Reply:
        """Answer one REST call."""
        found = self._find(call)
        if found is None:
            return Reply(404)
        try:
            reply = self._handle(call, *found)
        except GateError as error:
            reply = Reply(error.status, error.to_body())
        if call.paged is not None:
            names = ("X-Pagination-Limit", "X-Pagination-Offset", "X-Pagination-Total")
            reply.headers |= {name: str(number) for name, number in zip(names, call.paged, strict=True)}
        reply.headers["X-Gate-Trace-ID"] = f"{next(self._traces):032x}"
        return reply

    def _find(self, call: Call) -> tuple[Route, dict[str, str]] | None:
        path = unquote(call.path).removeprefix("/api/v4/")
        found = self._routes.find(call.method, path)
        if found is not None:
            return found
        parts = path.split("/")
        if parts[0] == "futures" and len(parts) > 2 and parts[1] not in SETTLES:
            return Route(call.method, path, PUBLIC, _wrong_settle), {}
        return None

    def _handle(self, call: Call, route: Route, params: dict[str, str]) -> Reply:
        call.params = params
        if route.group == PUBLIC:
            if self.mishaps.is_down():
                return Reply(503, BAD_GATEWAY, is_html=True)
            if call.address not in LOCAL and not self._take(call, call.address, route)[0]:
                raise GateError(429, "TOO_MANY_REQUESTS", TOO_MANY)
            return route.handler(call)
        call.caller = check_call(self.exchange, call)
        passed, bucket = self._take(call, call.member.uid, route)
        reply = self.mishaps.carry_out(call, route.handler) if passed else too_many()
        bucket = bucket.drained(call.now_ms) if reply.is_drained else bucket
        reply.headers |= bucket.to_headers(call.now_ms)
        return reply

    def _take(self, call: Call, who: str, route: Route) -> tuple[bool, Bucket]:
        return self.take(call, who, route.group, route.method + route.pattern, route.handler)

    def take(self, call: Call, who: str, group: str, endpoint: str, handler: Handler) -> tuple[bool, Bucket]:
        """Whether a call may pass, and the allowance that says so; every order of a batch counts."""
        tokens = 1
        if handler in EACH_COUNTS:
            items = call.json()
            tokens = max(1, len(items)) if isinstance(items, list) else 1
        return self.limits.take(who, group, endpoint, tokens, call.now_ms)

    # ---- what Gate keeps beside the engine

    def welcome(self, member: Member) -> None:
        """All that trades here is USDT; what else a member has is only shown."""

    def position_of(self, account: Account, contract: Contract, side: str | None) -> Position:
        """The position of a contract that `long`, `short` or neither means."""
        return account.position(contract, SINGLE if not account.is_dual else SHORT if side == "short" else LONG)

    def _on_fact(self, fact: Fact) -> None:
        self.ledger.on_fact(fact)
        self.stream.on_fact(fact)

    def candles_of(self, listing: Listing) -> Candles:
        """A contract's candles."""
        return self.exchange.market.candles[listing.contract.name]

    def day_of(self, listing: Listing) -> list[Candle]:
        """The candles of the last day."""
        return self.candles_of(listing).since(self.exchange.now_ms() // 1000 - DAY_S)

    def arm_countdown(self, account: Account, contract: Contract | None, at_ms: int) -> None:
        """Cancel an account's open orders at this time; 0 takes it back."""
        if at_ms:
            self._countdowns[account, contract] = at_ms
        else:
            self._countdowns.pop((account, contract), None)

    def publish_books(self) -> None:
        """Send what changed in the books to those who follow them."""
        self.stream.publish_books()

    def tick(self, now_ms: int) -> None:
        """What is due by time alone: countdowns, idle sockets, public pushes."""
        for (account, contract), at_ms in list(self._countdowns.items()):
            if at_ms <= now_ms:
                del self._countdowns[account, contract]
                for order in list(account.open_orders.values()):
                    if contract in (None, order.contract):
                        self.engine.cancel(order, now_ms)
        self.limits.forget(now_ms)
        self.stream.tick(now_ms)

    # ---- what the exchange asks of a door

    def sockets_by_uid(self) -> dict[str, list[dict[str, Any]]]:
        """The open sockets that follow each account."""
        return self.stream.sockets_by_uid()

    def close_sockets(self, fault: Fault) -> int:
        """Cut the open sockets that a fault concerns."""
        return self.stream.close_sockets(fault)

    def announce_close(self, fault: Fault) -> int:
        """Announce it to the open sockets and cut them a little later; answers how many."""
        return self.stream.announce_close(fault)

    def end_sessions(self, uid: str, *, is_closed: bool) -> None:
        """A key is no longer valid: close its account's sockets, or say nothing on them any more."""
        self.stream.end_sessions(uid, is_closed=is_closed)


def _wrong_settle(call: Call) -> Reply:
    raise GateError(400, "MISSING_REQUIRED_HEADER", "Missing required header: Timestamp")
