"""The house: a seeded market maker that keeps prices moving and lets reasonable market orders fill.

A step moves the middle by at most `STEP_MAX`, so with one step each `STEP_MS` a minute cannot exceed 2.4 %. The house
quotes around the middle and only ever takes a user's resting order when the middle has reached its price.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from shared.paper.accounts import Account
from shared.paper.candles import Candles
from shared.paper.engine import Engine
from shared.paper.facts import Fact, Traded
from shared.paper.listing import Listing
from shared.paper.orders import Order, OrderRequest, Tif

STEP_MS = 500
STEP_MAX = 0.0002
STEP_USUAL = 0.00012
PULL = 0.002
"""How much of the way back to its anchor the price goes in a step, on average."""

LEVELS = 14
WALLS = ((Decimal("0.003"), 200), (Decimal("0.006"), 400), (Decimal("0.01"), 900), (Decimal("0.02"), 900))
"""Far quotes: how far from the middle, and how many times a usual level's size."""
LEVEL_WORTH_USDT = 5_000


@dataclass(slots=True)
class Quote:
    """What the house does in one contract."""

    listing: Listing
    middle: Decimal
    anchor: Decimal
    is_held: bool = False
    orders: list[Order] = field(default_factory=list)


class Market:
    """The house's quotes in every contract, and the candles that its trades and everybody's make."""

    def __init__(self, engine: Engine, *, seed: int, now_ms: int, lead: Market | None = None) -> None:
        """With a `lead`, every price goes where the lead's first market of the same coin goes."""
        self.engine, self.lead = engine, lead
        self.house: Account = engine.open_account("house", "house", 0, is_house=True)
        self.quotes = {n: Quote(each, each.last, each.last) for n, each in engine.listings.items()}
        self._random = random.Random(seed)  # noqa: S311 - prices, not secrets
        self.candles = {
            name: Candles(quote.middle, quote.listing.contract.multiplier, now_ms, self._random)
            for name, quote in self.quotes.items()
        }
        engine.listen(self._on_fact)
        for quote in self.quotes.values():
            self._requote(quote, now_ms)

    def step(self, now_ms: int) -> None:
        """Move every market that is not held by a little."""
        for quote in self.quotes.values():
            if quote.is_held:
                self._requote(quote, now_ms)
                self._show(quote, now_ms)
            else:
                self._move(quote, self._next_middle(quote), now_ms, sweep_all=False)
        self.engine.triggers.expire(now_ms)
        self.engine.funding.run(now_ms)

    def set_price(self, name: str, price: Decimal, now_ms: int, *, hold: bool) -> Decimal:
        """Move a market at once, through every resting order on the way; answers the price that it now has."""
        quote = self.quotes[name]
        quote.listing.pinned.clear()
        quote.anchor, quote.is_held = quote.listing.contract.to_tick(price), hold
        self._move(quote, quote.anchor, now_ms, sweep_all=True)
        return quote.anchor

    def pin(self, name: str, kind: str, price: Decimal, now_ms: int) -> Decimal:
        """Put the mark or the index price somewhere, whatever is traded; moving the market sets it free again."""
        quote = self.quotes[name]
        pinned = quote.listing.pinned[kind] = quote.listing.contract.to_tick(price)
        self.engine.reprice(name, quote.middle, now_ms)
        return pinned

    def _next_middle(self, quote: Quote) -> Decimal:
        contract = quote.listing.contract
        leader = self.lead.of_coin(contract.base) if self.lead else None
        if leader is not None:
            return contract.to_tick(leader.middle)
        pull = float((quote.anchor - quote.middle) / quote.middle) * PULL
        step = max(-STEP_MAX, min(STEP_MAX, self._random.uniform(-STEP_USUAL, STEP_USUAL) + pull))
        return max(contract.tick * 100, contract.to_tick(quote.middle * (1 + Decimal(repr(step)))))

    def of_coin(self, base: str) -> Quote | None:
        """The first market of a coin."""
        return next((each for each in self.quotes.values() if each.listing.contract.base == base), None)

    def _move(self, quote: Quote, middle: Decimal, now_ms: int, *, sweep_all: bool) -> None:
        listing = quote.listing
        self._withdraw(quote, now_ms)
        quote.middle = middle
        self._sweep(listing, middle, now_ms, sweep_all=sweep_all)
        self._requote(quote, now_ms)
        self._show(quote, now_ms)

    def _show(self, quote: Quote, now_ms: int) -> None:
        """Let the world see a trade at the middle, and let the engine act on it."""
        name = quote.listing.contract.name
        self.engine.print_trade(name, self._flow(quote.listing), quote.middle, now_ms)
        self.engine.reprice(name, quote.middle, now_ms)

    def _sweep(self, listing: Listing, middle: Decimal, now_ms: int, *, sweep_all: bool) -> None:
        """Trade with every order the price has reached; a usual step reaches for a level's worth only."""
        for is_buy in (True, False):
            side = listing.book.opposite(is_buy=is_buy)
            size = side.within(middle, Decimal(10**12))
            if not sweep_all:
                size = min(size, self._level_size(listing))
            if size:
                self._place(listing, size if is_buy else -size, middle, Tif.IOC, now_ms)

    def _requote(self, quote: Quote, now_ms: int) -> None:
        self._withdraw(quote, now_ms)
        listing = quote.listing
        for offset, size in self._ladder(listing, quote.middle):
            for is_buy in (True, False):
                price = quote.middle - offset if is_buy else quote.middle + offset
                if price > 0:
                    order = self._place(listing, size if is_buy else -size, price, Tif.POST, now_ms)
                    if order is not None:
                        quote.orders.append(order)

    def _withdraw(self, quote: Quote, now_ms: int) -> None:
        for order in quote.orders:
            self.engine.cancel(order, now_ms)
        quote.orders.clear()

    def _ladder(self, listing: Listing, middle: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Distance from the middle and size of each quote, nearest first."""
        contract = listing.contract
        gap = max(contract.tick, contract.to_tick(middle * Decimal("0.00003")))
        near = [(contract.tick + gap * (i * (i + 1) // 2), self._level_size(listing)) for i in range(LEVELS)]
        usual = self._level_size(listing)
        return near + [(contract.to_tick(middle * part), usual * times) for part, times in WALLS]

    def _level_size(self, listing: Listing) -> Decimal:
        worth = Decimal(self._random.randint(LEVEL_WORTH_USDT // 2, LEVEL_WORTH_USDT * 2))
        contract = listing.contract
        steps = worth / contract.value(contract.size_step, listing.mark)
        return max(Decimal(1), steps.quantize(Decimal(1))) * contract.size_step

    def _flow(self, listing: Listing) -> Decimal:
        step = listing.contract.size_step
        size = max(Decimal(1), (self._level_size(listing) / 20 / step).quantize(Decimal(1))) * step
        return size if self._random.random() < 0.5 else -size

    def _place(self, listing: Listing, size: Decimal, price: Decimal, tif: Tif, now_ms: int) -> Order | None:
        # The house may quote a wall larger than a user's largest order: it is many traders in one.
        parts = OrderRequest(listing.contract.name, size, price, tif, "house")
        placed = self.engine.place_for_house(self.house, parts, now_ms)
        return placed if placed is not None and (placed.is_open or tif is Tif.IOC) else None

    def _on_fact(self, fact: Fact) -> None:
        if isinstance(fact, Traded):
            worth = abs(fact.contract.value(fact.size, fact.price))
            self.candles[fact.contract.name].count(fact.price, abs(fact.size), worth, fact.time_ms)
