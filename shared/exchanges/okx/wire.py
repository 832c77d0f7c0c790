"""OKX's wire, whoever trades there: where a request goes, how it is signed, and who says what of the rest.

A signature covers the path with its query exactly as they are sent, and the body's exact bytes. Demo trading is the
same host: a header tells it apart, so there is one of this for each environment. No socket, no sleeping, no clock: the
time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.errors import VenueError
from shared.exchanges import okx
from shared.exchanges.base import Answered, Budget, Endpoints, Left, Reply, Request, Signed
from shared.exchanges.okx import API, NAME, budgets, calls, codes, market, names, refusals, rows
from shared.exchanges.okx.account import OkxWire
from shared.exchanges.okx.replies import first, unreadable
from shared.exchanges.okx.signing import checked_key, checked_passphrase, signature, timestamp
from shared.model import Credentials, Owner

__all__ = ["OkxVenue", "OkxWire"]

PLAIN_HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
TRADE = "trade"
"""The permission that a key needs for every command."""


class OkxVenue:
    """OKX, whoever trades there. It knows the numbers of instruments once a list of them was read."""

    name = NAME
    limits = okx.LIMITS

    def __init__(self, environment: str = "live") -> None:
        self.codes: dict[str, int] = {}
        self._environment = environment
        self._headers = PLAIN_HEADERS | okx.HEADERS[environment]
        self._elsewhere = {environment: self}

    def __repr__(self) -> str:
        return f"<OkxVenue {self._environment}, {len(self.codes)} instruments>"

    def at(self, environment: str) -> OkxVenue:
        """The same venue as it is asked in this environment."""
        if environment not in self._elsewhere:
            other = OkxVenue(environment)
            other._elsewhere = self._elsewhere
            self._elsewhere[environment] = other
        return self._elsewhere[environment]

    def endpoints(self, environment: str, rest_url: str | None = None, ws_url: str | None = None) -> Endpoints:
        known = okx.ENDPOINTS[environment]
        return okx.endpoints(rest_url or known[0], ws_url or known[1])

    def client_order_id(self, wanted: str | None, key: str) -> str:
        return names.client_order_id(wanted, key)

    def instrument(self, symbol: str) -> str:
        return names.instrument(symbol)

    def symbol(self, name: str) -> str:
        return names.symbol_of(name)

    def sign(self, request: Request, credentials: Credentials | None, at_s: float) -> Signed:
        path, headers = request.path, dict(self._headers)
        if request.query:
            path = f"{path}?{'&'.join([f'{name}={names.quoted(value)}' for name, value in request.query])}"
        if request.headers:
            headers.update(request.headers)
        if request.expires_at_ms is not None:
            headers["expTime"] = str(request.expires_at_ms)
        if credentials is not None and request.private:
            at = timestamp(at_s)
            headers["OK-ACCESS-KEY"] = checked_key(credentials)
            headers["OK-ACCESS-PASSPHRASE"] = checked_passphrase(credentials)
            headers["OK-ACCESS-TIMESTAMP"] = at
            words = f"{at}{request.method}{path}".encode() + request.body
            headers["OK-ACCESS-SIGN"] = signature(credentials, words)
        return Signed(path, headers, request.body)

    def connect_headers(self) -> Mapping[str, str]:
        return {}

    def clock(self) -> Request:
        return Request("GET", f"{API}/public/time", private=False)

    def to_clock_ms(self, reply: Reply) -> int:
        said = first(rows.CLOCK, reply).ts
        if not said.isdigit():
            raise unreadable("a clock without a time")
        return int(said)

    def is_clock_error(self, error: VenueError) -> bool:
        return error.venue_code in codes.CLOCK

    def refusal(self, request: Request, reply: Reply) -> VenueError | None:
        return refusals.refusal(request, reply)

    def identity(self) -> Request:
        """A key that may only read is enough."""
        return Request("GET", f"{API}/account/config")

    def to_identity(self, reply: Reply) -> str:
        return first(rows.CONFIG, reply).uid

    def may_trade(self, reply: Reply) -> bool:
        """Whether the key that the identity was asked with may do more than read."""
        return TRADE in first(rows.CONFIG, reply).perm.split(",")

    def wire(self, owner: Owner, identity: str) -> OkxWire:
        return OkxWire(owner, identity)

    # Public market data.

    def ticker(self, symbol: str) -> tuple[Request, Callable[[Reply], dict[str, Any]]]:
        return market.ticker(symbol)

    def listings(self) -> list[tuple[Request, Callable[[Reply], list[dict[str, Any]]]]]:
        return market.listings(self.codes)

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
        return calls.to_call(request, call_id, at_s, self.codes)

    def to_answer(self, frame: bytes | str, received_at_ms: int) -> Answered | None:
        return calls.to_answer(frame, received_at_ms)

    def is_call_error(self, error: VenueError) -> bool:
        return error.venue_code in codes.CALL
