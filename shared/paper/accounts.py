"""Wallets and positions: what an account owns, owes and may still risk.

A position keeps its cost (the exact sum paid for it) and not its average price, so that the money of all accounts
together never changes by a rounding: whatever share of the cost a partial close takes out, the rest stays in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from shared.paper.contracts import Contract
from shared.paper.orders import ZERO, Fill, Order

if TYPE_CHECKING:
    from shared.paper.triggers import Trigger

COST_DIGITS = 12
SINGLE, LONG, SHORT = "single", "dual_long", "dual_short"


@dataclass(slots=True, eq=False)
class Position:
    """What an account holds of one contract; in dual mode there is one for each direction."""

    account: Account
    contract: Contract
    mode: str
    leverage: Decimal
    is_cross: bool = True
    size: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    history_pnl: Decimal = ZERO
    last_close_pnl: Decimal = ZERO
    bought: Decimal = ZERO
    bought_value: Decimal = ZERO
    sold: Decimal = ZERO
    sold_value: Decimal = ZERO
    size_max: Decimal = ZERO
    risk_limit_set: Decimal | None = None
    opened_ms: int = 0
    updated_ms: int = 0
    update_id: int = 0

    @property
    def entry_price(self) -> Decimal:
        """The average price of what is held."""
        if not self.size:
            return ZERO
        return round(self.cost / (self.size * self.contract.multiplier), COST_DIGITS).normalize()

    @property
    def realised_pnl(self) -> Decimal:
        """What this holding has made so far, fees and funding included."""
        return self.pnl - self.fees + self.funding

    @property
    def risk_limit(self) -> Decimal:
        """The most that it may be worth: what was set, or what its leverage allows."""
        return self.risk_limit_set or self.contract.risk_limit_for(self.leverage)

    def count(self, size: Decimal, price: Decimal) -> None:
        """Keep the averages at which this holding was bought and sold."""
        value = abs(self.contract.value(size, price))
        if size > 0:
            self.bought, self.bought_value = self.bought + size, self.bought_value + value
        else:
            self.sold, self.sold_value = self.sold - size, self.sold_value + value

    def start_again(self, now_ms: int) -> None:
        """Begin the history of a new holding, which may be what a turn round left."""
        self.pnl = self.fees = self.funding = ZERO
        self.bought = self.bought_value = self.sold = self.sold_value = ZERO
        self.size_max = abs(self.size)
        if self.size:
            self.count(self.size, self.entry_price)
            self.opened_ms = now_ms

    def unrealised(self, mark: Decimal) -> Decimal:
        """What closing it at this price would make, before fees."""
        return self.contract.value(self.size, mark) - self.cost

    def initial_margin(self, mark: Decimal) -> Decimal:
        """What must be there to hold it."""
        return abs(self.contract.value(self.size, mark)) / self.leverage if self.size else ZERO

    def maintenance_margin(self, mark: Decimal) -> Decimal:
        """Below this it is taken away."""
        value = abs(self.contract.value(self.size, mark))
        tier = self.contract.tier_of(value)
        return value * tier.maintenance_rate - tier.deduction

    def is_opened_by(self, size: Decimal) -> bool:
        """Whether trading this signed size makes the holding larger."""
        return self.size == 0 or (self.size > 0) == (size > 0)

    def apply(self, size: Decimal, price: Decimal) -> Decimal:
        """Trade a signed size at a price; answers the profit of the part that was closed."""
        pnl = ZERO
        if not self.is_opened_by(size):
            closing = min(abs(size), abs(self.size))
            closed = closing if self.size > 0 else -closing
            share = self.cost if closing == abs(self.size) else round(self.cost * closed / self.size, COST_DIGITS)
            pnl = self.contract.value(closed, price) - share
            self.margin = (
                ZERO if closed == self.size else round(self.margin * (self.size - closed) / self.size, COST_DIGITS)
            )
            self.size -= closed
            self.cost -= share
            size += closed
        if size:
            self.size += size
            value = self.contract.value(size, price)
            self.cost += value
            if not self.is_cross:
                self.margin += round(abs(value) / self.leverage, COST_DIGITS)
        return pnl

    def liquidation_price(self, wallet: Decimal) -> Decimal:
        """The mark at which margin no longer covers maintenance, with nothing else moving; 0 when there is none."""
        if not self.size:
            return ZERO
        tier = self.contract.tier_of(abs(self.cost))
        have = (wallet if self.is_cross else self.margin) + tier.deduction
        coins = self.size * self.contract.multiplier
        slope = coins - abs(coins) * tier.maintenance_rate
        price = (self.cost - have) / slope
        return max(ZERO, self.contract.to_tick(price))


@dataclass(slots=True, eq=False)
class Account:
    """One wallet at one venue, with its orders, positions and triggers."""

    uid: str
    venue: str
    number: int
    is_house: bool = False
    balance: Decimal = ZERO
    is_dual: bool = False
    stp_group: int = 0
    """Orders of accounts in the same group never trade with each other; 0 is no group."""
    update_id: int = 0
    changes_first: int = 0
    """Where the numbering of each position's changes begins."""
    totals: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    by_text: dict[str, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    triggers: dict[int, Trigger] = field(default_factory=dict)
    guards: dict[int, Trigger] = field(default_factory=dict)
    """The triggers that wait for the good or the harm of an order of its own."""

    def position(self, contract: Contract, mode: str) -> Position:
        """The position of a contract, made when it is first asked for."""
        key = (contract.name, mode)
        found = self.positions.get(key)
        if found is None:
            found = Position(self, contract, mode, contract.cross_leverage_default, update_id=self.changes_first)
            self.positions[key] = found
        return found

    def held(self, contract: Contract, mode: str) -> Decimal:
        """The signed size of a position; asking does not make one."""
        found = self.positions.get((contract.name, mode))
        return found.size if found else ZERO

    def mode_for(self, size: Decimal, *, reduces: bool) -> str:
        """Which of its positions an order of this signed size works on."""
        if not self.is_dual:
            return SINGLE
        return LONG if (size > 0) != reduces else SHORT

    def open_for(self, contract: Contract, mode: str | None = None) -> list[Order]:
        """Its resting orders in a contract."""
        return [o for o in self.open_orders.values() if o.contract is contract and mode in (None, o.mode)]

    def unrealised(self, marks: dict[str, Decimal], *, cross_only: bool = False) -> Decimal:
        """Profit not yet taken, at these mark prices."""
        held = (p for p in self.positions.values() if p.size and (p.is_cross or not cross_only))
        return sum((p.unrealised(marks[p.contract.name]) for p in held), ZERO)

    def cross_margin(self, marks: dict[str, Decimal]) -> Decimal:
        """What its cross positions bind."""
        return sum((p.initial_margin(marks[p.contract.name]) for p in self.positions.values() if p.is_cross), ZERO)

    def isolated_margin(self) -> Decimal:
        """What is set aside for its isolated positions."""
        return sum((p.margin for p in self.positions.values()), ZERO)

    def order_margin(self) -> Decimal:
        """What its resting orders bind."""
        return sum((abs(o.left) * o.unit_margin for o in self.open_orders.values() if o.unit_margin), ZERO)

    def available(self, marks: dict[str, Decimal]) -> Decimal:
        """What a new order may bind."""
        free = self.balance - self.isolated_margin() - self.order_margin()
        return free - self.cross_margin(marks) + self.unrealised(marks, cross_only=True)

    def exposure(self, position: Position, price: Decimal, *, is_buy: bool, more: Decimal = ZERO) -> Decimal:
        """What a position would be worth, were all that wait on one side, and `more`, to fill."""
        waiting = [o for o in self.open_for(position.contract, position.mode) if not o.reduce_only]
        wanted = sum((o.left for o in waiting if o.is_buy == is_buy), more)
        return abs(position.contract.value(position.size + wanted, price))

    def holdings(self) -> Iterable[Position]:
        """Its positions that are not empty."""
        return (p for p in self.positions.values() if p.size)
