"""The matching engine: price-time priority, margin, fees, positions; no I/O, and the time is an argument.

Whatever happens is told to listeners at once and in order. Money is never made or lost: every trade moves it between
two accounts, and what leaves them as fees or as unpaid losses is kept in `fees` and `insurance`. Matching, triggers,
liquidation and funding have a file each; they meet here.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count

from shared.paper.accounts import SINGLE, Account, Position
from shared.paper.admission import check_attached, check_holding, check_kind, check_terms, opening_margin, to_size
from shared.paper.contracts import Contract
from shared.paper.facts import BalanceChanged, Fact, OrderChanged, Traded
from shared.paper.funding import Funding
from shared.paper.liquidation import Liquidations
from shared.paper.listing import Listing
from shared.paper.matching import Matching
from shared.paper.orders import ZERO, Order, OrderRequest, Refusal, Tif, Why
from shared.paper.triggers import TRIGGER_ID_FIRST, Triggers

ORDER_ID_FIRST = 58_828_270_140_012_001
"""Above 2^53, so that whoever passes an id through a float gets another one back."""
TRADE_ID_FIRST = 60_117_338


class Engine:
    """Everything that is traded, and everybody who trades."""

    def __init__(self, contracts: tuple[Contract, ...], *, born_s: int = 0) -> None:
        """`born_s` lets every numbering begin beyond where an exchange that was born earlier can have come."""
        self.born_s = born_s
        self.listings = {contract.name: Listing(contract, TRADE_ID_FIRST + born_s * 1_000) for contract in contracts}
        self.accounts: list[Account] = []
        self.house: Account | None = None
        self.fees = ZERO
        self.insurance = ZERO
        self.matching = Matching(self)
        self.triggers = Triggers(self, id_first=TRIGGER_ID_FIRST + born_s * 1_000)
        self.liquidations = Liquidations(self)
        self.funding = Funding(self)
        self._listeners: list[Callable[[Fact], None]] = []
        self._order_ids = count(ORDER_ID_FIRST + born_s * 10_000)

    # ---- who listens, who trades

    def listen(self, listener: Callable[[Fact], None]) -> None:
        """Tell this function every fact from now on."""
        self._listeners.append(listener)

    def tell(self, fact: Fact) -> None:
        """Tell all listeners."""
        for listener in self._listeners:
            listener(fact)

    def open_account(self, uid: str, venue: str, number: int, *, is_house: bool = False) -> Account:
        """A new, empty wallet."""
        account = Account(uid, venue, number, is_house, changes_first=self.born_s * 100)
        self.accounts.append(account)
        if is_house:
            self.house = account
        return account

    def pay(self, account: Account, change: Decimal, kind: str, text: str, now_ms: int, trade_id: int = 0) -> None:
        """Move money into a wallet, or out of it."""
        if not change:
            return
        account.balance += change
        account.totals[kind] += change
        account.update_id += 1
        if not account.is_house:
            self.tell(BalanceChanged(account, change, kind, text, now_ms, trade_id))

    def marks(self) -> dict[str, Decimal]:
        """Every contract's mark price."""
        return {name: listing.mark for name, listing in self.listings.items()}

    def available(self, account: Account) -> Decimal:
        """What an account may bind in a new order."""
        return account.available(self.marks())

    # ---- orders

    def place(self, account: Account, request: OrderRequest, now_ms: int) -> Order | Refusal:
        """Accept an order, trade what can be traded and rest what may rest."""
        listing = self.listings[request.contract]
        accepted = self._accept(account, listing, request, now_ms)
        if isinstance(accepted, Order):
            self.triggers.attach(accepted, now_ms)
            self.matching.run(listing, accepted, now_ms)
            self.triggers.settle(now_ms)
        return accepted

    def place_for_house(self, house: Account, request: OrderRequest, now_ms: int) -> Order | None:
        """Place an order of the house: no limits of size, price or margin. None when a quote would trade at once."""
        listing = self.listings[request.contract]
        if request.tif is Tif.POST and check_kind(listing, request.size, request, request.price):
            return None
        order = Order(
            next(self._order_ids), house, listing.contract, request, request.size, request.size, request.price, False,
            SINGLE, Decimal(1), True, now_ms, now_ms,
        )  # fmt: skip
        self.matching.run(listing, order, now_ms)
        return order

    def new_order(
        self, position: Position, request: OrderRequest, size: Decimal, now_ms: int, *, reduce_only: bool,
        needed: Decimal = ZERO,
    ) -> Order:  # fmt: skip
        """An order of a position's account, numbered and kept; nothing has happened to it yet."""
        account = position.account
        order = Order(
            next(self._order_ids), account, position.contract, request, size, size, request.price, reduce_only,
            position.mode, position.leverage, position.is_cross, now_ms, now_ms,
            unit_margin=round(needed / abs(size), 12),
            iceberg=request.iceberg if request.iceberg < abs(size) else ZERO,
        )  # fmt: skip
        if not account.is_house:
            account.orders[order.id] = order
            if order.text.startswith("t-"):
                account.by_text[order.text] = order
        return order

    def cancel(self, order: Order, now_ms: int, why: str = "cancelled") -> bool:
        """End a resting order; false when it has ended already."""
        if not order.is_open:
            return False
        self.listings[order.contract.name].book.side_of(order).remove(order)
        self.finish(order, why, now_ms)
        return True

    def amend(
        self, order: Order, size: Decimal | None, price: Decimal | None, amend_text: str, now_ms: int
    ) -> Refusal | None:
        """Change a resting order. Only a smaller size at the same price keeps its place."""
        listing = self.listings[order.contract.name]
        if not order.is_open:
            return Refusal(Why.NOT_OPEN)
        new_size = order.size if size is None else size
        new_price = order.price if price is None else price
        if (new_size, new_price) == (order.size, order.price):
            return Refusal(Why.NO_CHANGE)
        wrong = check_terms(listing, new_size, new_price) or self._check_amend(listing, order, new_size, new_price)
        if wrong:
            return wrong
        order.amend_text = amend_text
        if abs(new_size) <= order.filled:
            self.cancel(order, now_ms)
            return None
        self._change(listing, order, new_size, new_price, now_ms)
        self.triggers.settle(now_ms)
        return None

    def _change(self, listing: Listing, order: Order, size: Decimal, price: Decimal, now_ms: int) -> None:
        side, left = listing.book.side_of(order), size - (order.size - order.left)
        order.updated_ms = now_ms
        if price == order.price and abs(size) < abs(order.size):
            side.shrink(order, left)
            order.size = size
            self.tell_order(order, "_update")
            return
        side.remove(order)
        order.account.open_orders.pop(order.id, None)
        order.size, order.left, order.price = size, left, price
        self.tell_order(order, "_update")
        self.matching.run(listing, order, now_ms, is_amended=True)

    def _accept(self, account: Account, listing: Listing, request: OrderRequest, now_ms: int) -> Order | Refusal:
        contract = listing.contract
        size, mode, reduces, refusal = to_size(account, contract, request)
        if not refusal and not request.is_liquidation:
            refusal = (
                check_terms(listing, size, request.price)
                or check_kind(listing, size, request, request.price)
                or check_attached(listing, size, request)
            )
        if refusal:
            return refusal
        position = account.position(contract, mode)
        needed = ZERO if reduces else opening_margin(position, listing, size, request.price)
        if request.tif in (Tif.GTC, Tif.POST) and len(account.open_for(contract)) >= contract.orders_max:
            return Refusal(Why.TOO_MANY_ORDERS)
        if needed:
            refusal = check_holding(account, listing, position, needed, size, request, self.available(account))
            if refusal:
                return refusal
        return self.new_order(position, request, size, now_ms, reduce_only=reduces, needed=needed)

    def _check_amend(self, listing: Listing, order: Order, size: Decimal, price: Decimal) -> Refusal | None:
        is_close = order.request.close or bool(order.request.close_side)
        if (size > 0) != order.is_buy or (is_close and size != order.size):
            return Refusal(Why.SIZE, f"{size}")
        if not price:
            return Refusal(Why.PRICE, f"{price}")
        if order.tif is Tif.POST and (wrong := check_kind(listing, size, order.request, price)):
            return wrong
        if order.unit_margin:
            unit = order.unit_margin * price / order.price
            more = (abs(size) - order.filled) * unit - abs(order.left) * order.unit_margin
            if more > self.available(order.account):
                return Refusal(Why.MARGIN)
            order.unit_margin = round(unit, 12)
        return None

    def finish(self, order: Order, why: str, now_ms: int) -> None:
        """End an order and tell it."""
        order.finish_as = why
        order.finished_ms = order.updated_ms = now_ms
        order.account.open_orders.pop(order.id, None)
        self.tell_order(order, why)

    def tell_order(self, order: Order, word: str) -> None:
        """Tell what became of an order, and then what hangs on it."""
        order.update_id += 1
        if order.account.is_house:
            return
        self.tell(OrderChanged(order, word))
        if order.attached:
            self.triggers.follow(order)

    # ---- prices

    def reprice(self, name: str, price: Decimal, now_ms: int) -> None:
        """Move all prices of a contract, fire what waited for that and take what can no longer be held."""
        listing = self.listings[name]
        listing.move(price)
        self.triggers.settle(now_ms)
        self.liquidations.run(listing, now_ms)

    def print_trade(self, name: str, size: Decimal, price: Decimal, now_ms: int) -> None:
        """Show a public trade between two of the house's own."""
        listing = self.listings[name]
        listing.last = price
        traded = Traded(listing.contract, next(listing.trade_ids), size, price, now_ms)
        listing.trades.append(traded)
        self.tell(traded)
