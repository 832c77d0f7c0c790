"""Place: a wish for an order becomes accepted, rejected or unknown, and its protection is placed in the plain way.

The intent is written before anything leaves. The order itself is sent once: when its answer is lost the outcome is
unknown, and only asking (`resolve`) ends that.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from uuid import uuid4

import msgspec

from shared.desk.desk import Desk, Seat, stamp
from shared.desk.mode import PLAIN, Manner, manner_of
from shared.desk.mode import settle_leverage as settle
from shared.desk.once import MakeIntent, attempts_of, carry_out_once, digest_of, id_of
from shared.desk.outcome import Answer, intent_words, new_intent, outcome_event, outcome_of
from shared.desk.protect import Protection, attached_by, facts_of, not_known, protect, triggers_wanted
from shared.desk.wish import Wish, to_place
from shared.errors import BadRequest, GatewayError, VenueBusy, VenueError, VenueRefused
from shared.exchanges.base import Guards, Request
from shared.model import Fact, Order, Outcome
from shared.store.intents import Intent

LEAST_LEFT_MS = 1_000
"""With less than this until the expiry on the wire, an order is not sent any more."""
UNKNOWN_REASON = "the order's outcome is not known yet"


async def place(desk: Desk, seat: Seat, wish: Wish, key: str | None, ticket: str | None = None) -> Answer:
    """Place it, or tell how the same key ended before. Raises what is refused before anything is written.

    `ticket` is written down beside a new outcome, so that it costs no round trip of its own: `Answer.is_new` tells.
    """
    used_key = key or wish.client_order_id or uuid4().hex
    make = intents_of(desk, seat, wish, used_key)
    first = make(0)
    request = request_of(seat, wish, first)  # what cannot be said to the venue is refused before it is written down
    return await carry_out_once(
        desk,
        used_key,
        lambda attempt: make(attempt) if attempt else first,
        lambda intent: _carry_out(desk, seat, wish, intent, request if intent is first else None, ticket),
        lambda intent: unknown_body(wish, intent),
        attempts_of(wish.client_order_id),
    )


def intents_of(desk: Desk, seat: Seat, wish: Wish, key: str) -> MakeIntent:
    """The intent of each attempt under this key."""
    digest = digest_of("place", seat.owner.account_id, wish)

    def make(attempt: int) -> Intent:
        client_order_id = id_of(seat, wish.client_order_id, key, attempt)
        return new_intent(seat.owner, desk.clock.now_ms(), client_order_id, "place", wish.symbol, digest)

    return make


def request_of(seat: Seat, wish: Wish, intent: Intent, manner: Manner = PLAIN) -> Request:
    """The order's request. Raises BadRequest for an order or a guard that cannot be said to the venue."""
    for trigger in triggers_wanted(seat, wish, intent, manner).values():
        seat.wire.place_trigger(trigger)
    return seat.wire.place(to_place(wish, intent.id, *manner), intent.expires_at_ms)


async def manner_for(desk: Desk, seat: Seat, wish: Wish) -> Manner:
    margin_mode = wish.leverage.margin_mode if wish.leverage is not None else None
    return await manner_of(desk, seat, wish.symbol, margin_mode, closes=wish.closes)


async def _carry_out(
    desk: Desk, seat: Seat, wish: Wish, intent: Intent, request: Request | None, ticket: str | None
) -> Answer:
    try:
        manner = await manner_for(desk, seat, wish)
        async with leverage_held(desk, seat, wish):
            await settle_leverage(desk, seat, wish)
            check_time_left(desk, seat, intent)
            if request is None or manner != PLAIN:
                request = request_of(seat, wish, intent, manner)
            reply = await desk.send(seat, request)
        order = seat.wire.to_order(reply, to_place(wish, intent.id, *manner))
    except (VenueError, BadRequest) as error:
        if isinstance(error, VenueRefused):
            desk.leverage.doubt_mode(seat.account)
        return await conclude_error(desk, wish, intent, error, ticket)
    order, told = await attached_by(desk, seat, wish, order, reply)
    return await conclude_order(desk, seat, wish, intent, order, told, reply.body, ticket, manner)


def leverage_held(desk: Desk, seat: Seat, wish: Wish) -> AbstractAsyncContextManager[None]:
    """Until the venue has the order, the leverage that it wants is not changed by others here."""
    if wish.leverage is None or wish.reduce_only:
        return nullcontext()
    return desk.leverage.held(seat.account, wish.symbol, wish.leverage)


async def settle_leverage(desk: Desk, seat: Seat, wish: Wish) -> None:
    """An order that can only reduce is not about leverage, and must not fail because of it."""
    if wish.leverage is not None and not wish.reduce_only:
        await settle(desk, seat, wish.symbol, wish.leverage, wish.position_side)


def check_time_left(desk: Desk, seat: Seat, intent: Intent) -> None:
    if (intent.expires_at_ms or 0) - desk.clock.now_ms() < LEAST_LEFT_MS:
        raise VenueBusy(seat.venue.name, "TOO_LATE", "nothing was placed: it took too long to prepare", status=503)


# How it ended.


async def conclude_order(
    desk: Desk,
    seat: Seat,
    wish: Wish,
    intent: Intent,
    order: Order,
    told: Guards,
    reply: bytes,
    ticket: str | None,
    manner: Manner = PLAIN,
) -> Answer:
    """The order stands: see to its guards, write it all down, and tell it. `reply` is the venue's, as it came."""
    order.origin = "gateway"
    stamp(desk, order)
    guards = await protect(desk, seat, wish, intent, order, told, manner)
    answer = Answer(Outcome.ACCEPTED, 200, body_of(reply, order, guards, intent), is_new=True)
    facts: list[Fact] = [order, *facts_of(guards)]
    await desk.conclude(msgspec.structs.replace(intent, order_id=order.id), answer, facts, ticket)
    return answer


async def conclude_error(
    desk: Desk, wish: Wish, intent: Intent, error: GatewayError, ticket: str | None = None
) -> Answer:
    """Nothing is known of it, or nothing happened."""
    outcome = outcome_of(error)
    event = outcome_event(intent, outcome, str(error), None, desk.clock.now_ms())
    if outcome is Outcome.REJECTED:
        answer, ticket = Answer.rejected(error), None
    else:
        answer = Answer(outcome, 202, unknown_body(wish, intent), is_new=True)
    await desk.conclude(intent, answer, [event], ticket)
    return answer


# What is told.


def body_of(reply: bytes, order: Order | None, guards: Protection, intent: Intent) -> bytes:
    """The venue's reply stays the bytes that it sent, so that no digit of it changes."""
    return b'{"resPlaceOrder":%b,"take_profit":%b,"stop_loss":%b,"order":%b,"intent":%b}' % (
        reply,
        msgspec.json.encode(guards["take_profit"]),
        msgspec.json.encode(guards["stop_loss"]),
        b"null" if order is None else order.to_json(),
        intent_words(intent),
    )


def unknown_body(wish: Wish, intent: Intent) -> bytes:
    return body_of(b"null", None, not_known(wish, UNKNOWN_REASON), intent)
