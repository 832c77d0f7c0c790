"""An engine with one wallet for everything: coins, spot markets, and contracts held cross and isolated side by side.

It differs from the plain engine where a venue with such wallets does: an order is told before it trades and after each
trade, one that may not rest or may not take is accepted and then cancelled, and what protects it waits in it until it
has filled as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from shared.paper.accounts import Account, Position
from shared.paper.admission import check_holding, opening_margin
from shared.paper.algos import Algos
from shared.paper.engine import Engine
from shared.paper.facts import BalanceChanged
from shared.paper.liquidation import Liquidations
from shared.paper.matching import Matching
from shared.paper.orders import ZERO, Order, OrderRequest, Refusal, Tif, Why
from shared.paper.spot import Spot
from shared.paper.wallets import USDT, AlgoTerms, CoinAccount, Instrument, UnifiedRequest

if TYPE_CHECKING:
    from shared.paper.facts import Traded
    from shared.paper.listing import Listing

ORDER_ID_FIRST = 3_917_088_694_739_136_513
ALGO_ID_FIRST = 3_917_099_000_000_000_001


class UnifiedMatching(Matching):
    """Tells each step of an order by itself."""

    engine: UnifiedEngine

    def run(self, listing: Listing, order: Order, now_ms: int, *, is_amended: bool = False) -> None:
        """Trade what can be traded and rest what may rest; who may not is cancelled, not refused."""
        opposite = listing.book.opposite(is_buy=order.is_buy)
        if order.tif is Tif.POST and opposite.prices and opposite.is_reached_by(order.price, opposite.best_price):
            self.engine.finish(order, Tif.POST.value, now_ms)
            return
        limit = order.price or listing.market_bound(is_buy=order.is_buy, slip=order.request.slip)
        if order.tif is Tif.FOK and opposite.within(limit, abs(order.left)) < abs(order.left):
            self._announce(order, rests=False)
            self.engine.finish(order, Tif.FOK.value, now_ms)
            return
        super().run(listing, order, now_ms, is_amended=is_amended)

    def _announce(self, order: Order, *, rests: bool) -> None:
        self.engine.tell_order(order, "_new")

    def _trade(self, listing: Listing, taker: Order, maker: Order, size: Decimal, now_ms: int) -> None:
        side, is_refilled = listing.book.side_of(maker), maker.is_refilled
        traded = self.exchange(listing, taker, maker, size, maker.price, now_ms, is_hidden=is_refilled)
        side.take(maker, size)
        if taker.left:
            self.engine.tell_order(taker, "_fill")
        if maker.left:
            self.engine.tell_order(maker, "_fill")
        else:
            side.remove(maker)
            self.engine.finish(maker, "filled", now_ms)
        self.engine.tell(traded)

    def _conclude(
        self, listing: Listing, order: Order, why: str, now_ms: int, *, rests: bool, has_traded: bool
    ) -> None:
        super()._conclude(listing, order, why, now_ms, rests=rests, has_traded=False)  # each trade has been told

    def _fill(self, listing: Listing, order: Order, size: Decimal, traded: Traded, role: str, rate: Decimal) -> None:
        if listing.contract.is_spot:  # type: ignore[attr-defined]  # every contract of this engine is an Instrument
            self.engine.spot.fill(listing, order, size, traded, role, rate)
        else:
            super()._fill(listing, order, size, traded, role, rate)


class UnifiedLiquidations(Liquidations):
    """Knows which of an account's positions is meant."""

    def closing_request(self, position: Position) -> OrderRequest:
        """The order that takes a position away."""
        return UnifiedRequest(
            position.contract.name, -position.size, tif=Tif.IOC, text="", is_liquidation=True, mode=position.mode
        )


class UnifiedEngine(Engine):
    """Everything that is traded from wallets of coins."""

    def __init__(self, contracts: tuple[Instrument, ...], *, born_s: int = 0) -> None:
        super().__init__(contracts, born_s=born_s)
        self.spot = Spot(self)
        self.matching = UnifiedMatching(self)
        self.liquidations = UnifiedLiquidations(self)
        self.algos = Algos(self, id_first=ALGO_ID_FIRST + born_s * 10_000)
        self.triggers = self.algos
        self.coin_fees: dict[str, Decimal] = {}
        self.describe: Callable[[Order, AlgoTerms, str], Any] = lambda order, terms, kind: None
        """What a door wants to find again on an order that was attached to another, by what kind of algo it became."""
        self._order_ids = count(ORDER_ID_FIRST + born_s * 10_000)

    def open_account(self, uid: str, venue: str, number: int, *, is_house: bool = False) -> CoinAccount:
        """A new, empty wallet; an account never trades with itself."""
        account = CoinAccount(uid, venue, number, is_house, changes_first=self.born_s * 100)
        self.accounts.append(account)
        if is_house:
            self.house = account
        else:
            account.stp_group = number
        return account

    def move(self, account: Account, coin: str, change: Decimal, kind: str, now_ms: int, trade_id: int = 0) -> None:
        """Move a currency into a wallet, or out of it."""
        assert isinstance(account, CoinAccount)
        account.moved_ms[coin] = now_ms
        if coin == USDT:
            self.pay(account, change, kind, "-", now_ms, trade_id)
            return
        account.coins[coin] = account.coins.get(coin, ZERO) + change
        if change and not account.is_house:
            self.tell(BalanceChanged(account, change, kind, "-", now_ms, trade_id, coin))

    def pay(self, account: Account, change: Decimal, kind: str, text: str, now_ms: int, trade_id: int = 0) -> None:
        """Move USDT into a wallet, or out of it."""
        if isinstance(account, CoinAccount) and change:
            account.moved_ms[USDT] = now_ms
        super().pay(account, change, kind, text, now_ms, trade_id)

    # ---- orders

    def _accept(self, account: Account, listing: Listing, request: OrderRequest, now_ms: int) -> Order | Refusal:
        contract = listing.contract
        assert isinstance(account, CoinAccount) and isinstance(contract, Instrument)
        asked = request if isinstance(request, UnifiedRequest) else None
        if asked is None:
            return Refusal(Why.NO_POSITION)
        if contract.is_spot:
            return self.spot.accept(account, listing, asked, now_ms)
        position, needed = account.position(contract, asked.mode), ZERO
        if not asked.is_liquidation:
            wrong = self._check(listing, position, asked)
            if wrong:
                return wrong
            if not asked.reduce_only:
                needed = opening_margin(position, listing, asked.size, asked.price)
        if needed:
            wrong = check_holding(account, listing, position, needed, asked.size, asked, self.available(account))
            if wrong:
                return wrong
        return self.keep(position, asked, asked.size, now_ms, needed=needed)

    def keep(
        self, position: Position, request: UnifiedRequest, size: Decimal, now_ms: int, *, needed: Decimal = ZERO
    ) -> Order:
        """An order, numbered, kept, and found by its client's own id."""
        order = self.new_order(position, request, size, now_ms, reduce_only=request.reduce_only, needed=needed)
        if request.text and not order.account.is_house:
            order.account.by_text[request.text] = order
        return order

    def _check(self, listing: Listing, position: Position, asked: UnifiedRequest) -> Refusal | None:
        wrong = self.check_terms(listing, asked.size, asked.price)
        if wrong:
            return wrong
        if asked.reduce_only:
            return _check_reduces(position, asked.size)
        if len(position.account.open_for(listing.contract)) >= listing.contract.orders_max:
            return Refusal(Why.TOO_MANY_ORDERS)
        return None

    @staticmethod
    def check_terms(listing: Listing, size: Decimal, price: Decimal) -> Refusal | None:
        """What is wrong with an order's size and price, whatever else it is."""
        contract = listing.contract
        assert isinstance(contract, Instrument)
        if not size or abs(size) < contract.size_min:
            return Refusal(Why.SIZE_TOO_SMALL, f"{contract.size_min}")
        if size % contract.size_step:
            return Refusal(Why.SIZE, f"{contract.size_step}")
        if abs(size) > (contract.size_max if price else contract.size_max_market):
            return Refusal(Why.SIZE_TOO_LARGE, f"{contract.size_max}")
        if price < 0 or price % contract.tick:
            return Refusal(Why.PRICE, f"{price}")
        most, least = price_band(listing)
        if price and size > 0 and price > most:
            return Refusal(Why.PRICE_TOO_HIGH, f"{most}")
        if price and size < 0 and price < least:
            return Refusal(Why.PRICE_TOO_LOW, f"{least}")
        return None

    def amend(
        self, order: Order, size: Decimal | None, price: Decimal | None, amend_text: str, now_ms: int
    ) -> Refusal | None:
        """Change a resting order; one that has filled as much as it may still be is filled."""
        if not order.is_open:
            return Refusal(Why.NOT_OPEN)
        listing = self.listings[order.contract.name]
        new_size, new_price = order.size if size is None else size, order.price if price is None else price
        order.amend_text = amend_text
        if order.filled and abs(new_size) <= order.filled:
            listing.book.side_of(order).remove(order)
            order.size, order.left = order.size - order.left, ZERO
            self.finish(order, "filled", now_ms)
            return None
        wrong = self.check_terms(listing, new_size, new_price) or self._check_change(
            listing, order, new_size, new_price
        )
        if wrong:
            return wrong
        if (new_size, new_price) == (order.size, order.price):
            order.updated_ms = now_ms
            self.tell_order(order, "_update")
        else:
            self._change(listing, order, new_size, new_price, now_ms)
        self.triggers.settle(now_ms)
        return None

    def _check_change(self, listing: Listing, order: Order, size: Decimal, price: Decimal) -> Refusal | None:
        opposite = listing.book.opposite(is_buy=order.is_buy)
        if order.tif is Tif.POST and opposite.prices and opposite.is_reached_by(price, opposite.best_price):
            return Refusal(Why.POST_WOULD_TAKE)
        assert isinstance(order.account, CoinAccount) and isinstance(order.contract, Instrument)
        if order.contract.is_spot:
            return self.spot.check_change(order, size, price)
        if order.reduce_only:
            held = order.account.position(order.contract, order.mode).size
            return Refusal(Why.REDUCES_TOO_MUCH) if abs(size) - order.filled > abs(held) else None
        return self._check_amend(listing, order, size, price)

    def finish(self, order: Order, why: str, now_ms: int) -> None:
        """End an order and tell it; one that has filled as a whole lets go of what was attached to it."""
        super().finish(order, why, now_ms)
        request = order.request
        if why == "filled" and isinstance(request, UnifiedRequest) and request.attached:
            self.algos.spawn(order, request.attached, now_ms)

    def set_attached(self, order: Order, attached: tuple[AlgoTerms, ...], *, is_told: bool) -> None:
        """Change what is attached to a resting order; its own time of change stays."""
        assert isinstance(order.request, UnifiedRequest)
        order.request = replace(order.request, attached=attached)
        if is_told:
            self.tell_order(order, "_update")


def price_band(listing: Listing) -> tuple[Decimal, Decimal]:
    """The highest price that a buyer and the lowest that a seller may name."""
    contract = listing.contract
    part = contract.price_deviate
    return contract.to_tick(listing.mark * (1 + part)), contract.to_tick(listing.mark * (1 - part))


def _check_reduces(position: Position, size: Decimal) -> Refusal | None:
    held = position.size
    if not held:
        return Refusal(Why.NO_POSITION)
    if (held > 0) == (size > 0):
        return Refusal(Why.WOULD_INCREASE)
    if abs(size) > abs(held):
        return Refusal(Why.REDUCES_TOO_MUCH, f"{abs(held)}")
    return None
