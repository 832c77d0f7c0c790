"""What the engine tells its listeners: each fact once, at once and in order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from shared.paper.orders import Fill, Order

if TYPE_CHECKING:
    from shared.paper.accounts import Account, Position
    from shared.paper.contracts import Contract
    from shared.paper.triggers import Trigger


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order was accepted, traded, amended or ended; `word` says which of the first three while it is open."""

    order: Order
    word: str


@dataclass(frozen=True, slots=True)
class Filled:
    """An account's order traded."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A position's size, margin, leverage or profit is another."""

    position: Position
    now_ms: int


@dataclass(frozen=True, slots=True)
class PositionClosed:
    """A position reached zero, with what it made since it was opened."""

    position: Position
    side: str
    pnl: Decimal
    text: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """Money moved in an account's wallet; `trade_id` names the trade behind it, 0 when there is none."""

    account: Account
    change: Decimal
    kind: str
    text: str
    now_ms: int
    trade_id: int = 0
    coin: str = "USDT"


@dataclass(frozen=True, slots=True)
class TriggerChanged:
    """A trigger order was set, changed, woken, fired, cancelled, failed or expired."""

    trigger: Trigger
    now_ms: int


@dataclass(frozen=True, slots=True)
class Liquidated:
    """A position was taken away by `order`, with what it was before."""

    order: Order
    size: Decimal
    leverage: Decimal
    is_cross: bool
    margin: Decimal
    entry_price: Decimal
    liq_price: Decimal
    mark: Decimal
    now_ms: int


@dataclass(frozen=True, slots=True)
class Deleveraged:
    """A position that made money was reduced by the exchange, to pay for one that it took away."""

    position: Position
    order: Order
    entry_price: Decimal
    trade_size: Decimal
    now_ms: int


@dataclass(frozen=True, slots=True)
class RiskLimitReduced:
    """The exchange lowered what an account may hold of a contract, and cancelled what was too much."""

    position: Position
    cancelled: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Traded:
    """A public trade; size is signed by the taker's side."""

    contract: Contract
    id: int
    size: Decimal
    price: Decimal
    time_ms: int


Fact = (
    OrderChanged
    | Filled
    | PositionChanged
    | PositionClosed
    | BalanceChanged
    | TriggerChanged
    | Liquidated
    | Deleveraged
    | RiskLimitReduced
    | Traded
)
