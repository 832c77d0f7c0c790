"""Resync: all that the venue's REST says of an account, as facts for the record to merge.

Absence from a list ends nothing: each order and trigger that we knew to be open and no list showed is asked for by
itself, and only a definite answer ends it. What was known is read from the record after the lists were, so that nothing
that was placed meanwhile is taken for missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec

from shared.errors import VenueError
from shared.exchanges.base import Ask, Wire
from shared.model import TERMINAL, Balance, Fact, Fill, Order, Position, Times, Trigger, plain, text
from shared.store.events import Snapshot

T = TypeVar("T", Position, Balance)
Put = Callable[[Ask], Awaitable[list[Fact]]]
"""Puts a question to the venue."""


class Known(NamedTuple):
    """What the record has of one account."""

    orders: list[Order | Trigger]
    positions: list[Position]
    balances: list[Balance]


def known_of(snapshot: Snapshot, account_id: str) -> Known:
    orders: list[Order | Trigger] = [_ORDER.decode(said) for said in snapshot.records["order"]]
    orders += [_TRIGGER.decode(said) for said in snapshot.records["trigger"]]
    positions = [_POSITION.decode(said) for said in snapshot.records["position"]]
    balances = [_BALANCE.decode(said) for said in snapshot.records["balance"]]
    return Known(
        [fact for fact in orders if fact.account_id == account_id],
        [fact for fact in positions if fact.account_id == account_id],
        [fact for fact in balances if fact.account_id == account_id],
    )


def is_at_stake(snapshot: Snapshot, recent_ms: int) -> bool:
    """Is there an open order or trigger, a position, or an order that moved since then?"""
    orders = [_ORDER.decode(said) for said in snapshot.records["order"]]
    return (
        any(order.status not in TERMINAL or (order.times.recorded or 0) > recent_ms for order in orders)
        or any(_TRIGGER.decode(said).status == "open" for said in snapshot.records["trigger"])
        or any(plain(_POSITION.decode(said).size) != "0" for said in snapshot.records["position"])
    )


async def read_all(
    wire: Wire, put: Put, recall: Callable[[], Awaitable[Known]], since_ms: int, now_ms: Callable[[], int]
) -> list[Fact]:
    """Everything that could have changed since then, oldest first. Raises what any of the questions does."""
    facts: list[Fact] = []
    asks, asked_at_ms = wire.snapshot(since_ms), now_ms()
    for answer in await asyncio.gather(*map(put, asks), return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
        facts.extend(answer)
    known = await recall()
    shown = {(fact.kind, fact.key()) for fact in facts}
    for fact in known.orders:
        if not fact.is_final() and (fact.kind, fact.key()) not in shown:
            facts.extend(await _ask_one(wire, put, fact, now_ms))
    facts.extend(flat_now(facts, _before(known.positions, asked_at_ms), now_ms()))
    wallets = {ask.whole_wallet for ask in asks}
    told = [balance for balance in known.balances if balance.wallet in wallets]
    facts.extend(nothing_now(facts, _before(told, asked_at_ms)))
    return sorted(with_known_fees(facts, known.orders), key=_venue_time)


async def _ask_one(wire: Wire, put: Put, known: Order | Trigger, now_ms: Callable[[], int]) -> list[Fact]:
    ask = wire.trigger(known.id) if isinstance(known, Trigger) else wire.order(known.symbol, known.id)
    try:
        return await put(ask)
    except VenueError as error:
        if not ask.absent(error):
            raise
    if isinstance(known, Order):
        gone = wire.order_gone(known, now_ms())
        return [gone] if gone is not None else []
    return [msgspec.structs.replace(known, status="cancelled", reason="gone", updated_at_ms=now_ms())]


def with_known_fees(facts: list[Fact], known: list[Order | Trigger]) -> list[Fact]:
    """A venue's order list may not tell fees: what was known for the same fills stays, and fills tell their own."""
    fees = {(order.id, plain(order.filled)): order.fee for order in known if isinstance(order, Order) and order.fee}
    fills: dict[str, tuple[Decimal, Decimal]] = {}
    for fact in facts:
        if isinstance(fact, Fill) and fact.fee is not None:
            size, fee = fills.get(fact.order_id, (Decimal(0), Decimal(0)))
            fills[fact.order_id] = size + Decimal(fact.size), fee + Decimal(fact.fee)
    fees |= {(order_id, plain(text(size))): text(fee) for order_id, (size, fee) in fills.items()}
    for fact in facts:
        if isinstance(fact, Order) and fact.fee is None:
            fact.fee = fees.get((fact.id, plain(fact.filled)))
    return facts


def flat_now(facts: list[Fact], held: list[Position], at_ms: int) -> list[Fact]:
    """Positions that we knew and that the venue's whole list of positions does not show: they are no more."""
    shown = {fact.key() for fact in facts if isinstance(fact, Position)}
    return [
        msgspec.structs.replace(
            position, size="0", side=None, entry_price=None, liquidation_price=None, unrealised_pnl=None,
            updated_at_ms=at_ms, times=Times(at_ms, at_ms),
        )
        for position in held
        if plain(position.size) != "0" and position.key() not in shown
    ]  # fmt: skip


def nothing_now(facts: list[Fact], told: list[Balance]) -> list[Fact]:
    """Assets that we knew and that the whole list of their wallet does not show: there is nothing of them any more.

    Dated just after what was known, so that anything that the venue says later counts for more.
    """
    shown = {fact.key() for fact in facts if isinstance(fact, Balance)}
    return [
        msgspec.structs.replace(
            balance, total="0", available="0", frozen="0", updated_at_ms=(balance.updated_at_ms or 0) + 1,
        )
        for balance in told
        if balance.key() not in shown and any(plain(said) not in ("", "0") for said in _amounts(balance))
    ]  # fmt: skip


def _amounts(balance: Balance) -> tuple[str | None, ...]:
    return balance.total, balance.available, balance.frozen


def _before(known: list[T], asked_at_ms: int) -> list[T]:
    """What was told while the lists were on their way is newer than they are."""
    return [fact for fact in known if (fact.times.recorded or 0) < asked_at_ms]


def _venue_time(fact: Fact) -> int:
    times = getattr(fact, "times", None)
    return (times.venue or 0) if times is not None else 0


_ORDER = msgspec.json.Decoder(Order)
_TRIGGER = msgspec.json.Decoder(Trigger)
_POSITION = msgspec.json.Decoder(Position)
_BALANCE = msgspec.json.Decoder(Balance)
