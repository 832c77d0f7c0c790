"""The matching engine: price-time priority, margin, fees, positions; no I/O, and the time is an argument.

Whatever happens is told to listeners at once and in order: fills, then money, then positions, then orders. Money is
never made or lost: every trade moves it between two accounts, and what leaves them as fees or as unpaid losses is
kept in `fees` and `insurance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count

from shared.paper.accounts import SINGLE, Account, Position
from shared.paper.admission import check_kind, check_terms, opening_margin, to_size
from shared.paper.book import Side
from shared.paper.contracts import Contract
from shared.paper.listing import Listing
from shared.paper.orders import (
    ZERO,
    BalanceChanged,
    Fact,
    Fill,
    Filled,
    Order,
    OrderChanged,
    OrderRequest,
    PositionChanged,
    PositionClosed,
    Refusal,
    Tif,
    Traded,
    Trigger,
    TriggerChanged,
    Why,
)

ORDER_ID_FIRST = 58_828_270_140_012_001
"""Above 2^53, so that whoever passes an id through a float gets another one back."""
TRADE_ID_FIRST = 60_117_338
TRIGGER_ID_FIRST = 2_007_047_737_421_336_577


class Engine:
    """Everything that is traded, and everybody who trades."""

    def __init__(self, contracts: tuple[Contract, ...], *, born_s: int = 0) -> None:
        """`born_s` lets every numbering begin beyond where an exchange that was born earlier can have come."""
        self.born_s = born_s
        self.listings = {contract.name: Listing(contract, TRADE_ID_FIRST + born_s * 1_000) for contract in contracts}
        self.accounts: list[Account] = []
        self.fees = ZERO
        self.insurance = ZERO
        self._listeners: list[Callable[[Fact], None]] = []
        self._order_ids = count(ORDER_ID_FIRST + born_s * 10_000)
        self._trigger_ids = count(TRIGGER_ID_FIRST + born_s * 1_000)
        self._settling = False

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
        return account

    def pay(self, account: Account, change: Decimal, kind: str, text: str, now_ms: int) -> None:
        """Move money into a wallet, or out of it."""
        if not change:
            return
        account.balance += change
        account.totals[kind] += change
        account.update_id += 1
        if not account.is_house:
            self.tell(BalanceChanged(account, change, kind, text, now_ms))

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
            self._run(listing, accepted, now_ms)
            self.settle(now_ms)
        return accepted

    def place_for_house(self, house: Account, request: OrderRequest, now_ms: int) -> Order | None:
        """Place an order of the house: no limits of size, price or margin. None when a quote would trade at once."""
        listing = self.listings[request.contract]
        if request.tif is Tif.POST and check_kind(listing, request.size, request):
            return None
        order = Order(
            next(self._order_ids), house, listing.contract, request.size, request.size, request.price, request.tif,
            request.text, False, False, "", False, SINGLE, Decimal(1), True, {}, now_ms, now_ms,
        )  # fmt: skip
        self._run(listing, order, now_ms)
        return order

    def cancel(self, order: Order, now_ms: int, why: str = "cancelled") -> bool:
        """End a resting order; false when it has ended already."""
        if not order.is_open:
            return False
        self.listings[order.contract.name].book.side_of(order).remove(order)
        self._finish(order, why, now_ms)
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
        wrong = check_terms(listing, new_size, new_price) or self._check_amend(order, new_size, new_price)
        if wrong:
            return wrong
        order.amend_text = amend_text
        if abs(new_size) <= order.filled:
            self.cancel(order, now_ms)
            return None
        side = listing.book.side_of(order)
        side.remove(order)
        left = new_size - (order.size - order.left)
        keeps_place = new_price == order.price and abs(new_size) < abs(order.size)
        order.size, order.left, order.price, order.updated_ms = new_size, left, new_price, now_ms
        if keeps_place:
            side.add(order)
            level = side.levels[order.price]
            for other in [o for o in level.values() if o.id > order.id]:
                level[other.id] = level.pop(other.id)
            self._tell_order(order, "_update")
        else:
            self._tell_order(order, "_update")
            self._run(listing, order, now_ms, is_amended=True)
        self.settle(now_ms)
        return None

    def _accept(self, account: Account, listing: Listing, request: OrderRequest, now_ms: int) -> Order | Refusal:
        contract = listing.contract
        size, mode, reduces, refusal = to_size(account, contract, request)
        refusal = refusal or check_terms(listing, size, request.price)
        refusal = refusal or check_kind(listing, size, request)
        if refusal:
            return refusal
        position = account.position(contract, mode)
        needed = ZERO if reduces else opening_margin(position, listing, size, request.price)
        if request.tif in (Tif.GTC, Tif.POST) and len(account.open_for(contract)) >= contract.orders_max:
            return Refusal(Why.TOO_MANY_ORDERS)
        if needed and needed > self.available(account):
            return Refusal(Why.MARGIN)
        order = Order(
            next(self._order_ids), account, contract, size, size, request.price, request.tif, request.text, reduces,
            request.close, request.close_side, request.is_liquidation, mode, position.leverage, position.is_cross,
            request.echo, now_ms, now_ms, unit_margin=round(needed / abs(size), 12),
        )  # fmt: skip
        account.orders[order.id] = order
        if order.text.startswith("t-"):
            account.by_text[order.text] = order
        return order

    def _check_amend(self, order: Order, size: Decimal, price: Decimal) -> Refusal | None:
        if (size > 0) != order.is_buy:
            return Refusal(Why.SIZE, f"{size}")
        if not price:
            return Refusal(Why.PRICE, f"{price}")
        if order.unit_margin:
            unit = order.unit_margin * price / order.price
            more = (abs(size) - order.filled) * unit - abs(order.left) * order.unit_margin
            if more > self.available(order.account):
                return Refusal(Why.MARGIN)
            order.unit_margin = round(unit, 12)
        return None

    # ---- matching

    def _run(self, listing: Listing, order: Order, now_ms: int, *, is_amended: bool = False) -> None:
        opposite = listing.book.opposite(is_buy=order.is_buy)
        limit = order.price or listing.market_bound(is_buy=order.is_buy)
        rests = order.tif in (Tif.GTC, Tif.POST)
        if rests and not is_amended and opposite.within(limit, abs(order.left)) < abs(order.left):
            self._tell_order(order, "_new")
        position = order.account.position(order.contract, order.mode)
        touched: dict[Position, None] = {}
        before, why = order.left, ""
        while order.left and not why:
            maker = opposite.best()
            if maker is None or not opposite.is_reached_by(limit, maker.price):
                break
            size = min(abs(order.left), abs(maker.left), self._may_trade(order, position))
            maker_position = maker.account.position(maker.contract, maker.mode)
            allowed = self._may_trade(maker, maker_position)
            if not size:
                why = "reduce_only"
            elif not allowed:
                self.cancel(maker, now_ms, "reduce_only")
            else:
                self._trade(listing, order, maker, min(size, allowed), opposite, now_ms)
                touched[maker_position] = touched[position] = None
        if not order.left:
            self._finish(order, "filled", now_ms)
        elif why or not rests:
            self._finish(order, why or ("liquidated" if order.is_liquidation else order.tif.value), now_ms)
        else:
            listing.book.side_of(order).add(order)
            order.account.open_orders[order.id] = order
            if order.left != before:
                self._tell_order(order, "_update")
        for each in touched:
            self._drop_reducers(each, now_ms)

    def _may_trade(self, order: Order, position: Position) -> Decimal:
        """How much of a reduce-only order still reduces."""
        if not order.reduce_only:
            return abs(order.left)
        return ZERO if position.is_opened_by(order.left) else min(abs(order.left), abs(position.size))

    def _trade(self, listing: Listing, taker: Order, maker: Order, size: Decimal, side: Side, now_ms: int) -> None:
        price = maker.price
        listing.last = price
        signed = size if taker.is_buy else -size
        traded = Traded(listing.contract, next(listing.trade_ids), signed, price, now_ms)
        listing.trades.append(traded)
        side.resize(price, -size)
        self._fill(listing, taker, signed, traded, "taker")
        self._fill(listing, maker, -signed, traded, "maker")
        if maker.left:
            self._tell_order(maker, "_update")
        else:
            side.remove(maker)
            self._finish(maker, "filled", now_ms)
        self.tell(traded)

    def _fill(self, listing: Listing, order: Order, size: Decimal, traded: Traded, role: str) -> None:
        contract, account = listing.contract, order.account
        position = account.position(contract, order.mode)
        rate = contract.taker_rate if role == "taker" else contract.maker_rate
        value = abs(contract.value(size, traded.price))
        fee = ZERO if account.is_house else value * rate
        held = position.size
        closing = ZERO if position.is_opened_by(size) else min(abs(size), abs(held))
        pnl = position.apply(size, traded.price)
        order.left -= size
        order.filled_value += value
        order.fee += fee
        order.role, order.updated_ms = role, traded.time_ms
        self.fees += fee
        if account.is_house:
            account.balance += pnl
            return
        fill = Fill(traded.id, order, size, closing if size > 0 else -closing, traded.price, role, fee, traded.time_ms)
        order.fills.append(fill)
        account.fills.append(fill)
        self._count_position(listing, position, held, pnl, fee, order.text, traded.time_ms)
        self.tell(PositionChanged(position, traded.time_ms))
        self.tell(Filled(fill))
        where = f"{contract.name}:{order.id}"
        self.pay(account, pnl, "pnl", where, traded.time_ms)
        self.pay(account, -fee, "fee", where, traded.time_ms)

    def _count_position(
        self, listing: Listing, position: Position, held: Decimal, pnl: Decimal, fee: Decimal, text: str, now_ms: int
    ) -> None:
        """Keep a position's own history right when it opens, closes or turns round."""
        position.update_id += 1
        position.updated_ms = now_ms
        position.pnl += pnl
        position.fees += fee
        if position.size:
            listing.holders[position] = None
        else:
            listing.holders.pop(position, None)
        is_turned = bool(held) and (not position.size or (held > 0) != (position.size > 0))
        if is_turned:
            position.last_close_pnl = position.realised_pnl
            position.history_pnl += position.realised_pnl
            side = "long" if held > 0 else "short"
            self.tell(PositionClosed(position, side, position.realised_pnl, text, now_ms))
            position.pnl = position.fees = ZERO
        if position.size and (is_turned or not held):
            position.opened_ms = now_ms

    def _finish(self, order: Order, why: str, now_ms: int) -> None:
        order.finish_as = why
        order.finished_ms = order.updated_ms = now_ms
        order.account.open_orders.pop(order.id, None)
        self._tell_order(order, why)

    def _tell_order(self, order: Order, word: str) -> None:
        order.update_id += 1
        if not order.account.is_house:
            self.tell(OrderChanged(order, word))

    def _drop_reducers(self, position: Position, now_ms: int) -> None:
        """A position that is gone takes the orders with it that could only reduce it."""
        for order in position.account.open_for(position.contract, position.mode):
            if order.reduce_only and not self._may_trade(order, position):
                self.cancel(order, now_ms, "reduce_only" if position.size else "position_closed")

    # ---- prices, triggers, liquidation

    def reprice(self, name: str, price: Decimal, now_ms: int) -> None:
        """Move all prices of a contract, fire what waited for that and take what can no longer be held."""
        listing = self.listings[name]
        listing.last = listing.mark = listing.index = price
        self.settle(now_ms)
        self._liquidate(listing, now_ms)

    def print_trade(self, name: str, size: Decimal, price: Decimal, now_ms: int) -> None:
        """Show a public trade between two of the house's own."""
        listing = self.listings[name]
        listing.last = price
        traded = Traded(listing.contract, next(listing.trade_ids), size, price, now_ms)
        listing.trades.append(traded)
        self.tell(traded)

    def set_trigger(self, trigger: Trigger) -> None:
        """Let an order wait for its price."""
        trigger.account.triggers[trigger.id] = trigger
        self.listings[trigger.contract.name].triggers.add(trigger)
        self.tell(TriggerChanged(trigger, trigger.created_ms))

    def next_trigger_id(self) -> int:
        """Triggers have an id space of their own."""
        return next(self._trigger_ids)

    def end_trigger(self, trigger: Trigger, finish_as: str, now_ms: int, reason: str = "") -> bool:
        """Finish a waiting trigger; false when it has ended already."""
        if trigger.status != "open":
            return False
        trigger.status, trigger.finish_as, trigger.reason, trigger.finished_ms = "finished", finish_as, reason, now_ms
        self.tell(TriggerChanged(trigger, now_ms))
        return True

    def expire_triggers(self, now_ms: int) -> None:
        """End the triggers whose time is over."""
        for account in self.accounts:
            for trigger in [t for t in account.triggers.values() if t.status == "open" and t.expires_ms]:
                if (trigger.expires_ms or 0) <= now_ms:
                    self.end_trigger(trigger, "expired", now_ms)

    def settle(self, now_ms: int) -> None:
        """Fire triggers until none is due. An order that one of them places may make the next one due."""
        if self._settling:
            return
        self._settling = True
        try:
            for trigger in self._due():
                self._fire(trigger, now_ms)
        finally:
            self._settling = False

    def _due(self) -> Iterator[Trigger]:
        found = True
        while found:
            found = False
            for listing in self.listings.values():
                trigger = listing.triggers.pop_due(listing.price)
                if trigger is not None:
                    found = True
                    yield trigger

    def _fire(self, trigger: Trigger, now_ms: int) -> None:
        placed = self.place(trigger.account, trigger.request, now_ms)
        if isinstance(placed, Refusal):
            self.end_trigger(trigger, "failed", now_ms, placed.why.value)
            return
        trigger.order_id = placed.id
        self.end_trigger(trigger, "succeeded", now_ms)

    def _liquidate(self, listing: Listing, now_ms: int) -> None:
        marks = self.marks()
        for position in [p for p in listing.holders if not p.account.is_house]:
            if position.size and self._is_sunk(position, marks):
                self._take_over(position, now_ms)

    def _is_sunk(self, position: Position, marks: dict[str, Decimal]) -> bool:
        mark = marks[position.contract.name]
        if not position.is_cross:
            return position.margin + position.unrealised(mark) <= position.maintenance_margin(mark)
        account = position.account
        equity = account.balance - account.isolated_margin() + account.unrealised(marks, cross_only=True)
        held = (p for p in account.holdings() if p.is_cross)
        return equity <= sum((p.maintenance_margin(marks[p.contract.name]) for p in held), ZERO)

    def _take_over(self, position: Position, now_ms: int) -> None:
        """Close a position that cannot be held; what its owner cannot pay comes out of the insurance fund."""
        account, listing = position.account, self.listings[position.contract.name]
        for order in account.open_for(position.contract):
            self.cancel(order, now_ms, "liquidated")
        side = "close_long" if position.size > 0 else "close_short"
        is_dual = position.mode != SINGLE
        self.place(
            account,
            OrderRequest(
                listing.contract.name, ZERO, tif=Tif.IOC, text="liquidation", close=not is_dual,
                close_side=side if is_dual else "", is_liquidation=True,
            ),
            now_ms,
        )  # fmt: skip
        if account.balance < 0 and not any(account.holdings()):
            self.insurance += account.balance
            self.pay(account, -account.balance, "bonus_offset", "-", now_ms)
