"""Spot: coins change hands for money at once. What an order will need is locked while it rests; fees are taken from
what is received."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.paper.facts import Filled
from shared.paper.numbers import floor_to
from shared.paper.orders import ZERO, Fill, Order, Refusal, Why

if TYPE_CHECKING:
    from shared.paper.facts import Traded
    from shared.paper.listing import Listing
    from shared.paper.unified import UnifiedEngine
    from shared.paper.wallets import CoinAccount, UnifiedRequest


class Spot:
    """What is different about the spot markets of a unified engine."""

    def __init__(self, engine: UnifiedEngine) -> None:
        self.engine = engine

    def accept(self, account: CoinAccount, listing: Listing, asked: UnifiedRequest, now_ms: int) -> Order | Refusal:
        """An order that the account can pay for."""
        size = asked.size if asked.quote_size is None else self._to_coins(listing, asked)
        wrong = self.engine.check_terms(listing, size, asked.price)
        if wrong:
            return wrong
        needed = self.cost(listing, size, asked.price) if size > 0 else -size
        if needed > account.free(self._spends(listing, size), self.engine.marks()):
            return Refusal(Why.MARGIN, self._spends(listing, size))
        if len(account.open_for(listing.contract)) >= listing.contract.orders_max:
            return Refusal(Why.TOO_MANY_ORDERS)
        return self.engine.keep(account.position(listing.contract, asked.mode), asked, size, now_ms)

    def _spends(self, listing: Listing, size: Decimal) -> str:
        return listing.contract.quote if size > 0 else listing.contract.base  # type: ignore[attr-defined]  # likewise

    def cost(self, listing: Listing, size: Decimal, price: Decimal) -> Decimal:
        """What buying this much takes: at its own price, or through the book when it has none."""
        if price:
            return size * price
        left, worth = size, ZERO
        for level, waiting in listing.book.asks.walk():
            taken = min(left, waiting)
            left, worth = left - taken, worth + taken * level
            if not left:
                break
        return worth + left * listing.market_bound(is_buy=True)

    def _to_coins(self, listing: Listing, asked: UnifiedRequest) -> Decimal:
        """The coins that a sum of money buys, or that have to be sold for it, as the book stands."""
        is_buy = asked.size > 0
        left, coins = asked.quote_size or ZERO, ZERO
        bound = listing.market_bound(is_buy=is_buy)
        side = listing.book.opposite(is_buy=is_buy)
        for level, waiting in side.walk():
            if not side.is_reached_by(bound, level):
                break
            taken = min(left / level, waiting)
            coins, left = coins + taken, left - taken * level
            if left <= 0:
                break
        coins = floor_to(coins + max(left, ZERO) / bound, listing.contract.size_step)
        return coins if is_buy else -coins

    def check_change(self, order: Order, size: Decimal, price: Decimal) -> Refusal | None:
        """Whether the account can pay for what an amendment adds."""
        left = abs(size) - order.filled
        more = left * price - order.left * order.price if order.is_buy else left + order.left
        listing = self.engine.listings[order.contract.name]
        coin = self._spends(listing, order.size)
        free = order.account.free(coin, self.engine.marks())  # type: ignore[attr-defined]  # all have coins here
        return Refusal(Why.MARGIN, coin) if more > free else None

    def fill(self, listing: Listing, order: Order, size: Decimal, traded: Traded, role: str, rate: Decimal) -> None:
        """Let one side of a trade have its coins and its money."""
        contract, account = listing.contract, order.account
        value = abs(size) * traded.price
        base, quote = contract.base, contract.quote  # type: ignore[attr-defined]  # an Instrument
        got, gave = ((base, abs(size)), (quote, value)) if size > 0 else ((quote, value), (base, abs(size)))
        fee = ZERO if account.is_house else got[1] * rate
        order.left -= size
        order.filled_value += value
        order.fee += fee
        order.role, order.updated_ms = role, traded.time_ms
        self.engine.coin_fees[got[0]] = self.engine.coin_fees.get(got[0], ZERO) + fee
        if not account.is_house:
            fill = Fill(traded.id, order, size, ZERO, traded.price, role, fee, traded.time_ms)
            order.fills.append(fill)
            account.fills.append(fill)
            self.engine.tell(Filled(fill))
        self.engine.move(account, gave[0], -gave[1], "trade", traded.time_ms, traded.id)
        self.engine.move(account, got[0], got[1] - fee, "trade", traded.time_ms, traded.id)
