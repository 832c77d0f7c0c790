"""Algos: orders that wait for a price in one, two or moving places, by themselves or attached to another order.

One with two places fires once; the other place goes with it. What is attached to an order lives in that order until it
has filled as a whole, and from then on by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from shared.paper.accounts import Position
from shared.paper.facts import TriggerChanged
from shared.paper.numbers import floor_to
from shared.paper.orders import ZERO, Order, Refusal, Tif
from shared.paper.trigger_queue import TriggerQueue
from shared.paper.triggers import Trigger, Triggers
from shared.paper.wallets import AlgoTerms, CoinAccount, Instrument, LegTerms, UnifiedRequest

if TYPE_CHECKING:
    from shared.paper.listing import Listing
    from shared.paper.unified import UnifiedEngine

TAKE_PROFIT, STOP_LOSS, TRIGGER, TRAIL = "tp", "sl", "trigger", "trail"


@dataclass(slots=True, eq=False)
class Leg:
    """One place where a living algo fires."""

    algo: Algo
    terms: LegTerms
    rises: bool
    version: int
    """Of its algo when it was set; an amended leg is another leg."""

    @property
    def id(self) -> int:
        """Of its algo."""
        return self.algo.id

    @property
    def status(self) -> str:
        """Of its algo."""
        return self.algo.status if self in self.algo.legs else "replaced"

    @property
    def price(self) -> Decimal:
        """Where it fires."""
        return self.terms.price

    @property
    def price_kind(self) -> str:
        """The price that it watches."""
        return self.terms.price_kind


@dataclass(slots=True, eq=False)
class Algo(Trigger):
    """An order that waits in one or more places; `price` and the like are those of the first."""

    terms: AlgoTerms = field(default_factory=lambda: AlgoTerms(0))
    legs: list[Leg] = field(default_factory=list)
    text: str = ""
    closes_all: bool = False
    """Whether its size is that of the position when it fires."""
    is_bound: bool = False
    """Whether it goes when the position goes."""
    fired: Leg | None = None
    is_active: bool = True
    extreme: Decimal = ZERO
    updated_ms: int = 0
    amend_text: str = ""
    orders: list[Order] = field(default_factory=list)

    @property
    def is_buy(self) -> bool:
        """Which way its order goes."""
        return self.request.size > 0

    @property
    def move_price(self) -> Decimal:
        """Where a trailing one fires as things stand; 0 before it follows."""
        if not self.terms.is_trailing or not self.is_active or not self.extreme:
            return ZERO
        away = self.terms.callback_spread or self.extreme * (self.terms.callback_ratio or ZERO)
        return self.contract.to_tick(self.extreme + away if self.is_buy else self.extreme - away)


class Algos(Triggers):
    """All that wait for a price at a unified engine."""

    engine: UnifiedEngine

    def __init__(self, engine: UnifiedEngine, *, id_first: int) -> None:
        super().__init__(engine, id_first=id_first)
        self._queues: dict[str, TriggerQueue[Leg]] = {name: TriggerQueue() for name in engine.listings}
        self._trailing: dict[str, dict[int, Algo]] = {name: {} for name in engine.listings}
        self._is_settling = False
        self._fires: Algo | None = None

    # ---- set, amend, end

    def make(
        self, account: CoinAccount, request: UnifiedRequest, terms: AlgoTerms, kind: str, now_ms: int,
        *, closes_all: bool = False, is_bound: bool = False,
    ) -> Algo:  # fmt: skip
        """An algo that waits from now on."""
        listing = self.engine.listings[request.contract]
        first = terms.legs[0] if terms.legs else LegTerms(TRAIL, terms.active_price or ZERO)
        algo = Algo(
            terms.id, account, listing.contract, request, first.price, first.price_kind,
            self._rises(listing, request, first), now_ms, order_type=kind, terms=terms, text=terms.text,
            closes_all=closes_all, is_bound=is_bound, updated_ms=now_ms,
        )  # fmt: skip
        if terms.is_trailing:
            self._trail(listing, algo)
        account.triggers[algo.id] = algo
        if is_bound:
            account.guards[algo.id] = algo
        self._arm(listing, algo)
        self.engine.tell(TriggerChanged(algo, now_ms))
        return algo

    def change(self, algo: Algo, request: UnifiedRequest, terms: AlgoTerms, amend_text: str, now_ms: int) -> None:
        """Let a waiting algo wait elsewhere, or be another order when it fires."""
        algo.request, algo.terms, algo.amend_text, algo.updated_ms = request, terms, amend_text, now_ms
        algo.version += 1
        listing = self.engine.listings[algo.contract.name]
        if terms.legs:
            algo.price, algo.price_kind = terms.legs[0].price, terms.legs[0].price_kind
        self._arm(listing, algo)
        self.engine.tell(TriggerChanged(algo, now_ms))

    def _arm(self, listing: Listing, algo: Algo) -> None:
        assert isinstance(algo.request, UnifiedRequest)
        algo.legs = [
            Leg(algo, each, self._rises(listing, algo.request, each), algo.version) for each in algo.terms.legs
        ]
        for leg in algo.legs:
            self._queues[algo.contract.name].add(leg)

    @staticmethod
    def _rises(listing: Listing, request: UnifiedRequest, leg: LegTerms) -> bool:
        """Profit is taken beyond the price that is meant, a loss is stopped before it, others wait where they are."""
        if leg.name in (TAKE_PROFIT, STOP_LOSS):
            return (request.size < 0) == (leg.name == TAKE_PROFIT)
        return leg.price >= listing.price(leg.price_kind)

    def _trail(self, listing: Listing, algo: Algo) -> None:
        algo.is_active = algo.terms.active_price is None
        algo.extreme = listing.last if algo.is_active else ZERO
        self._trailing[algo.contract.name][algo.id] = algo

    def end(self, trigger: Trigger, finish_as: str, now_ms: int, reason: str = "") -> bool:
        """Finish a waiting algo; false when it has ended already."""
        self._trailing[trigger.contract.name].pop(trigger.id, None)
        if isinstance(trigger, Algo) and trigger.is_waiting:
            trigger.updated_ms = now_ms
        return super().end(trigger, finish_as, now_ms, reason)

    # ---- those that belong to an order

    def attach(self, order: Order, now_ms: int) -> None:
        """Nothing yet: what is attached stays in its order until that has filled."""

    def spawn(self, order: Order, attached: tuple[AlgoTerms, ...], now_ms: int) -> None:
        """Let what was attached to an order live by itself."""
        assert isinstance(order.account, CoinAccount) and isinstance(order.request, UnifiedRequest)
        for terms in attached:
            contract = order.contract
            is_spot = isinstance(contract, Instrument) and contract.is_spot
            kind = "move_order_stop" if terms.is_trailing else "oco" if len(terms.legs) > 1 else "conditional"
            request = replace(
                order.request, size=-order.size, price=ZERO, tif=Tif.IOC, text="", reduce_only=not is_spot,
                quote_size=None, attached=(), said=self.engine.describe(order, terms, kind),
            )  # fmt: skip
            self.make(order.account, request, terms, kind, now_ms, is_bound=not is_spot)

    def drop_guards(self, position: Position, now_ms: int) -> None:
        """A position that is gone takes with it what was bound to it."""
        for algo in list(position.account.guards.values()):
            request = algo.request
            if algo is self._fires or algo.contract is not position.contract:
                continue
            if isinstance(request, UnifiedRequest) and request.mode == position.mode:
                self.end(algo, "cancelled", now_ms, "position_closed")

    # ---- firing

    def settle(self, now_ms: int) -> None:
        """Fire algos until none is due. An order that one of them places may make the next one due."""
        if self._is_settling:
            return
        self._is_settling = True
        try:
            for algo, leg in self._due_now():
                self._fire_algo(algo, leg, now_ms)
        finally:
            self._is_settling, self._fires = False, None

    def _due_now(self) -> Iterator[tuple[Algo, Leg | None]]:
        found = True
        while found:
            found = False
            for name, listing in self.engine.listings.items():
                leg = self._queues[name].pop_due(listing.price)
                if leg is not None:
                    found = True
                    yield leg.algo, leg
                for algo in list(self._trailing[name].values()):
                    if algo.is_waiting and _follow(algo, listing.last):
                        found = True
                        yield algo, None

    def _fire_algo(self, algo: Algo, leg: Leg | None, now_ms: int) -> None:
        assert isinstance(algo.request, UnifiedRequest)
        self._fires, algo.fired = algo, leg
        price = leg.terms.order_price if leg else ZERO
        tif = algo.request.tif if price else Tif.IOC
        request = replace(algo.request, price=price, tif=tif, size=self._size_now(algo))
        placed = self.engine.place(algo.account, request, now_ms)
        if isinstance(placed, Refusal):
            self.end(algo, "failed", now_ms, placed.why.value)
            return
        algo.order_id = placed.id
        algo.orders.append(placed)
        self.end(algo, "succeeded", now_ms)

    def _size_now(self, algo: Algo) -> Decimal:
        """What is ordered, cut to what there is to close or to sell."""
        request, contract, account = algo.request, algo.contract, algo.account
        assert isinstance(request, UnifiedRequest) and isinstance(account, CoinAccount)
        if isinstance(contract, Instrument) and contract.is_spot:
            if request.size > 0:
                return request.size
            free = floor_to(max(ZERO, account.free(contract.base, self.engine.marks())), contract.size_step)
            return max(request.size, -free) if free else request.size
        held = account.held(contract, request.mode)
        if algo.closes_all:
            return -held if held else request.size
        if not request.reduce_only or not held or (held > 0) == (request.size > 0):
            return request.size
        return request.size if abs(request.size) <= abs(held) else -held


def _follow(algo: Algo, last: Decimal) -> bool:
    """Let a trailing algo see the last price; whether it fires."""
    if not algo.is_active:
        assert algo.terms.active_price is not None
        algo.is_active = last <= algo.terms.active_price if algo.is_buy else last >= algo.terms.active_price
        algo.extreme = last if algo.is_active else ZERO
        return False
    algo.extreme = min(algo.extreme, last) if algo.is_buy else max(algo.extreme, last)
    return last >= algo.move_price if algo.is_buy else last <= algo.move_price
