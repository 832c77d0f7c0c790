"""Desk and seat: what every command needs, and one account's place at it.

A seat holds credentials in the open. It lives for one command and is never logged or kept.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from shared.clock import CLOCK, Clock
from shared.desk.leverage import LeverageBook
from shared.desk.outcome import Answer, intent_with
from shared.desk.wish import LeverageWish
from shared.errors import KeyRefused, NotFound, StoreUnavailable, UnknownWord, VenueError
from shared.exchanges import registry
from shared.exchanges.base import Ask, Endpoints, Lane, Leverage, NotShown, Reply, Request, Venue, Wire
from shared.exchanges.calls import Calls
from shared.exchanges.rest import Rest
from shared.model import Credentials, Fact, Order, Owner, Trigger, plain
from shared.settings import Settings
from shared.store import Store
from shared.store.intents import Intent
from shared.vault import Vault

ORDER_DEADLINE_S = 8.0
"""How long an order's answer is waited for: shorter than its expiry on the wire, and than callers' patience."""
FEE_WAIT_S = 1.0
READ_DEADLINE_S = 5.0
LOOKS_AFTER_S = (0.0, 0.05, 0.2, 0.5)
"""When an order is looked at whose command was only said to be taken."""
READ_ONLY_KEY = "READ_ONLY_KEY"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seat:
    """One account at the desk."""

    owner: Owner
    venue: Venue
    rest_url: str
    wire: Wire
    credentials: Credentials = field(repr=False)
    may_trade: bool = True
    """False for a key that was seen to be for reading only."""

    @property
    def account(self) -> str:
        """This account among all, for what a process remembers of it."""
        return f"{self.owner.user_id}/{self.owner.account_id}"


class Desk:
    """The way to the store, the venues and the vault, for whoever has a wish."""

    def __init__(self, settings: Settings, store: Store, rest: Rest, vault: Vault, clock: Clock = CLOCK) -> None:
        self.settings, self.store, self.rest, self.vault, self.clock = settings, store, rest, vault, clock
        self.leverage = LeverageBook()
        self.calls: Calls | None = None
        self._later: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self.order_deadline_s, self.read_deadline_s = ORDER_DEADLINE_S, READ_DEADLINE_S
        self._endpoints: dict[tuple[str, str], Endpoints] = {}

    def start(self) -> None:
        """Open the fast ways to Redis and to venues, for a process that places orders; else the ordinary ones serve."""
        self.store.ledger.start()
        if self.settings.order_entry == "socket":
            self.calls = Calls(self.rest)

    async def stop(self) -> None:
        self._stopping.set()
        await asyncio.gather(*self._later)
        if self.calls is not None:
            await self.calls.stop()
        await self.store.ledger.stop()

    def seat(self, owner: Owner, credentials: Credentials, *, may_trade: bool = True) -> Seat:
        place = owner.venue, owner.environment
        if place not in self._endpoints:
            self._endpoints[place] = registry.endpoints(self.settings, *place)
        venue = registry.venue(*place)
        return Seat(owner, venue, self._endpoints[place].rest_url, venue.wire(owner, ""), credentials, may_trade)

    async def seat_of(self, user_id: str, account_id: str) -> Seat:
        """For who has no credentials at hand: opens the sealed ones."""
        account = await self.store.accounts.get(user_id, account_id)
        if account is None:
            raise NotFound("account")
        credentials = self.vault.open(account.sealed, user_id, account.venue, account_id)
        owner = Owner(user_id, account_id, account.venue, account.environment)
        return self.seat(owner, credentials, may_trade=account.may_trade)

    async def send(self, seat: Seat, request: Request) -> Reply:
        """A command to the venue, once. It ends alike over REST and over the account's socket."""
        check_may(seat, request)
        venue, deadline_s = seat.venue, self.order_deadline_s
        if self.calls is None:
            return await self.rest.call(venue, seat.rest_url, request, seat.credentials, deadline_s=deadline_s)
        endpoints = self._endpoints[seat.owner.venue, seat.owner.environment]
        return await self.calls.call(venue, endpoints, request, seat.credentials, deadline_s=deadline_s)

    async def read(self, seat: Seat, request: Request, lane: Lane | None = None) -> Reply:
        """A question. `lane` is that of the command which waits for the answer."""
        check_may(seat, request)
        deadline_s = self.read_deadline_s
        if lane is not None:
            request = dataclasses.replace(request, lane=lane)
        return await self.rest.call(seat.venue, seat.rest_url, request, seat.credentials, deadline_s=deadline_s)

    async def ask(self, seat: Seat, ask: Ask, lane: Lane | None = None) -> list[Fact]:
        if lane is not None:
            ask = dataclasses.replace(ask, request=dataclasses.replace(ask.request, lane=lane))
        return await self.rest.ask(seat.venue, seat.rest_url, ask, seat.credentials, deadline_s=self.read_deadline_s)

    async def shown(
        self, seat: Seat, reply: Reply, symbol: str | None, lane: Lane, is_so: Callable[[Order], bool]
    ) -> Order:
        """The order that an answer to a command shows. Where it only names it, the venue is asked, and again for a
        moment until it shows what the command did. Raises NotShown when it cannot be seen."""
        try:
            return seat.wire.to_order(reply)
        except NotShown as taken:
            if taken.order_id is None and taken.client_order_id is None:
                raise
            return await self._look_at(seat, taken, symbol, lane, is_so)

    async def _look_at(
        self, seat: Seat, taken: NotShown, symbol: str | None, lane: Lane, is_so: Callable[[Order], bool]
    ) -> Order:
        ask = seat.wire.order(symbol, taken.order_id, taken.client_order_id)
        seen: Order | None = None
        for wait_s in LOOKS_AFTER_S:
            await asyncio.sleep(wait_s)
            with suppress(VenueError, UnknownWord):
                seen = next((fact for fact in await self.ask(seat, ask, lane) if isinstance(fact, Order)), seen)
            if seen is not None and is_so(seen):
                break
        if seen is None:
            raise taken
        return seen

    async def settle_leverage(
        self, seat: Seat, symbol: str, wanted: LeverageWish, side: str | None = None, slot: str = ""
    ) -> Leverage:
        """See that the account trades the symbol as wanted; answers how it does then."""
        now_s = self.clock.monotonic_s()

        def call(request: Request) -> Awaitable[Reply]:
            return self.read(seat, request, Lane.PLACE)

        user_id, ledger = seat.owner.user_id, self.store.ledger
        return await self.leverage.settle(
            seat.wire, call, seat.account, symbol, wanted, now_s, side, slot,
            ledger.leverage_turn(user_id), lambda: ledger.turn_leverage(user_id),
        )  # fmt: skip

    async def read_leverage(self, seat: Seat, symbol: str, margin_mode: str | None = None) -> Leverage | None:
        """As it is at the venue now."""

        def call(request: Request) -> Awaitable[Reply]:
            return self.read(seat, request)

        return await self.leverage.read(seat.wire, call, seat.account, symbol, margin_mode)

    async def record(self, seat: Seat, facts: Sequence[Fact]) -> None:
        """Record what a venue answered. It is so with or without Redis: the session's next resync tells it too."""
        user_id = seat.owner.user_id
        if not user_id or not facts:
            return
        try:
            await self.store.events.record(self._told_now(facts, user_id), user_id)
        except StoreUnavailable as error:
            log.warning("%d facts were not recorded: %s", len(facts), error)

    async def conclude(self, intent: Intent, answer: Answer, facts: Sequence[Fact], ticket: str | None = None) -> None:
        """Write down how it ended. When Redis is away now, the intent stays unresolved and is found later."""
        try:
            now = self._told_now(facts, intent.user_id)
            await self.store.ledger.conclude(intent_with(intent, answer), now, ticket)
        except StoreUnavailable as error:
            log.warning("the outcome of intent %s was not written down: %s", intent.id, error)

    def _told_now(self, facts: Sequence[Fact], user_id: str) -> list[Fact]:
        """An answer with fills but without their fee waits a moment for the venue's push, which tells both: the order's
        one event is then the whole one. Should no push come, the answer is recorded as it is."""
        waiting = [fact for fact in facts if isinstance(fact, Order) and fact.fee is None and plain(fact.filled) != "0"]
        if waiting:
            task = asyncio.create_task(self._tell_later(waiting, user_id))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        return [fact for fact in facts if fact not in waiting]

    async def _tell_later(self, facts: Sequence[Fact], user_id: str) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), FEE_WAIT_S)
        try:
            await self.store.events.record(facts, user_id)
        except StoreUnavailable as error:
            log.warning("%d facts were not recorded: %s", len(facts), error)

    async def know_origin(self, seat: Seat, fact: Order | Trigger) -> None:
        """Whether it is ours, and whose child it is, stands in the record or in its intent; the venue does not say."""
        owner = seat.owner
        if not owner.user_id:
            return
        try:
            known = await self.store.events.record_of(owner.user_id, fact.kind, fact.key())
            if known is not None:
                link(fact, msgspec.json.decode(known, type=Linked))
            elif fact.client_order_id:
                intent = await self.store.intents.get(owner.user_id, fact.client_order_id)
                if intent is not None:
                    fact.origin = "gateway"
                    if isinstance(fact, Trigger) and intent.action == "place":
                        fact.parent_id = fact.parent_id or intent.order_id  # it was attached to that order
        except StoreUnavailable:
            pass


class Linked(msgspec.Struct):
    """What the record knows of an order or a trigger that its venue does not."""

    origin: str = "external"
    parent_id: str | None = None


def link(fact: Order | Trigger, known: Linked) -> None:
    fact.origin, fact.parent_id = known.origin, fact.parent_id or known.parent_id


def check_may(seat: Seat, request: Request) -> None:
    """Raises what the venue would: so that a key for reading is never even tried for more."""
    if request.writes and not seat.may_trade:
        why = "nothing was sent: this key may only read; give the account a key that may trade"
        raise KeyRefused(seat.venue.name, READ_ONLY_KEY, why, status=403)


def stamp(desk: Desk, fact: Order | Trigger) -> None:
    """An answer shows when it was recorded, which is now."""
    fact.times = msgspec.structs.replace(fact.times, recorded=desk.clock.now_ms())
