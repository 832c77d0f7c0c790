"""Desk and seat: what every command needs, and one account's place at it.

A seat holds credentials in the open. It lives for one command and is never logged or kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from shared.clock import CLOCK, Clock
from shared.desk.leverage import LeverageBook
from shared.errors import NotFound, StoreUnavailable, VenueError
from shared.exchanges import registry
from shared.exchanges.base import Ask, Endpoints, Reply, Request, Venue, Wire
from shared.exchanges.rest import Rest
from shared.model import Credentials, Fact, Order, Outcome, OutcomeEvent, Owner, plain
from shared.settings import Settings
from shared.store import Store
from shared.store.intents import Intent
from shared.vault import Vault

ORDER_DEADLINE_S = 8.0
"""How long an order's answer is waited for: shorter than its expiry on the wire, and than callers' patience."""
ORDER_EXPIRY_MS = 10_000
FEE_WAIT_S = 1.0
READ_DEADLINE_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seat:
    """One account at the desk."""

    owner: Owner
    venue: Venue
    rest_url: str
    wire: Wire
    credentials: Credentials = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended. `body` is JSON: what is told of it, or the error; the same bytes at every telling."""

    outcome: Outcome
    status: int
    body: bytes
    retryable: bool = False
    retry_after_s: float | None = None
    venue_code: str | None = None
    is_new: bool = False

    @classmethod
    def rejected(cls, error: VenueError) -> Answer:
        body = msgspec.json.encode(error.to_body())
        retry_after_s = error.retry_after_s
        return cls(Outcome.REJECTED, error.status, body, error.retryable, retry_after_s, error.venue_code)


class Desk:
    """The way to the store, the venues and the vault, for whoever has a wish."""

    def __init__(self, settings: Settings, store: Store, rest: Rest, vault: Vault, clock: Clock = CLOCK) -> None:
        self.settings, self.store, self.rest, self.vault, self.clock = settings, store, rest, vault, clock
        self.leverage = LeverageBook()
        self._later: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self.order_deadline_s, self.read_deadline_s = ORDER_DEADLINE_S, READ_DEADLINE_S
        self._endpoints: dict[tuple[str, str], Endpoints] = {}

    def start(self) -> None:
        """Open the fast way to Redis, for a process that places orders; without it the ordinary one serves."""
        self.store.ledger.start()

    async def stop(self) -> None:
        self._stopping.set()
        await asyncio.gather(*self._later)
        await self.store.ledger.stop()

    def seat(self, owner: Owner, credentials: Credentials) -> Seat:
        place = owner.venue, owner.environment
        if place not in self._endpoints:
            self._endpoints[place] = registry.endpoints(self.settings, *place)
        venue = registry.venue(owner.venue)
        return Seat(owner, venue, self._endpoints[place].rest_url, venue.wire(owner, ""), credentials)

    async def seat_of(self, user_id: str, account_id: str) -> Seat:
        """For who has no credentials at hand: opens the sealed ones."""
        account = await self.store.accounts.get(user_id, account_id)
        if account is None:
            raise NotFound("account")
        credentials = self.vault.open(account.sealed, user_id, account.venue, account_id)
        return self.seat(Owner(user_id, account_id, account.venue, account.environment), credentials)

    async def send(self, seat: Seat, request: Request) -> Reply:
        """A command to the venue, once."""
        deadline_s = self.order_deadline_s
        return await self.rest.call(seat.venue, seat.rest_url, request, seat.credentials, deadline_s=deadline_s)

    async def read(self, seat: Seat, request: Request) -> Reply:
        deadline_s = self.read_deadline_s
        return await self.rest.call(seat.venue, seat.rest_url, request, seat.credentials, deadline_s=deadline_s)

    async def ask(self, seat: Seat, ask: Ask) -> list[Fact]:
        return await self.rest.ask(seat.venue, seat.rest_url, ask, seat.credentials, deadline_s=self.read_deadline_s)

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

    async def know_origin(self, seat: Seat, order: Order) -> None:
        """Whether an order is ours stands in the record or, before that, in its intent; the venue does not say."""
        owner, key = seat.owner, f"{seat.owner.account_id}:{order.id}"
        if not owner.user_id:
            return
        try:
            known = await self.store.events.record_of(owner.user_id, "order", key)
            if known is not None:
                order.origin = msgspec.json.decode(known, type=Order).origin
            elif order.client_order_id and await self.store.intents.get(owner.user_id, order.client_order_id):
                order.origin = "gateway"
        except StoreUnavailable:
            pass


def intent_with(intent: Intent, answer: Answer) -> Intent:
    return msgspec.structs.replace(
        intent,
        outcome=answer.outcome.value,
        status=answer.status,
        answer={"body": answer.body.decode(), "retryable": answer.retryable},
    )


def outcome_event(intent: Intent, outcome: Outcome, reason: str | None, order_id: str | None, at_ms: int) -> Fact:
    return OutcomeEvent(
        id=intent.id,
        user_id=intent.user_id,
        account_id=intent.account_id,
        venue=intent.venue,
        environment=intent.environment,
        client_order_id=intent.id,
        outcome=outcome.value,
        order_id=order_id,
        reason=reason,
        at_ms=at_ms,
    )
