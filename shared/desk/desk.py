"""Desk and seat: what every command needs, and one account's place at it.

A seat holds credentials in the open. It lives for one command and is never logged or kept.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from shared.clock import CLOCK, Clock
from shared.desk.leverage import LeverageBook
from shared.errors import NotFound, StoreUnavailable, VenueError
from shared.exchanges import registry
from shared.exchanges.base import Ask, Endpoints, Reply, Request, Venue, Wire
from shared.exchanges.rest import Rest
from shared.model import Credentials, Fact, Outcome, OutcomeEvent, Owner
from shared.settings import Settings
from shared.store import Store
from shared.store.intents import Intent
from shared.vault import Vault

ORDER_DEADLINE_S = 8.0
"""How long an order's answer is waited for: shorter than its expiry on the wire, and than callers' patience."""
ORDER_EXPIRY_MS = 10_000
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
        self.order_deadline_s, self.read_deadline_s = ORDER_DEADLINE_S, READ_DEADLINE_S
        self._endpoints: dict[tuple[str, str], Endpoints] = {}

    def start(self) -> None:
        """Open the fast way to Redis, for a process that places orders; without it the ordinary one serves."""
        self.store.ledger.start()

    async def stop(self) -> None:
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
        if not seat.owner.user_id or not facts:
            return
        try:
            await self.store.events.record(facts, seat.owner.user_id)
        except StoreUnavailable as error:
            log.warning("%d facts were not recorded: %s", len(facts), error)

    async def conclude(self, intent: Intent, answer: Answer, facts: Sequence[Fact], ticket: str | None = None) -> None:
        """Write down how it ended. When Redis is away now, the intent stays unresolved and is found later."""
        try:
            await self.store.ledger.conclude(intent_with(intent, answer), facts, ticket)
        except StoreUnavailable as error:
            log.warning("the outcome of intent %s was not written down: %s", intent.id, error)


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
