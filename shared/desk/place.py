"""Place: a wish for an order becomes accepted, rejected or unknown, and its protection is placed in the plain way.

The intent is written before anything leaves. The order itself is sent once: when its answer is lost the outcome is
unknown, and only asking (`resolve`) ends that.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import msgspec

from shared.desk.desk import ORDER_EXPIRY_MS, Answer, Desk, Seat, outcome_event
from shared.desk.once import ATTEMPTS_MAX, carry_out_once, digest_of
from shared.errors import VenueBusy, VenueError, VenueUnknown
from shared.exchanges.base import Leverage, PlaceOrder, PlaceTrigger, Reply, Request
from shared.model import Fact, Number, Order, Outcome, Trigger
from shared.store.intents import Intent

LEAST_LEFT_MS = 1_000
"""With less than this until the expiry on the wire, an order is not sent any more."""


class Guard(msgspec.Struct, frozen=True):
    """A take-profit or a stop-loss."""

    price: Number
    price_type: str


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An order that somebody wants. `size` is positive; `side` says which way."""

    symbol: str
    side: str
    type: str
    size: Number
    price: Number | None
    time_in_force: str
    reduce_only: bool
    leverage: Leverage | None
    take_profit: Guard | None = None
    stop_loss: Guard | None = None
    client_order_id: str | None = None
    on_protection_failure: str | None = None

    @property
    def position_side(self) -> str:
        return "long" if self.side == "buy" else "short"


class Guarded(msgspec.Struct, frozen=True):
    """How the placing of one guard ended."""

    outcome: str  # accepted, rejected, unknown, not_placed
    id: str | None = None
    trigger: Trigger | None = None
    reason: str | None = None
    venue: dict[str, str] | None = None


async def place(desk: Desk, seat: Seat, wish: Wish, key: str | None, ticket: str | None = None) -> Answer:
    """Place it, or tell how the same key ended before. Raises what is refused before anything is written.

    `ticket` is written down beside a new outcome, so that it costs no round trip of its own: `Answer.is_new` tells.
    """
    used_key = key or wish.client_order_id or uuid4().hex
    digest = digest_of("place", seat.owner.account_id, wish)

    def make(attempt: int) -> Intent:
        if attempt == 0:
            return first
        return _intent(desk, seat, wish, digest, _client_order_id(seat, wish, used_key, attempt))

    first = _intent(desk, seat, wish, digest, _client_order_id(seat, wish, used_key, 0))
    request = _request_of(seat, wish, first)  # what cannot be said to the venue is refused before it is written down
    attempts = ATTEMPTS_MAX if wish.client_order_id is None else 1
    return await carry_out_once(
        desk,
        used_key,
        make,
        lambda intent: _carry_out(desk, seat, wish, intent, request if intent is first else None, ticket),
        lambda intent: unknown_body(wish, intent),
        attempts,
    )


def _intent(desk: Desk, seat: Seat, wish: Wish, digest: str, client_order_id: str) -> Intent:
    owner, now_ms = seat.owner, desk.clock.now_ms()
    return Intent(
        id=client_order_id,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        action="place",
        symbol=wish.symbol,
        digest=digest,
        created_at_ms=now_ms,
        expires_at_ms=now_ms + ORDER_EXPIRY_MS,
    )


def _client_order_id(seat: Seat, wish: Wish, key: str, attempt: int) -> str:
    again = f"\0{attempt}" if attempt else ""
    return seat.venue.client_order_id(wish.client_order_id, f"{seat.owner.user_id}\0{key}{again}")


async def _carry_out(
    desk: Desk, seat: Seat, wish: Wish, intent: Intent, request: Request | None, ticket: str | None
) -> Answer:
    try:
        await _settle_leverage(desk, seat, wish)
        reply = await _send(desk, seat, intent, request or _request_of(seat, wish, intent))
        order = seat.wire.to_order(reply)
    except VenueUnknown as lost:
        answer = Answer(Outcome.UNKNOWN, 202, unknown_body(wish, intent), is_new=True)
        await desk.conclude(intent, answer, [_event(desk, intent, Outcome.UNKNOWN, lost)], ticket)
        return answer
    except VenueError as refused:
        answer = Answer.rejected(refused)
        await desk.conclude(intent, answer, [_event(desk, intent, Outcome.REJECTED, refused)])
        return answer
    order.origin = "gateway"
    order.times = msgspec.structs.replace(order.times, recorded=desk.clock.now_ms())
    guards = await _protect(desk, seat, wish, intent, order)
    answer = Answer(Outcome.ACCEPTED, 200, body_of(reply.body, order, guards, intent), is_new=True)
    facts: list[Fact] = [order, *(guarded.trigger for guarded in guards.values() if guarded and guarded.trigger)]
    await desk.conclude(msgspec.structs.replace(intent, order_id=order.id), answer, facts, ticket)
    return answer


async def _settle_leverage(desk: Desk, seat: Seat, wish: Wish) -> None:
    """An order that can only reduce is not about leverage, and must not fail because of it."""
    if wish.leverage is None or wish.reduce_only:
        return
    account, now_s = f"{seat.owner.user_id}/{seat.owner.account_id}", desk.clock.monotonic_s()
    await desk.leverage.settle(
        seat.wire, lambda request: desk.read(seat, request), account, wish.symbol, wish.leverage, now_s
    )


async def _send(desk: Desk, seat: Seat, intent: Intent, request: Request) -> Reply:
    if (intent.expires_at_ms or 0) - desk.clock.now_ms() < LEAST_LEFT_MS:
        raise VenueBusy(seat.venue.name, "TOO_LATE", "nothing was placed: it took too long to prepare", status=503)
    return await desk.send(seat, request)


def _request_of(seat: Seat, wish: Wish, intent: Intent) -> Request:
    order = PlaceOrder(
        symbol=wish.symbol,
        side=wish.side,
        type=wish.type,
        size=wish.size,
        price=wish.price,
        time_in_force=wish.time_in_force,
        reduce_only=wish.reduce_only,
        client_order_id=intent.id,
    )
    return seat.wire.place(order, intent.expires_at_ms)


def _event(desk: Desk, intent: Intent, outcome: Outcome, error: VenueError) -> Fact:
    return outcome_event(intent, outcome, str(error), None, desk.clock.now_ms())


# Protection, in the plain way: placed once, each with its own outcome.


def guards_of(wish: Wish) -> dict[str, Guard | None]:
    return {"take_profit": wish.take_profit, "stop_loss": wish.stop_loss}


async def _protect(desk: Desk, seat: Seat, wish: Wish, intent: Intent, order: Order) -> dict[str, Guarded | None]:
    wanted = guards_of(wish)
    if not any(wanted.values()):
        return dict.fromkeys(wanted)
    if order.is_final() and not Decimal(order.filled):
        return {name: _not_placed(guard, f"the order is {order.status}") for name, guard in wanted.items()}
    names = list(wanted)
    ended = await asyncio.gather(*(_guard(desk, seat, wish, intent, order, name, wanted[name]) for name in names))
    return dict(zip(names, ended, strict=True))


async def _guard(
    desk: Desk, seat: Seat, wish: Wish, intent: Intent, order: Order, purpose: str, guard: Guard | None
) -> Guarded | None:
    if guard is None:
        return None
    trigger = PlaceTrigger(
        symbol=wish.symbol,
        position_side=wish.position_side,
        purpose=purpose,
        price=guard.price,
        price_type=guard.price_type,
        size=wish.size,
        client_order_id=seat.venue.client_order_id(None, f"{seat.owner.user_id}\0{intent.id}\0{purpose}"),
        parent_id=order.id,
    )
    try:
        placed = seat.wire.to_trigger(await desk.send(seat, seat.wire.place_trigger(trigger)), trigger)
    except VenueError as error:
        outcome = Outcome.UNKNOWN if isinstance(error, VenueUnknown) else Outcome.REJECTED
        words = {"code": error.venue_code, "message": error.venue_message}
        return Guarded(outcome.value, reason=str(error), venue=words)
    return Guarded(Outcome.ACCEPTED.value, placed.id, placed)


def _not_placed(guard: Guard | None, reason: str) -> Guarded | None:
    return None if guard is None else Guarded("not_placed", reason=reason)


# What is told.


def body_of(reply: bytes, order: Order | None, guards: dict[str, Guarded | None], intent: Intent) -> bytes:
    """The venue's reply stays the bytes that it sent, so that no digit of it changes."""
    return b'{"resPlaceOrder":%b,"take_profit":%b,"stop_loss":%b,"order":%b,"intent":%b}' % (
        reply,
        msgspec.json.encode(guards["take_profit"]),
        msgspec.json.encode(guards["stop_loss"]),
        b"null" if order is None else order.to_json(),
        msgspec.json.encode({"id": intent.id, "action": intent.action}),
    )


def unknown_body(wish: Wish, intent: Intent) -> bytes:
    reason = "the order's outcome is not known yet"
    guards = {name: _not_placed(guard, reason) for name, guard in guards_of(wish).items()}
    return body_of(b"null", None, guards, intent)
