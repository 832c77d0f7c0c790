"""Triggers: conditional orders are placed and cancelled like orders are, with the same outcomes.

A venue finds an order by its text but not a trigger, and has no expiry for one on the wire. So what became of a lost
answer is found in its lists (`resolve`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

import msgspec

from shared.desk.conditional import TriggerWish, rule_at, to_order, to_place_trigger
from shared.desk.desk import LOOKS_AFTER_S, READ_DEADLINE_S, Desk, Seat, stamp
from shared.desk.find import ask_trigger, bare, symbol_of_trigger
from shared.desk.mode import PLAIN, Manner, is_hedged, manner_of, settle_leverage
from shared.desk.once import attempts_of, carry_out_once, digest_of, id_of
from shared.desk.outcome import Answer, intent_words, new_intent, outcome_event, outcome_of, words_of
from shared.errors import BadRequest, GatewayError, NotFound, UnknownWord, VenueError, VenueRefused
from shared.exchanges.base import REPLACED, Lane, NotShown, PlaceTrigger, Reply
from shared.model import Fact, Number, Outcome, Trigger
from shared.store.intents import Intent

ACTION = "trigger"
PRICE_NAMES = {"last": "last", "mark": "mark_price", "index": "index_price"}
"""What a ticker calls the price that a trigger follows."""


class Cleared(msgspec.Struct, frozen=True):
    """What became of one trigger that was to be cancelled."""

    id: str
    outcome: str  # accepted, rejected, unknown
    trigger: Trigger | None = None
    venue: dict[str, str] | None = None
    reason: str | None = None


async def place_trigger(desk: Desk, seat: Seat, wish: TriggerWish, key: str | None) -> Answer:
    """Place it, or tell how the same key ended before. Raises what is refused before anything is written."""
    used_key, owner = key or wish.client_order_id or uuid4().hex, seat.owner
    rule, manner = await terms_of(desk, seat, wish)
    digest = digest_of(ACTION, owner.account_id, wish)

    def make(attempt: int) -> Intent:
        intent_id = id_of(seat, wish.client_order_id, used_key, attempt)
        return new_intent(owner, desk.clock.now_ms(), intent_id, ACTION, wish.symbol, digest)

    def to_trigger(intent: Intent) -> PlaceTrigger:
        return to_place_trigger(wish, rule, intent.id, manner)

    seat.wire.place_trigger(to_trigger(make(0)))  # what cannot be said to the venue is refused before it is written
    return await carry_out_once(
        desk,
        used_key,
        make,
        lambda intent: _carry_out(desk, seat, wish, intent, to_trigger(intent)),
        lambda intent: trigger_body(None, intent),
        attempts_of(wish.client_order_id),
    )


async def terms_of(desk: Desk, seat: Seat, wish: TriggerWish) -> tuple[str, Manner]:
    """What a trigger needs to know beside the wish: which way the price must go, and how positions are held."""
    rule = wish.rule
    if rule is None:
        rule = rule_at(wish.price, await price_now(desk, seat, wish.symbol, wish.price_type))
    margin_mode = wish.leverage.margin_mode if wish.leverage is not None else None
    manner = await manner_of(desk, seat, wish.symbol, margin_mode, closes=wish.closes)
    if manner == PLAIN and wish.size is None:
        manner = Manner(hedged=await is_hedged(desk, seat))
    return rule, manner


async def price_now(desk: Desk, seat: Seat, symbol: str, price_type: str) -> Number:
    request, read = seat.venue.ticker(symbol)
    reply = await desk.rest.call(seat.venue, seat.rest_url, request, None, deadline_s=READ_DEADLINE_S)
    price: Number | None = read(reply).get(PRICE_NAMES[price_type])
    if price is None:
        raise VenueRefused(seat.venue.name, "NO_PRICE", f"{symbol} has no {price_type} price now", retryable=True)
    return price


async def _carry_out(desk: Desk, seat: Seat, wish: TriggerWish, intent: Intent, asked: PlaceTrigger) -> Answer:
    try:
        if wish.leverage is not None and not wish.reduce_only:
            await settle_leverage(desk, seat, wish.symbol, wish.leverage, wish.position_side)
        trigger = await send_trigger(desk, seat, asked)
    except (VenueError, BadRequest) as error:
        return await conclude_error(desk, intent, error)
    answer = Answer(Outcome.ACCEPTED, 200, trigger_body(trigger, intent), is_new=True)
    await desk.conclude(msgspec.structs.replace(intent, order_id=trigger.id), answer, [trigger])
    return answer


async def send_trigger(desk: Desk, seat: Seat, asked: PlaceTrigger) -> Trigger:
    """Once. Raises as the venue refused, or VenueUnknown."""
    trigger = seat.wire.to_trigger(await desk.send(seat, seat.wire.place_trigger(asked)), asked)
    trigger.origin = "gateway"
    stamp(desk, trigger)
    return trigger


async def conclude_error(desk: Desk, intent: Intent, error: GatewayError) -> Answer:
    outcome = outcome_of(error)
    event = outcome_event(intent, outcome, str(error), None, desk.clock.now_ms())
    if outcome is Outcome.REJECTED:
        answer = Answer.rejected(error)
    else:
        answer = Answer(outcome, 202, trigger_body(None, intent), is_new=True)
    await desk.conclude(intent, answer, [event])
    return answer


def trigger_body(trigger: Trigger | None, intent: Intent) -> bytes:
    """As it is, and as it is shown among orders."""
    return b'{"order":%b,"trigger":%b,"intent":%b}' % (
        b"null" if trigger is None else to_order(trigger).to_json(),
        b"null" if trigger is None else trigger.to_json(),
        intent_words(intent),
    )


async def cancel_trigger(desk: Desk, seat: Seat, trigger_id: str, symbol: str | None = None) -> Cleared:
    """How it ended. What the venue answered is the caller's to record."""
    try:
        return Cleared(trigger_id, Outcome.ACCEPTED.value, await withdraw(desk, seat, trigger_id, symbol))
    except NotShown:
        reason = "it was taken, and how the trigger ended is not shown"
        return Cleared(trigger_id, Outcome.ACCEPTED.value, reason=reason)
    except NotFound as error:
        return Cleared(trigger_id, Outcome.REJECTED.value, reason=str(error))
    except VenueError as error:
        return Cleared(trigger_id, outcome_of(error).value, venue=words_of(error))


async def withdraw(desk: Desk, seat: Seat, trigger_id: str, symbol: str | None = None) -> Trigger:
    """Nothing is written before it is sent. Raises as the venue refused, or VenueUnknown."""
    symbol = await symbol_of_trigger(desk, seat, trigger_id, symbol)
    reply = await _withdraw(desk, seat, trigger_id, symbol)
    try:
        trigger = seat.wire.to_trigger(reply)
    except NotShown as taken:
        trigger = await _gone(desk, seat, trigger_id, taken)
    await desk.know_origin(seat, trigger)
    stamp(desk, trigger)
    return trigger


async def _withdraw(desk: Desk, seat: Seat, trigger_id: str, symbol: str | None) -> Reply:
    """The last of several that were placed together may have to be cancelled in another way than the first."""
    request = seat.wire.cancel_trigger(trigger_id, symbol)
    other = seat.wire.cancel_trigger(trigger_id, symbol, alone=True)
    try:
        return await desk.send(seat, request)
    except VenueRefused:
        if other == request:
            raise
        facts = await desk.ask(seat, seat.wire.trigger(trigger_id), Lane.CANCEL)
        if not _is_left_alone(facts, trigger_id):
            raise
    return await desk.send(seat, other)


def _is_left_alone(facts: Sequence[Fact], trigger_id: str) -> bool:
    """Whether this one waits, by this id or by another that it has now, and no other of its company does."""
    told = [fact for fact in facts if isinstance(fact, Trigger)]
    waiting = [fact for fact in told if not fact.is_final()]
    return len(waiting) == 1 and any(
        fact.id == trigger_id and (fact is waiting[0] or fact.reason == REPLACED) for fact in told
    )


async def _gone(desk: Desk, seat: Seat, trigger_id: str, taken: NotShown) -> Trigger:
    """As the venue shows it once it was cancelled, which may take a moment."""
    seen: Trigger | None = None
    for wait_s in LOOKS_AFTER_S:
        await asyncio.sleep(wait_s)
        with suppress(VenueError, UnknownWord, NotFound):
            seen = bare(await ask_trigger(desk, seat, trigger_id))
        if seen is not None and seen.is_final():
            break
    if seen is None:
        raise taken
    return seen


async def cancel_triggers(desk: Desk, seat: Seat, symbol: str | None, side: str | None = None) -> list[Cleared]:
    """All that wait, of one symbol or of all; one by one where the venue cannot be told so at once."""
    try:
        request = seat.wire.cancel_all_triggers(symbol) if side is None else None
        if request is not None:
            gone = seat.wire.to_triggers(await desk.send(seat, request))
            await asyncio.gather(*(desk.know_origin(seat, trigger) for trigger in gone))
            return [Cleared(trigger.id, Outcome.ACCEPTED.value, trigger) for trigger in gone]
        found = await desk.ask(seat, seat.wire.open_triggers(symbol), Lane.PROTECT)
    except VenueError as error:
        return [Cleared("", outcome_of(error).value, venue=words_of(error))]
    meant = [fact for fact in found if isinstance(fact, Trigger) and side in (None, fact.side)]
    return list(await asyncio.gather(*(cancel_trigger(desk, seat, trigger.id, trigger.symbol) for trigger in meant)))


def facts_of(cleared: Sequence[Cleared]) -> list[Fact]:
    return [one.trigger for one in cleared if one.trigger is not None]
