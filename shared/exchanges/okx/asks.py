"""Asks: every question about one account, and how its answer reads as facts.

Lists are paged by the last id that was shown. What people ask for is put together from as many lists as the venue
keeps it in: finished orders by kind of instrument, algo orders by kind and by how they ended. A row that says something
new is an unknown word; an answer that cannot be read at all leaves us not knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from shared.errors import UnknownWord
from shared.exchanges.base import REPLACED, Ask, NotShown, Page, PlaceOrder, Reply, Request
from shared.exchanges.okx import (
    ALGO_ENDS,
    ALGO_KINDS,
    API,
    FILLS_MS,
    HISTORY_MS,
    NAME,
    ORDER_TYPES,
    PAGE,
    convert,
    rows,
    triggers,
)
from shared.exchanges.okx.frames import Frames
from shared.exchanges.okx.names import checked_id, is_pair, trigger_parts
from shared.exchanges.okx.numbers import ms_of
from shared.exchanges.okx.refusals import is_absent
from shared.exchanges.okx.replies import Readable, first, raw_rows, row, unreadable
from shared.exchanges.okx.wishes import Query, needed, word
from shared.model import Fact, Order, Owner, Times

ToFacts = Callable[[Any, Owner, int], list[Fact]]
STATUSES = {"open": "open", "finished": "finished"}


class Kind(NamedTuple):
    """Rows of one kind: what each becomes, and the id that pages go by."""

    row: msgspec.json.Decoder[Any]
    to_facts: ToFacts
    cursor: str


def _alone(to_fact: Callable[[Any, Owner, int], Fact]) -> ToFacts:
    return lambda said, owner, received_at_ms: [to_fact(said, owner, received_at_ms)]


ORDERS = Kind(rows.ORDER, _alone(convert.to_order), "ordId")
FILLS = Kind(rows.FILL, _alone(convert.to_fill), "billId")
POSITIONS = Kind(rows.POSITION, _alone(convert.to_position), "")
ALGOS = Kind(rows.ALGO, lambda said, owner, at_ms: [*triggers.to_triggers(said, owner, at_ms)], "algoId")


class Listed(NamedTuple):
    """One of the venue's lists."""

    name: str
    query: Query


class Asks(Frames):
    """One account at OKX, asked over REST."""

    # What a resync asks.

    def snapshot(self, since_ms: int) -> list[Ask]:
        """Finished orders are found by when they were placed: an older one that ended since is asked for by its id."""
        return [
            self._list(Listed("trade/orders-pending", ()), ORDERS),
            *(self._finished(kind, since_ms) for kind in ORDER_TYPES),
            self._fills_since(since_ms),
            self.open_triggers(None),
            *(self._ended_triggers(kind, end, since_ms) for kind in ALGO_KINDS for end in ALGO_ENDS),
            self.positions(),
            Ask(_get("account/balance"), self._trading, whole_wallet=convert.TRADING),
            Ask(_get("asset/balances"), self._funding, whole_wallet=convert.FUNDING),
        ]

    def positions(self, symbol: str | None = None) -> Ask:
        """Those that are more than nothing; the venue shows no others."""
        return Ask(_get("account/positions", _instrument(symbol)), lambda reply: self._read(POSITIONS, reply))

    def order(self, symbol: str | None, order_id: str | None, client_order_id: str | None = None) -> Ask:
        named = ("ordId", order_id) if order_id is not None else ("clOrdId", client_order_id or "")
        checked_id("order_id", named[1])
        request = _get("trade/order", (("instId", needed(symbol)), named))
        return Ask(request, lambda reply: [self.to_order(reply)], absent=is_absent)

    def order_gone(self, known: Order, at_ms: int) -> Order | None:
        """OKX forgets an order that ended without a fill after two hours, and none that is open or was filled.

        So this must be asked only after all fills were merged into `known`: then nothing more can have happened to it.
        """
        if known.is_final():
            return None
        times = Times(at_ms, at_ms, known.times.recorded)
        return msgspec.structs.replace(known, status="cancelled", cause="gone", updated_at_ms=at_ms, times=times)

    def open_triggers(self, symbol: str | None) -> Ask:
        plan = tuple(
            Listed("trade/orders-algo-pending", (("ordType", kind), *_instrument(symbol))) for kind in ALGO_KINDS
        )
        return self._lists(plan, ALGOS)

    def trigger(self, trigger_id: str) -> Ask:
        algo_id, half = trigger_parts(trigger_id)

        def read_one(reply: Reply) -> list[Fact]:
            said = first(rows.ALGO, reply)
            facts = triggers.to_triggers(said, self.owner, reply.received_at_ms)
            if facts and trigger_id not in [fact.id for fact in facts]:
                # It was one price of two, or is now: what it was called by is no more.
                reason = REPLACED if half in (None, "sl" if said.slTriggerPx else "tp") else None
                facts.append(msgspec.structs.replace(facts[0], id=trigger_id, status="cancelled", reason=reason))
            return [*facts]

        return Ask(_get("trade/order-algo", (("algoId", algo_id),)), read_one, absent=is_absent)

    def _finished(self, kind: str, since_ms: int) -> Ask:
        query = (("instType", kind), ("begin", str(since_ms)))
        archive = Listed("trade/orders-history-archive", query)
        return self._list(Listed("trade/orders-history", query), ORDERS, older=(since_ms, HISTORY_MS, (archive,)))

    def _fills_since(self, since_ms: int) -> Ask:
        begin = ("begin", str(since_ms))
        archives = tuple(Listed("trade/fills-history", (("instType", kind), begin)) for kind in ORDER_TYPES)
        return self._list(Listed("trade/fills", (begin,)), FILLS, older=(since_ms, FILLS_MS, archives))

    def _ended_triggers(self, kind: str, end: str, since_ms: int) -> Ask:
        """One page: those that ended while nobody looked. Older ones are known, or asked for one by one."""

        def read_page(reply: Reply) -> list[Fact]:
            return [fact for fact in self._read(ALGOS, reply) if (getattr(fact, "updated_at_ms", 0) or 0) >= since_ms]

        return Ask(_get("trade/orders-algo-history", (("ordType", kind), ("state", end), _limit(PAGE))), read_page)

    # What people ask.

    def orders(self, symbol: str | None, status: str, page: Page) -> Ask:
        if word("status", STATUSES, status) == "open":
            return self._gather((Listed("trade/orders-pending", _instrument(symbol)),), ORDERS, page)
        plan = tuple(
            Listed("trade/orders-history", (("instType", kind), *_instrument(symbol))) for kind in _types_of(symbol)
        )
        return self._gather(plan, ORDERS, page)

    def fills(self, symbol: str | None, order_id: str | None, page: Page) -> Ask:
        """The list of the last days is fresh, the one behind it goes further back."""
        query = _instrument(symbol)
        if order_id is not None:
            query = (*query, ("ordId", checked_id("order_id", order_id)))
        archives = (Listed("trade/fills-history", (("instType", kind), *query)) for kind in _types_of(symbol))
        return self._gather((Listed("trade/fills", query), *archives), FILLS, page)

    def triggers(self, symbol: str | None, status: str, page: Page) -> Ask:
        ends: tuple[Query, ...] = ((),)
        name = "trade/orders-algo-pending"
        if word("status", STATUSES, status) == "finished":
            name, ends = "trade/orders-algo-history", tuple((("state", end),) for end in ALGO_ENDS)
        query = _instrument(symbol)
        plan = tuple(Listed(name, (("ordType", kind), *end, *query)) for kind in ALGO_KINDS for end in ends)
        return self._gather(plan, ALGOS, page)

    def balances(self) -> Mapping[str, Ask]:
        return {
            convert.TRADING: Ask(_get("account/balance"), self._trading_shown),
            convert.FUNDING: Ask(_get("asset/balances"), self._funding_shown),
        }

    # The pages of a list.

    def _list(
        self,
        listed: Listed,
        kind: Kind,
        after: str | None = None,
        then: tuple[Listed, ...] = (),
        older: tuple[int, int, tuple[Listed, ...]] | None = None,
    ) -> Ask:
        """Page after page, `then` other lists. `older` is what to ask too when the first list does not go so far back:
        from when, how far it goes by the time of the answer, and the lists that go further."""

        def next_page(reply: Reply) -> Ask | None:
            said = raw_rows(reply)
            if len(said) >= PAGE:
                return self._list(listed, kind, _cursor(kind, said[-1]), then, older)
            if older is not None and reply.received_at_ms - older[0] > older[1]:
                return self._list(older[2][0], kind, None, older[2][1:])
            return self._list(then[0], kind, None, then[1:]) if then else None

        request = _get(listed.name, (*listed.query, _limit(PAGE), *_after(after)))
        return Ask(request, lambda reply: self._read(kind, reply), next_page)

    def _lists(self, plan: tuple[Listed, ...], kind: Kind) -> Ask:
        return self._list(plan[0], kind, None, plan[1:])

    def _gather(
        self,
        plan: tuple[Listed, ...],
        kind: Kind,
        page: Page,
        gathered: tuple[Fact, ...] = (),
        after: str | None = None,
        had: int = 0,
    ) -> Ask:
        """So many of several lists together, newest first. Each is read far enough to have its share of them; all are
        told with the last answer."""
        wanted = page.offset + page.limit
        count = max(1, min(wanted - had, PAGE))

        def so_far(reply: Reply) -> tuple[Fact, ...]:
            return (*gathered, *self._shown(kind, reply))

        def next_page(reply: Reply) -> Ask | None:
            said = raw_rows(reply)
            if len(said) >= count and had + count < wanted:
                return self._gather(plan, kind, page, so_far(reply), _cursor(kind, said[-1]), had + count)
            return self._gather(plan[1:], kind, page, so_far(reply)) if len(plan) > 1 else None

        def read_page(reply: Reply) -> list[Fact]:
            if next_page(reply) is not None:
                return []
            told = {fact.key(): fact for fact in reversed(so_far(reply))}
            return sorted(told.values(), key=_began_ms, reverse=True)[page.offset : wanted]

        request = _get(plan[0].name, (*plan[0].query, _limit(count), *_after(after)))
        return Ask(request, read_page, next_page)

    # The rows of a reply.

    def to_order(self, reply: Reply, placed: PlaceOrder | None = None) -> Order:
        """The order that a reply shows. An answer to a command only names it: with what was `placed` that is enough."""
        said = raw_rows(reply)
        if not said:
            raise unreadable("the answer is empty")
        try:
            item = rows.ITEM.decode(said[0])
            if rows.STATED.decode(said[0]).state:
                return convert.to_order(rows.ORDER.decode(said[0]), self.owner, reply.received_at_ms)
            if placed is not None and item.ordId:
                at_ms = ms_of(item.ts) or reply.received_at_ms
                return convert.placed_order(item.ordId, placed, at_ms, self.owner, reply.received_at_ms)
        except (UnknownWord, *Readable) as error:
            raise unreadable(str(error)) from None
        raise NotShown(NAME, item.ordId or None, item.clOrdId or None)

    def _read(self, kind: Kind, reply: Reply) -> list[Fact]:
        facts: list[Fact] = []
        for raw in raw_rows(reply):
            facts += self._facts_of(kind, raw, reply.received_at_ms)
        return facts

    def _shown(self, kind: Kind, reply: Reply) -> list[Fact]:
        """Each with its row beside it."""
        facts: list[Fact] = []
        for raw in raw_rows(reply):
            for fact in self._facts_of(kind, raw, reply.received_at_ms):
                fact.raw = raw
                facts.append(fact)
        return facts

    def _facts_of(self, kind: Kind, raw: msgspec.Raw, received_at_ms: int) -> list[Fact]:
        said = row(kind.row, raw)
        try:
            return kind.to_facts(said, self.owner, received_at_ms)
        except Readable as error:
            raise UnknownWord(NAME, "row", error) from None

    # Balances.

    def _trading_shown(self, reply: Reply) -> list[Fact]:
        account, facts = first(rows.ACCOUNT, reply), list[Fact]()
        for raw in account.details:
            fact = convert.from_asset(row(rows.ASSET, raw), account, self.owner, reply.received_at_ms)
            fact.raw = raw
            facts.append(fact)
        return facts

    def _trading(self, reply: Reply) -> list[Fact]:
        at_ms = ms_of(first(rows.ACCOUNT, reply).uTime) or reply.received_at_ms
        return self.picture.whole(convert.TRADING, _without_raw(self._trading_shown(reply)), at_ms)

    def _funding_shown(self, reply: Reply) -> list[Fact]:
        facts: list[Fact] = []
        for raw in raw_rows(reply):
            fact = convert.from_funding(row(rows.FUNDING, raw), self.owner, reply.received_at_ms)
            fact.raw = raw
            facts.append(fact)
        return facts

    def _funding(self, reply: Reply) -> list[Fact]:
        return self.picture.whole(convert.FUNDING, _without_raw(self._funding_shown(reply)), reply.received_at_ms)


def _get(name: str, query: Query = ()) -> Request:
    return Request("GET", f"{API}/{name}", query)


def _instrument(symbol: str | None) -> Query:
    return () if symbol is None else (("instId", symbol),)


def _types_of(symbol: str | None) -> tuple[str, ...]:
    """The kinds of instruments that a name may stand for: a pair is traded with and without margin."""
    if symbol is None:
        return ORDER_TYPES
    if is_pair(symbol):
        return ("SPOT", "MARGIN")
    return ("SWAP",) if symbol.endswith("-SWAP") else ("FUTURES",)


def _limit(count: int) -> tuple[str, str]:
    return "limit", str(count)


def _after(cursor: str | None) -> Query:
    return () if cursor is None else (("after", cursor),)


def _cursor(kind: Kind, raw: msgspec.Raw) -> str:
    return str(getattr(row(kind.row, raw), kind.cursor))


def _without_raw(facts: list[Fact]) -> list[Fact]:
    for fact in facts:
        fact.raw = msgspec.UNSET
    return facts


def _began_ms(fact: Fact) -> int:
    """When an order, trigger or fill began to be: lists are by that."""
    return getattr(fact, "created_at_ms", None) or getattr(fact, "at_ms", None) or 0
