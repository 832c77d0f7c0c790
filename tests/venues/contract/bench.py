"""The bench: one account at one venue, with everything that a check needs to ask, follow, trade and put back in order.

It speaks through `shared.exchanges` as the house does and knows no venue. Nothing here waits for time: it asks or
listens until something is so, and says what was seen instead when that does not come.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, TypeVar, cast

from shared.clock import CLOCK
from shared.errors import VenueError
from shared.exchanges.base import Ask, Endpoints, NotShown, Reply, Request, Venue, Wire
from shared.exchanges.rest import Rest
from shared.model import Credentials, Fact, Order, Owner, Position, Trigger, text
from tests.venues.contract.check import CannotTell, Differs, expect

PATIENCE_S = 10.0
"""How long something may take to become so."""
ASK_AGAIN_S = 0.2
USUAL_BAND = Decimal("0.1")
"""How far from its market a price surely may be, where the venue does not say."""
USUAL_NAME = "BTC/USDT:USDT"

T = TypeVar("T")
F = TypeVar("F", bound=Fact)


class Paper:
    """The paper exchange's control surface."""

    def __init__(self, url: str) -> None:
        self.url, self.uid = url, ""

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        return await asyncio.to_thread(self._ask, method, path, body)

    async def price(self, symbol: str, price: object) -> None:
        """Moves a market through everything on its way, and holds it there."""
        await self.ask("POST", "/paper/price", {"symbol": symbol, "price": str(price), "hold": True})

    async def fault(self, kind: str, **said: object) -> None:
        await self.ask("POST", "/paper/faults", {"kind": kind, "rate": 1, "uid": self.uid} | said)

    async def clear_faults(self) -> None:
        await self.ask("DELETE", "/paper/faults")

    async def skew(self, skew_ms: int) -> None:
        await self.ask("POST", "/paper/clock", {"skew_ms": skew_ms})

    async def open_account(self, **said: object) -> Credentials:
        """A new one, which faults are then for."""
        made = await self.ask("POST", "/paper/accounts", said)
        self.uid = made["uid"]
        return Credentials(made["api_key"], made["api_secret"], made["passphrase"])

    async def books(self) -> Any:
        """The exchange's own truth about the account."""
        return (await self.ask("GET", f"/paper/books?uid={self.uid}"))["accounts"][self.uid]

    def _ask(self, method: str, path: str, body: object) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")


class Terms:
    """The instrument that is traded, and where its market is now."""

    def __init__(self, row: Mapping[str, Any], ticker: Mapping[str, Any]) -> None:
        self.row, self.ticker = row, ticker
        self.symbol: str = row["symbol"]
        self.price_step = Decimal(row["price_step"])
        self.size = max(Decimal(row["size_min"]), Decimal(row["size_step"]))
        """The smallest that can be ordered."""
        self.last = Decimal(ticker["last"])
        self.mark = Decimal(ticker.get("mark_price") or ticker["last"])
        self.band = Decimal(row.get("price_band") or USUAL_BAND)

    def beyond(self, side: str, part: Decimal | None = None) -> Decimal:
        """A price for an order of this side that the market does not reach: this far from the mark, as a part of it;
        half of what the venue allows unless said."""
        part = self.band / 2 if part is None else part
        if side == "buy":
            return self.to_step(min(self.mark, self.last) * (1 - part), ROUND_FLOOR)
        return self.to_step(max(self.mark, self.last) * (1 + part), ROUND_CEILING)

    def to_step(self, price: Decimal, rounding: str = ROUND_FLOOR) -> Decimal:
        return (price / self.price_step).to_integral_value(rounding) * self.price_step


class Bench:
    """One account at one venue. Made by `bench_of`."""

    def __init__(
        self,
        venue: Venue,
        environment: str,
        endpoints: Endpoints,
        credentials: Credentials,
        rest: Rest,
        *,
        name: str = USUAL_NAME,
        paper: Paper | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.venue, self.environment, self.endpoints = venue, environment, endpoints
        self.credentials, self.rest = credentials, rest
        self.symbol = venue.symbol(name)
        self.patience_s = patience_s
        self.owner = Owner("contract", "contract", venue.name, environment)
        self.identity = ""
        self.wire: Wire = venue.wire(self.owner, "")
        self.hedged = False
        self._paper = paper
        self._run, self._numbers = secrets.token_hex(6), itertools.count(1)
        self.told: list[str] = []
        """What was left behind and could not be put in order; empty unless something is wrong."""

    def __repr__(self) -> str:
        return f"<Bench {self.venue.name} {self.environment} {self.symbol}>"

    async def sit_down(self) -> None:
        """Learns whose key it is, the venue's time, and how the account holds positions. Raises what is refused."""
        await self.rest.measure_offset(self.venue, self.endpoints.rest_url)
        self.identity = self.venue.to_identity(await self.call(self.venue.identity()))
        self.wire = self.venue.wire(self.owner, self.identity)
        self.hedged = await self.position_mode() == "hedge"

    @asynccontextmanager
    async def again(self, name: str | None = None) -> AsyncIterator[Bench]:
        """The same account as another process would find it, with another instrument if one is named."""
        said = {"name": name or self.symbol, "paper": self._paper, "patience_s": self.patience_s}
        async with bench_of(self.venue, self.environment, self.endpoints, self.credentials, **said) as other:
            yield other
            self.told += other.told

    @property
    def paper(self) -> Paper:
        if self._paper is None:
            raise CannotTell("only the paper exchange can be moved and broken")
        return self._paper

    # Asking.

    async def call(self, request: Request, credentials: Credentials | None = None) -> Reply:
        """Raises what the venue refuses."""
        return await self.rest.call(
            self.venue, self.endpoints.rest_url, request, credentials or self.credentials, deadline_s=self.patience_s
        )

    async def ask(self, ask: Ask) -> list[Fact]:
        return await self.rest.ask(
            self.venue, self.endpoints.rest_url, ask, self.credentials, deadline_s=self.patience_s
        )

    async def read(self, question: tuple[Request, Callable[[Reply], T]]) -> T:
        """The answer to a question about the market."""
        request, to_rows = question
        return to_rows(await self.call(request))

    async def refusal(self, request: Request, credentials: Credentials | None = None) -> VenueError | None:
        """What the venue refuses this with; None when it does not."""
        try:
            await self.call(request, credentials)
        except VenueError as error:
            return error
        return None

    async def shown(self, reply: Reply, is_so: Callable[[Order], bool] = lambda _order: True) -> Order:
        """The order that an answer to a command shows, or names: then as a look at it shows it once it is so."""
        try:
            return self.wire.to_order(reply)
        except NotShown as taken:
            ask = self.wire.order(self.symbol, taken.order_id, taken.client_order_id)

        async def look() -> Order | None:
            order = one_of(await self.ask(ask), Order)
            return order if is_so(order) else None

        return await self.until(look, "a look at the order shows what was done")

    async def shown_trigger(self, reply: Reply, trigger_id: str) -> Trigger:
        """The same of a trigger that was cancelled."""
        try:
            return self.wire.to_trigger(reply)
        except NotShown:
            pass

        async def look() -> Trigger | None:
            seen = of_kind(Trigger, await self.ask(self.wire.trigger(trigger_id)))
            return next((fact for fact in seen if fact.id == trigger_id and fact.is_final()), None)

        return await self.until(look, "a look at the trigger shows that it was cancelled")

    async def frank(self, request: Request, *, venue: Venue | None = None) -> Reply:
        """The venue's reply as it is, a refusal too."""
        unjudged = as_if(venue or self.venue, refusal=lambda _request, _reply: None)
        return await self.rest.call(
            unjudged, self.endpoints.rest_url, request, self.credentials, deadline_s=self.patience_s
        )

    async def until(self, look: Callable[[], Awaitable[T | None]], what: str) -> T:
        """Asks until there is an answer."""
        deadline_s = CLOCK.monotonic_s() + self.patience_s
        while True:
            found = await look()
            if found is not None:
                return found
            expect(CLOCK.monotonic_s() < deadline_s, f"not so within {self.patience_s:g} s: {what}")
            await asyncio.sleep(ASK_AGAIN_S)

    def venue_now_s(self) -> float:
        return CLOCK.now_s() + self.rest.offset_ms(self.venue, self.endpoints.rest_url) / 1000

    def client_order_id(self) -> str:
        """One that nobody used."""
        return self.venue.client_order_id(None, f"{self._run}-{next(self._numbers)}")

    # What is so.

    async def terms(self) -> Terms:
        row = next((row for row in await self.listed() if row["symbol"] == self.symbol), None)
        if row is None:
            raise CannotTell(f"{self.symbol} is not listed here")
        if row["status"] != "trading":
            raise CannotTell(f"{self.symbol} is {row['status']}")
        return Terms(row, await self.read(self.venue.ticker(self.symbol)))

    async def listed(self) -> list[dict[str, Any]]:
        """The terms of everything that is traded there."""
        return [row for question in self.venue.listings() for row in await self.read(question)]

    async def position_mode(self) -> str:
        return self.wire.to_position_mode(await self.call(self.wire.position_mode()))

    async def held(self, symbol: str | None = None) -> dict[str, Decimal]:
        """By side, what the account holds of the instrument."""
        facts = of_kind(Position, await self.ask(self.wire.positions(symbol or self.symbol)))
        return {fact.side: Decimal(fact.size) for fact in facts if fact.side and Decimal(fact.size)}

    async def be_flat(self) -> None:
        """A check that trades must not mix with what was there before it."""
        if held := await self.held():
            shown = " and ".join(f"{text(size)} {side}" for side, size in held.items())
            raise CannotTell(f"the account already holds {shown} of {self.symbol}: close that first")


@asynccontextmanager
async def bench_of(
    venue: Venue, environment: str, endpoints: Endpoints, credentials: Credentials, **said: Any
) -> AsyncIterator[Bench]:
    """A bench that sits at its venue. `said` is as for `Bench`."""
    rest = Rest()
    await rest.start()
    try:
        bench = Bench(venue, environment, endpoints, credentials, rest, **said)
        await bench.sit_down()
        yield bench
    finally:
        await rest.close()


def of_kind(kind: type[F], facts: list[Fact]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, kind)]


def one_of(facts: list[Fact], kind: type[F]) -> F:
    """The only fact of an answer."""
    found = of_kind(kind, facts)
    if len(found) != 1:
        raise Differs(f"the answer tells {len(found)} of {kind.__name__}, not one")
    return found[0]


def as_if(venue: Venue, **changes: Any) -> Venue:
    """The venue, with some of its answers changed."""
    return cast(Venue, _Changed(venue, changes))


class _Changed:
    def __init__(self, base: object, changes: Mapping[str, Any]) -> None:
        self._base, self._changes = base, changes

    def __getattr__(self, name: str) -> Any:
        return self._changes[name] if name in self._changes else getattr(self._base, name)


def change_wire(wire: Wire, **changes: Any) -> Wire:
    """The wire, with some of its answers changed."""
    return cast(Wire, _Changed(wire, changes))
