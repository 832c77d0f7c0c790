"""Reads: orders, fills, positions, triggers and balances of one account, for people.

What is about now is read from the record while a session keeps it true. History, and what is asked for as the venue has
it, comes from the venue; what only we know of it, whose it is and whose child, is added from the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from shared.desk.desk import Desk, Linked, Seat, link
from shared.desk.find import is_live
from shared.errors import BadRequest, GatewayError, UnknownWord, VenueError
from shared.exchanges.base import Ask, Page
from shared.model import TERMINAL, Balance, Fact, Fill, Order, Position, Trigger, plain

OPEN, FINISHED = "open", "finished"
ORDERS_OPEN = frozenset({"open", "partially_filled"})
TRIGGERS_FINISHED = frozenset({"fired", "cancelled", "failed", "expired"})
STATUSES: dict[type[Fact], dict[str, frozenset[str]]] = {
    Order: {OPEN: ORDERS_OPEN, FINISHED: TERMINAL},
    Trigger: {OPEN: frozenset({"open"}), FINISHED: TRIGGERS_FINISHED},
}
"""What may be asked for beside a status itself."""
KINDS: dict[type[Fact], str] = {Order: "order", Trigger: "trigger", Position: "position"}

F = TypeVar("F", Order, Trigger)
T = TypeVar("T", bound=Fact)


class Asked(NamedTuple):
    """Which rows. `fresh` asks the venue even where the record is kept true; `raw` shows its own rows beside."""

    symbol: str | None = None
    status: str | None = None
    limit: int = 100
    offset: int = 0
    raw: bool = False
    fresh: bool = False

    @property
    def page(self) -> Page:
        return Page(self.limit, self.offset)


class Rows(NamedTuple):
    """Some rows, newest first. `next_offset` is None after the last of them; `source` is record or venue."""

    rows: Sequence[Fact]
    source: str
    next_offset: int | None = None

    def to_json(self, name: str) -> bytes:
        return b'{"%b":[%b],"source":"%b","next_offset":%b}' % (
            name.encode(),
            b",".join([fact.to_json() for fact in self.rows]),
            self.source.encode(),
            msgspec.json.encode(self.next_offset),
        )


class Unread(msgspec.Struct, frozen=True):
    """A wallet that these keys may not see, or that the venue did not tell now."""

    wallet: str
    code: str
    message: str


# Lists that have a now and a history.


async def orders(desk: Desk, seat: Seat, asked: Asked) -> Rows:
    return await _listed(desk, seat, asked, Order)


async def triggers(desk: Desk, seat: Seat, asked: Asked) -> Rows:
    return await _listed(desk, seat, asked, Trigger)


def statuses_of(kind: type[Fact], status: str | None) -> frozenset[str]:
    """The statuses that a word means; all of them when there is none."""
    groups = STATUSES[kind]
    every = groups[OPEN] | groups[FINISHED]
    if status is None:
        return every
    wanted = groups.get(status) or frozenset({status}) & every
    if not wanted:
        known = ", ".join(sorted(every | groups.keys()))
        raise BadRequest("no such status", (("status", f"must be one of {known}"),), status=422)
    return wanted


async def _listed(desk: Desk, seat: Seat, asked: Asked, kind: type[F]) -> Rows:
    wanted = statuses_of(kind, asked.status)
    groups = STATUSES[kind]
    if wanted <= groups[OPEN]:
        return await _now(desk, seat, asked, kind, wanted)
    if wanted <= groups[FINISHED]:
        return await _from_venue(desk, seat, asked, kind, FINISHED, wanted)
    if asked.offset:
        problem = "counts the rows of one status; say which"
        raise BadRequest(f"offset {problem}", (("offset", problem),), status=422)
    now: Rows = await _now(desk, seat, asked, kind, groups[OPEN])
    before: Rows = await _from_venue(desk, seat, asked, kind, FINISHED, groups[FINISHED])
    rows = _newest_first([*now.rows, *before.rows])
    return Rows(rows[: asked.limit], before.source)


async def _now(desk: Desk, seat: Seat, asked: Asked, kind: type[F], wanted: frozenset[str]) -> Rows:
    if asked.raw or asked.fresh or not await is_live(desk, seat.owner):
        return await _from_venue(desk, seat, asked, kind, OPEN, wanted)
    rows = [fact for fact in await _recorded(desk, seat, kind, asked.symbol) if fact.status in wanted]
    end = asked.offset + asked.limit
    return Rows(_newest_first(rows)[asked.offset : end], "record", end if len(rows) > end else None)


async def _from_venue(desk: Desk, seat: Seat, asked: Asked, kind: type[F], group: str, wanted: frozenset[str]) -> Rows:
    ask = _ask(seat, asked, kind, group)
    said = [fact for fact in await desk.ask(seat, ask) if isinstance(fact, kind)]
    await _link_all(desk, seat, kind, said)
    rows = [fact if asked.raw else _bare(fact) for fact in said if fact.status in wanted]
    is_last = len(said) < asked.limit
    return Rows(_newest_first(rows), "venue", None if is_last else asked.offset + asked.limit)


def _ask(seat: Seat, asked: Asked, kind: type[Fact], group: str) -> Ask:
    if kind is Trigger:
        return seat.wire.triggers(asked.symbol, group, asked.page)
    return seat.wire.orders(asked.symbol, group, asked.page)


async def _link_all(desk: Desk, seat: Seat, kind: type[F], facts: Sequence[F]) -> None:
    """What only we know of each: from the record, and before that from the intents."""
    known = {fact.key(): fact for fact in await _recorded(desk, seat, kind, None)}
    unseen: list[F] = []
    for fact in facts:
        recorded = known.get(fact.key())
        if recorded is None:
            unseen.append(fact)
            continue
        link(fact, Linked(recorded.origin, recorded.parent_id))
        if isinstance(fact, Order) and isinstance(recorded, Order) and plain(recorded.filled) == plain(fact.filled):
            fact.fee = fact.fee or recorded.fee
    await asyncio.gather(*(desk.know_origin(seat, fact) for fact in unseen))


async def _recorded(desk: Desk, seat: Seat, kind: type[T], symbol: str | None) -> list[T]:
    said = await desk.store.events.records(seat.owner.user_id, KINDS[kind])
    facts = [msgspec.json.decode(row, type=kind) for row in said]
    return [fact for fact in facts if _is_meant(fact, seat.owner.account_id, symbol)]


def _is_meant(fact: Any, account_id: str, symbol: str | None) -> bool:
    return fact.account_id == account_id and symbol in (None, fact.symbol)


def _newest_first(facts: Sequence[Any]) -> list[Any]:
    return sorted(facts, key=lambda fact: (fact.created_at_ms or 0, fact.id), reverse=True)


def _bare(fact: T) -> T:
    return fact if fact.raw is msgspec.UNSET else msgspec.structs.replace(fact, raw=msgspec.UNSET)


# The others.


async def fills(desk: Desk, seat: Seat, asked: Asked, order_id: str | None = None) -> Rows:
    """History, so the venue's."""
    facts = await desk.ask(seat, seat.wire.fills(asked.symbol, order_id, asked.page))
    said = [fact for fact in facts if isinstance(fact, Fill)]
    is_last = len(said) < asked.limit
    rows = [fact if asked.raw else _bare(fact) for fact in said]
    return Rows(rows, "venue", None if is_last else asked.offset + asked.limit)


async def positions(desk: Desk, seat: Seat, asked: Asked) -> Rows:
    """Those that are open. The record has a mark price and an unrealised result only as of the last look."""
    if asked.raw or asked.fresh or not await is_live(desk, seat.owner):
        facts = await desk.ask(seat, seat.wire.positions(asked.symbol))
        held = [fact if asked.raw else _bare(fact) for fact in facts if isinstance(fact, Position)]
        source = "venue"
    else:
        held, source = await _recorded(desk, seat, Position, asked.symbol), "record"
    return Rows([position for position in held if plain(position.size) != "0"], source)


async def balances(desk: Desk, seat: Seat, *, raw: bool = False) -> tuple[list[Balance], list[Unread]]:
    """By wallet, as the venue says now: a session follows only what moves. Raises when no wallet could be read."""
    asks = seat.wire.balances()
    told = await asyncio.gather(*(_wallet(desk, seat, ask) for ask in asks.values()))
    found = [fact if raw else _bare(fact) for part in told if not isinstance(part, GatewayError) for fact in part]
    wrong = [(wallet, part) for wallet, part in zip(asks, told, strict=True) if isinstance(part, GatewayError)]
    if wrong and len(wrong) == len(asks):
        raise wrong[0][1]
    return found, [_unread(wallet, error) for wallet, error in wrong]


async def _wallet(desk: Desk, seat: Seat, ask: Ask) -> list[Balance] | GatewayError:
    try:
        return [fact for fact in await desk.ask(seat, ask) if isinstance(fact, Balance)]
    except VenueError as error:
        return [] if ask.absent(error) else error
    except UnknownWord as error:
        return error


def _unread(wallet: str, error: GatewayError) -> Unread:
    if isinstance(error, VenueError):
        return Unread(wallet, error.venue_code, error.venue_message)
    return Unread(wallet, error.code, str(error))
