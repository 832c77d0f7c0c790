"""Asks: every question about one account, and how its answer reads as facts.

A list is asked page after page. For people there is one page, and each fact has the venue's own row beside it. A row
that says something new is an unknown word; an answer that cannot be read at all leaves us not knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from shared.errors import UnknownWord
from shared.exchanges.base import Ask, Page, PlaceOrder, Reply, Request
from shared.exchanges.gate import FUTURES, NAME, PAGE, convert, rows, triggers
from shared.exchanges.gate.frames import Frames
from shared.exchanges.gate.names import checked_id
from shared.exchanges.gate.numbers import ms_of
from shared.exchanges.gate.refusals import is_absent, is_no_wallet
from shared.exchanges.gate.replies import Readable, read, unreadable, venue_ms
from shared.exchanges.gate.wishes import Query, from_contract, from_status
from shared.model import Fact, Order, Owner, Times, Trigger

T = TypeVar("T")
F = TypeVar("F", bound=Fact)
Read = Callable[[Reply], list[Fact]]


class Kind(NamedTuple):
    """Rows of one kind, and what each becomes."""

    many: msgspec.json.Decoder[list[Any]]
    to_fact: Callable[[Any, Owner, int], Fact]


ORDERS = Kind(rows.ORDERS, convert.to_order)
FILLS = Kind(rows.FILLS, convert.to_fill)
POSITIONS = Kind(rows.POSITIONS, convert.to_position)
TRIGGERS = Kind(rows.TRIGGERS, triggers.to_trigger)


class Asks(Frames):
    """One account at Gate, asked over REST."""

    # What a resync asks.

    def snapshot(self, since_ms: int) -> list[Ask]:
        since = str(since_ms // 1000)
        return [
            self._list("orders", (("status", "open"),), self._read(ORDERS)),
            self._list("orders_timerange", (("from", since),), self._read(ORDERS)),
            self._list("my_trades_timerange", (("from", since),), self._read(FILLS)),
            self.open_triggers(None),
            self._ended_triggers(since_ms),
            self.positions(),
            Ask(Request("GET", f"{FUTURES}/accounts"), self._account),
        ]

    def positions(self, symbol: str | None = None) -> Ask:
        """The list, for one contract too: it has both sides in hedge mode, and an empty answer where there is none."""

        def read_page(reply: Reply) -> list[Fact]:
            shown = self._shown(POSITIONS, reply)
            return [fact for fact in shown if symbol is None or getattr(fact, "symbol", None) == symbol]

        return self._list("positions", (), read_page)

    def order(self, symbol: str | None, order_id: str | None, client_order_id: str | None = None) -> Ask:
        name = checked_id("order_id", order_id or client_order_id or "")
        return Ask(Request("GET", f"{FUTURES}/orders/{name}"), lambda reply: [self.to_order(reply)], absent=is_absent)

    def order_gone(self, known: Order, at_ms: int) -> Order | None:
        """Gate forgets an order that ended without a fill after ten minutes, and never one that is open or was filled.

        So this must be asked only after all fills were merged into `known`: then nothing more can have happened to it.
        """
        if known.is_final():
            return None
        times = Times(at_ms, at_ms, known.times.recorded)
        return msgspec.structs.replace(known, status="cancelled", cause="gone", updated_at_ms=at_ms, times=times)

    def open_triggers(self, symbol: str | None) -> Ask:
        return self._list("price_orders", (*from_status("open"), *from_contract(symbol)), self._triggers)

    def _ended_triggers(self, since_ms: int) -> Ask:
        """One page: those that ended while nobody looked. Older ones are known, or asked for one by one."""

        def read_page(reply: Reply) -> list[Fact]:
            facts = self._many(rows.TRIGGERS, triggers.to_trigger, reply)
            return [fact for fact in facts if (fact.updated_at_ms or 0) >= since_ms]

        return Ask(_get("price_orders", (*from_status("finished"), *_paged(PAGE, 0))), read_page)

    def trigger(self, trigger_id: str) -> Ask:
        path = f"{FUTURES}/price_orders/{checked_id('trigger_id', trigger_id)}"

        def read_one(reply: Reply) -> list[Fact]:
            return [triggers.as_of(self._one(rows.TRIGGER, triggers.to_trigger, reply), told_at_ms(reply))]

        return Ask(Request("GET", path), read_one, absent=is_absent)

    # What people ask.

    def orders(self, symbol: str | None, status: str, page: Page) -> Ask:
        return self._page("orders", (*from_status(status), *from_contract(symbol)), ORDERS, page)

    def fills(self, symbol: str | None, order_id: str | None, page: Page) -> Ask:
        order = () if order_id is None else (("order", checked_id("order_id", order_id)),)
        return self._page("my_trades", (*from_contract(symbol), *order), FILLS, page)

    def triggers(self, symbol: str | None, status: str, page: Page) -> Ask:
        return self._page("price_orders", (*from_status(status), *from_contract(symbol)), TRIGGERS, page)

    def balances(self) -> Mapping[str, Ask]:
        return {
            "futures": Ask(Request("GET", f"{FUTURES}/accounts"), self._account_shown, absent=is_no_wallet),
            "spot": Ask(Request("GET", "/spot/accounts"), self._spot, absent=is_no_wallet),
            "unified": Ask(Request("GET", "/unified/accounts"), self._unified, absent=is_no_wallet),
        }

    # The pages of a list.

    def _list(self, name: str, query: Query, read_page: Read, offset: int = 0) -> Ask:
        def next_page(reply: Reply) -> Ask | None:
            if len(read(rows.RAW_ROWS, reply)) < PAGE:
                return None
            return self._list(name, query, read_page, offset + PAGE)

        return Ask(_get(name, (*query, *_paged(PAGE, offset))), read_page, next_page)

    def _page(self, name: str, query: Query, kind: Kind, page: Page) -> Ask:
        """So many rows of a list; the venue gives a hundred of them at a time."""
        count = min(page.limit, PAGE)

        def next_page(reply: Reply) -> Ask | None:
            if page.limit <= count or len(read(rows.RAW_ROWS, reply)) < count:
                return None
            return self._page(name, query, kind, Page(page.limit - count, page.offset + count))

        request = _get(name, (*query, *_paged(count, page.offset)))
        return Ask(request, lambda reply: self._shown(kind, reply), next_page)

    # The rows of a reply.

    def to_order(self, reply: Reply, placed: PlaceOrder | None = None) -> Order:
        """Every reply shows it whole."""
        return self._one(rows.ORDER, convert.to_order, reply)

    def _one(self, row: msgspec.json.Decoder[T], to_fact: Callable[[T, Owner, int], F], reply: Reply) -> F:
        """It may be the answer to a command: when it cannot be read, what became of the command is not known."""
        try:
            return to_fact(row.decode(reply.body), self.owner, reply.received_at_ms)
        except (UnknownWord, *Readable) as error:
            raise unreadable(str(error)) from None

    def _many(
        self, many: msgspec.json.Decoder[list[T]], to_fact: Callable[[T, Owner, int], F], reply: Reply
    ) -> list[F]:
        said = read(many, reply)
        try:
            return [to_fact(row, self.owner, reply.received_at_ms) for row in said]
        except Readable as error:
            raise UnknownWord(NAME, "row", error) from None

    def _read(self, kind: Kind) -> Read:
        return lambda reply: self._many(kind.many, kind.to_fact, reply)

    def _triggers(self, reply: Reply) -> list[Fact]:
        at_ms = told_at_ms(reply)
        return [triggers.as_of(trigger, at_ms) for trigger in self._many(rows.TRIGGERS, triggers.to_trigger, reply)]

    def _shown(self, kind: Kind, reply: Reply) -> list[Fact]:
        """Each with its row beside it, newest first."""
        facts = self._many(kind.many, kind.to_fact, reply)
        said = read(rows.RAW_ROWS, reply)
        for fact, raw in zip(facts, said, strict=True):
            fact.raw = raw
            if isinstance(fact, Trigger):
                triggers.as_of(fact, told_at_ms(reply))
        return sorted(facts, key=_began_ms, reverse=True)

    # Balances.

    def _account(self, reply: Reply) -> list[Fact]:
        def to_fact(row: rows.AccountRow, owner: Owner, received_at_ms: int) -> Fact:
            return convert.from_account(row, owner, received_at_ms, venue_ms(reply))

        return [self._one(rows.ACCOUNT, to_fact, reply)]

    def _account_shown(self, reply: Reply) -> list[Fact]:
        facts = self._account(reply)
        facts[0].raw = msgspec.Raw(reply.body)
        return facts

    def _spot(self, reply: Reply) -> list[Fact]:
        at_ms, facts = told_at_ms(reply), list[Fact]()
        said = read(rows.RAW_ROWS, reply)
        for raw in said:
            fact = convert.from_spot(_row(rows.SPOT, raw), self.owner, reply.received_at_ms, at_ms)
            fact.raw = raw
            facts.append(fact)
        return facts

    def _unified(self, reply: Reply) -> list[Fact]:
        said, facts = read(rows.UNIFIED_ACCOUNT, reply), list[Fact]()
        at_ms = ms_of(said.refresh_time) or told_at_ms(reply)
        for currency, raw in said.balances.items():
            row = _row(rows.UNIFIED, raw)
            fact = convert.from_unified(currency, row, self.owner, reply.received_at_ms, at_ms)
            fact.raw = raw
            facts.append(fact)
        return facts


def told_at_ms(reply: Reply) -> int:
    """When the venue told it: by its own clock where it says so."""
    return venue_ms(reply) or reply.received_at_ms


def _get(name: str, query: Query) -> Request:
    return Request("GET", f"{FUTURES}/{name}", query)


def _paged(limit: int, offset: int) -> Query:
    return ("limit", str(limit)), ("offset", str(offset))


def _row(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw) -> T:
    try:
        return decoder.decode(raw)
    except Readable as error:
        raise UnknownWord(NAME, "row", error) from None


def _began_ms(fact: Fact) -> int:
    """When an order, trigger or fill began to be: lists are by that."""
    return getattr(fact, "created_at_ms", None) or getattr(fact, "at_ms", None) or 0
