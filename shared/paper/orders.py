"""The nouns of the engine: requests, orders, fills, triggers, refusals, and the facts told to listeners.

An order changes in place, so a listener that keeps what it saw must copy it while it is being told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.paper.accounts import Account, Position
    from shared.paper.contracts import Contract

ZERO = Decimal(0)


class Tif(StrEnum):
    """How long an order waits: till cancelled, not at all, never as taker, or all at once."""

    GTC = "gtc"
    IOC = "ioc"
    POST = "poc"
    FOK = "fok"


class Why(StrEnum):
    """Why the engine refuses a request; each door has the venue's own word for it."""

    MARGIN = "margin"
    SIZE = "size"
    SIZE_TOO_LARGE = "size_too_large"
    PRICE = "price"
    PRICE_DEVIATES = "price_deviates"
    MARKET_NEEDS_IOC = "market_needs_ioc"
    POST_WOULD_TAKE = "post_would_take"
    FOK_WOULD_REST = "fok_would_rest"
    NO_POSITION = "no_position"
    WOULD_INCREASE = "would_increase"
    REDUCES_TOO_MUCH = "reduces_too_much"
    NOT_IN_DUAL = "not_in_dual"
    ONLY_IN_DUAL = "only_in_dual"
    TOO_MANY_ORDERS = "too_many_orders"
    NOT_OPEN = "not_open"
    NO_CHANGE = "no_change"
    LEVERAGE_TOO_HIGH = "leverage_too_high"
    LEVERAGE_TOO_LOW = "leverage_too_low"
    HAS_POSITION = "has_position"
    HAS_ORDERS = "has_orders"
    NO_COUNTERPARTY = "no_counterparty"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The engine's no, with what a person would want to know."""

    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A wish to trade. Price 0 is a market order; `close` and `close_side` take their size from the position."""

    contract: str
    size: Decimal
    price: Decimal = ZERO
    tif: Tif = Tif.GTC
    text: str = "api"
    reduce_only: bool = False
    close: bool = False
    close_side: str = ""
    is_liquidation: bool = False
    echo: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Order:
    """One order. `size` and `left` are signed: a sell of 3 with 1 left is -3 and -1."""

    id: int
    account: Account
    contract: Contract
    size: Decimal
    left: Decimal
    price: Decimal
    tif: Tif
    text: str
    reduce_only: bool
    close: bool
    close_side: str
    is_liquidation: bool
    mode: str
    leverage: Decimal
    is_cross: bool
    echo: dict[str, object]
    created_ms: int
    updated_ms: int
    finished_ms: int | None = None
    finish_as: str = ""
    update_id: int = 0
    filled_value: Decimal = ZERO
    fee: Decimal = ZERO
    role: str = ""
    amend_text: str = "-"
    unit_margin: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return not self.finish_as

    @property
    def is_buy(self) -> bool:
        """Which side it is on."""
        return self.size > 0

    @property
    def filled(self) -> Decimal:
        """Contracts traded so far, unsigned."""
        return abs(self.size) - abs(self.left)

    @property
    def fill_price(self) -> Decimal:
        """The average price of its fills; zero while it has none."""
        filled = self.filled
        if not filled:
            return ZERO
        if len(self.fills) == 1:
            return self.fills[0].price
        return round(self.filled_value / (filled * self.contract.multiplier), 12).normalize()


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """One trade seen from one of its two orders. The id is unique within its contract only."""

    id: int
    order: Order
    size: Decimal
    close_size: Decimal
    price: Decimal
    role: str
    fee: Decimal
    time_ms: int


@dataclass(slots=True, eq=False)
class Trigger:
    """An order that waits for a price. `rises` fires at or above its price, otherwise at or below."""

    id: int
    account: Account
    contract: Contract
    request: OrderRequest
    price: Decimal
    price_kind: str
    rises: bool
    created_ms: int
    expires_ms: int | None = None
    order_type: str = ""
    status: str = "open"
    finish_as: str = ""
    reason: str = ""
    finished_ms: int | None = None
    order_id: int = 0
    echo: dict[str, object] = field(default_factory=dict)


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
    """A position's size, margin or leverage is another."""

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
    """Money moved in an account's wallet."""

    account: Account
    change: Decimal
    kind: str
    text: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class TriggerChanged:
    """A trigger order was set, fired, cancelled, failed or expired."""

    trigger: Trigger
    now_ms: int


@dataclass(frozen=True, slots=True)
class Traded:
    """A public trade; size is signed by the taker's side."""

    contract: Contract
    id: int
    size: Decimal
    price: Decimal
    time_ms: int


Fact = OrderChanged | Filled | PositionChanged | PositionClosed | BalanceChanged | TriggerChanged | Traded
