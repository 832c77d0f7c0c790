"""Gate's wire, whoever trades there: where a request goes, how it is signed, and who says what of the rest.

A signature covers the query as it reads before percent-encoding and the body's exact bytes, so both are made here once
and sent as they are. No socket, no sleeping, no clock: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.errors import VenueError
from shared.exchanges import gate
from shared.exchanges.base import Answered, Budget, Endpoints, Left, Reply, Request, Signed
from shared.exchanges.gate import FUTURES, NAME, budgets, calls, market, names, refusals, rows
from shared.exchanges.gate.account import GateWire
from shared.exchanges.gate.replies import read, unreadable
from shared.exchanges.gate.signing import body_hash, checked_key, signature
from shared.model import Credentials, Owner

__all__ = ["GateVenue", "GateWire"]

SIZE_HEADER = {"X-Gate-Size-Decimal": "1"}
"""Sizes as exact text; without it contracts with fractions are told floored."""
PLAIN_HEADERS = {"Accept": "application/json", "Content-Type": "application/json", **SIZE_HEADER}


class GateVenue:
    """Gate.io futures, whoever trades there."""

    name = NAME
    limits = gate.LIMITS

    def at(self, environment: str) -> GateVenue:
        return self

    def endpoints(self, environment: str, rest_url: str | None = None, ws_url: str | None = None) -> Endpoints:
        known = gate.ENDPOINTS[environment]
        return Endpoints(rest_url or known.rest_url, ws_url or known.ws_url)

    def client_order_id(self, wanted: str | None, key: str) -> str:
        return names.client_order_id(wanted, key)

    def instrument(self, symbol: str) -> str:
        return names.instrument(symbol)

    def symbol(self, name: str) -> str:
        return names.symbol_of(name)

    def sign(self, request: Request, credentials: Credentials | None, at_s: float) -> Signed:
        path, headers = request.path, dict(PLAIN_HEADERS)
        raw_query = ""
        if request.query:
            raw_query = "&".join([f"{name}={value}" for name, value in request.query])
            path = f"{path}?{'&'.join([f'{name}={names.quoted(value)}' for name, value in request.query])}"
        if request.headers:
            headers.update(request.headers)
        if request.expires_at_ms is not None:
            headers["x-gate-exptime"] = str(request.expires_at_ms)
        if credentials is not None and request.private:
            timestamp = str(int(at_s))
            hashed = body_hash(request.body)
            words = f"{request.method}\n{gate.API}{request.path}\n{raw_query}\n{hashed}\n{timestamp}"
            headers["KEY"] = checked_key(credentials)
            headers["Timestamp"] = timestamp
            headers["SIGN"] = signature(credentials, words)
        return Signed(path, headers, request.body)

    def connect_headers(self) -> Mapping[str, str]:
        return SIZE_HEADER

    def clock(self) -> Request:
        return Request("GET", "/spot/time", private=False)

    def to_clock_ms(self, reply: Reply) -> int:
        return read(rows.CLOCK, reply).server_time

    def is_clock_error(self, error: VenueError) -> bool:
        return error.venue_code in gate.CLOCK_LABELS

    def refusal(self, request: Request, reply: Reply) -> VenueError | None:
        return refusals.refusal(request, reply)

    def identity(self) -> Request:
        """The futures account, for which the futures permission is enough; `/account/detail` may want another."""
        return Request("GET", f"{FUTURES}/accounts")

    def to_identity(self, reply: Reply) -> str:
        said = read(rows.IDENTITY, reply)
        if said.user is None and said.user_id is None:
            raise unreadable("an account without a user id")
        return str(said.user_id if said.user is None else said.user)

    def may_trade(self, reply: Reply) -> bool:
        """The answer does not say; the venue refuses what a key may not do."""
        return True

    def wire(self, owner: Owner, identity: str) -> GateWire:
        return GateWire(owner, identity)

    # Public market data.

    def ticker(self, symbol: str) -> tuple[Request, Callable[[Reply], dict[str, Any]]]:
        return market.ticker(symbol)

    def listings(self) -> list[tuple[Request, Callable[[Reply], list[dict[str, Any]]]]]:
        return [market.instruments()]

    def orderbook(self, symbol: str, limit: int) -> tuple[Request, Callable[[Reply], dict[str, Any]]]:
        return market.orderbook(symbol, limit)

    def candles(
        self, symbol: str, interval: str, limit: int, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[Request, Callable[[Reply], list[dict[str, Any]]]]:
        return market.candles(symbol, interval, limit, from_ms, to_ms)

    def trades(self, symbol: str, limit: int) -> tuple[Request, Callable[[Reply], list[dict[str, Any]]]]:
        return market.trades(symbol, limit)

    # Limits.

    def spends(self, request: Request) -> tuple[Budget, int]:
        return budgets.spends(request)

    def left(self, reply: Reply) -> Left | None:
        return budgets.left(reply)

    # Order entry over the socket.

    def login_call(self, credentials: Credentials, call_id: str, at_s: float) -> bytes:
        return calls.login_call(credentials, call_id, at_s)

    def to_call(self, request: Request, call_id: str, at_s: float) -> bytes | None:
        return calls.to_call(request, call_id, at_s)

    def to_answer(self, frame: bytes | str, received_at_ms: int) -> Answered | None:
        return calls.to_answer(frame, received_at_ms)

    def is_call_error(self, error: VenueError) -> bool:
        return False
