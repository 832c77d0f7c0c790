"""Batch: many orders in one request, each with an intent, a client order id and an outcome of its own.

What is refused before sending holds up nobody. A lost answer makes every order of that request unknown, and each is
found again by its own client order id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from shared.desk.desk import Desk, Seat
from shared.desk.mode import PLAIN, Manner
from shared.desk.once import attempts_of, begin_once
from shared.desk.outcome import Answer
from shared.desk.place import (
    check_time_left,
    conclude_error,
    conclude_order,
    intents_of,
    manner_for,
    request_of,
    settle_leverage,
    unknown_body,
)
from shared.desk.protect import attached_now
from shared.desk.wish import LeverageWish, Wish, to_place
from shared.errors import BadRequest, Conflict, GatewayError, VenueError
from shared.exchanges.base import Guards
from shared.model import Order
from shared.store.intents import Intent


@dataclass(frozen=True, slots=True)
class _Item:
    """One order that is to be sent: where it stands in the answer, and its intent."""

    index: int
    wish: Wish
    intent: Intent
    manner: Manner = PLAIN


async def place_batch(desk: Desk, seat: Seat, wishes: Sequence[Wish], keys: Sequence[str | None]) -> list[Answer]:
    """An answer for each wish, in their order."""
    answers: dict[int, Answer] = {}
    own = [wish.client_order_id for wish in wishes]
    is_again = [name is not None and name in own[:index] for index, name in enumerate(own)]
    begun = await asyncio.gather(
        *(_begin(desk, seat, *asked) for asked in zip(wishes, keys, is_again, strict=True)), return_exceptions=True
    )
    items: list[_Item] = []
    for index, said in enumerate(begun):
        if isinstance(said, Intent):
            items.append(_Item(index, wishes[index], said))
        elif isinstance(said, Answer):
            answers[index] = said
        elif isinstance(said, GatewayError):
            answers[index] = Answer.rejected(said)
        else:
            raise said
    ready = await _settle(desk, seat, items, answers)
    most = seat.venue.limits.batch_place_max
    parts = [ready[start : start + most] for start in range(0, len(ready), most)]
    for told in await asyncio.gather(*(_send(desk, seat, part) for part in parts)):
        answers |= told
    return [answers[index] for index in range(len(wishes))]


async def _begin(desk: Desk, seat: Seat, wish: Wish, key: str | None, is_again: bool) -> Intent | Answer:
    """The intent, written down, or how its key ended before. Raises what is refused before that."""
    if is_again:
        problem = "names another order of this batch already"
        raise BadRequest(f"client_order_id {problem}", (("client_order_id", problem),), status=422)
    used_key = key or wish.client_order_id or uuid4().hex
    make = intents_of(desk, seat, wish, used_key)
    request_of(seat, wish, make(0))
    attempts = attempts_of(wish.client_order_id)
    return await begin_once(desk, used_key, make, lambda intent: unknown_body(wish, intent), attempts)


async def _settle(desk: Desk, seat: Seat, items: list[_Item], answers: dict[int, Answer]) -> list[_Item]:
    """Leverage first, one after another: two orders of one request cannot want two of the same instrument."""
    settled: dict[str, LeverageWish] = {}
    ready: list[_Item] = []
    for item in items:
        try:
            manner = await manner_for(desk, seat, item.wish)
            await _settle_one(desk, seat, item.wish, settled)
            check_time_left(desk, seat, item.intent)
        except (VenueError, BadRequest, Conflict) as error:
            answers[item.index] = await conclude_error(desk, item.wish, item.intent, error)
        else:
            ready.append(replace(item, manner=manner))
    return ready


async def _settle_one(desk: Desk, seat: Seat, wish: Wish, settled: dict[str, LeverageWish]) -> None:
    if wish.leverage is None or wish.reduce_only:
        return
    if settled.setdefault(wish.symbol, wish.leverage) != wish.leverage:
        raise Conflict(f"another order of this batch wants another leverage for {wish.symbol}")
    await settle_leverage(desk, seat, wish)


async def _send(desk: Desk, seat: Seat, items: Sequence[_Item]) -> dict[int, Answer]:
    orders = [to_place(item.wish, item.intent.id, *item.manner) for item in items]
    expires_at_ms = min(item.intent.expires_at_ms or 0 for item in items)
    try:
        reply = await desk.send(seat, seat.wire.place_batch(orders, expires_at_ms))
        said = seat.wire.to_placed(reply, orders)
    except VenueError as error:
        said = [error] * len(items)
    told = await asyncio.gather(*(_conclude(desk, seat, item, one) for item, one in zip(items, said, strict=True)))
    return {item.index: answer for item, answer in zip(items, told, strict=True)}


async def _conclude(desk: Desk, seat: Seat, item: _Item, said: Order | VenueError) -> Answer:
    if isinstance(said, VenueError):
        return await conclude_error(desk, item.wish, item.intent, said)
    order, told = (said, Guards()) if said.is_final() else await attached_now(desk, seat, item.wish, said)
    return await conclude_order(desk, seat, item.wish, item.intent, order, told, b"null", None, item.manner)
