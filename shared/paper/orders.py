"""The nouns of the engine: what is asked for, the orders and fills that come of it, and why it may be refused.

An order changes in place, so a listener that keeps what it saw must copy it while it is being told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.paper.accounts import Account
    from shared.paper.contracts import Contract
    from shared.paper.triggers import Trigger

ZERO = Decimal(0)


class Tif(StrEnum):
    """How long an order waits: till cancelled, not at all, never as taker, or all at once."""

    GTC = "gtc"
    IOC = "ioc"
    POST = "poc"
    FOK = "fok"


class Stp(StrEnum):
    """Which of two orders of one group goes when they meet: the one that waits, the one that comes, or both."""

    OLDEST = "co"
    NEWEST = "cn"
    BOTH = "cb"


class Why(StrEnum):
    """Why the engine refuses a request; each door has the venue's own word for it."""

    MARGIN = "margin"
    SIZE = "size"
    SIZE_TOO_SMALL = "size_too_small"
    SIZE_TOO_LARGE = "size_too_large"
    PRICE = "price"
    PRICE_TOO_HIGH = "price_too_high"
    PRICE_TOO_LOW = "price_too_low"
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
    RISK_LIMIT = "risk_limit"
    HAS_POSITION = "has_position"
    HAS_ORDERS = "has_orders"
    NO_COUNTERPARTY = "no_counterparty"
    TRIGGER_TOO_LOW = "trigger_too_low"
    TRIGGER_TOO_HIGH = "trigger_too_high"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The engine's no, with what a person would want to know."""

    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as it is asked for; price 0 is a market order; `close` and `close_side` take their size from the
    position. `iceberg` is how much of it may show, `slip` how far a market order may go, as a part of the price."""

    contract: str
    size: Decimal
    price: Decimal = ZERO
    tif: Tif = Tif.GTC
    text: str = "api"
    reduce_only: bool = False
    close: bool = False
    close_side: str = ""
    is_liquidation: bool = False
    iceberg: Decimal = ZERO
    stp: Stp | None = None
    slip: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None


@dataclass(slots=True, eq=False)
class Order:
    """One order. `size` and `left` are signed: a sell of 3 with 1 left is -3 and -1."""

    id: int
    account: Account
    contract: Contract
    request: OrderRequest
    size: Decimal
    left: Decimal
    price: Decimal
    reduce_only: bool
    mode: str
    leverage: Decimal
    is_cross: bool
    created_ms: int
    updated_ms: int
    finished_ms: int | None = None
    finish_as: str = ""
    update_id: int = 0
    filled_value: Decimal = ZERO
    fee: Decimal = ZERO
    pnl: Decimal = ZERO
    role: str = ""
    amend_text: str = "-"
    unit_margin: Decimal = ZERO
    iceberg: Decimal = ZERO
    """How much of it shows at a time, when it hides the rest; 0 hides nothing."""
    tranche: Decimal = ZERO
    """How much of an iceberg shows now."""
    is_refilled: bool = False
    """Whether what shows was hidden before."""
    attached: tuple[Trigger, ...] = ()
    fills: list[Fill] = field(default_factory=list)

    @property
    def tif(self) -> Tif:
        """How long it waits."""
        return self.request.tif

    @property
    def text(self) -> str:
        """The client's own id, or where it came from."""
        return self.request.text

    @property
    def is_liquidation(self) -> bool:
        """Whether the exchange placed it to take a position away."""
        return self.request.is_liquidation

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
    def shown(self) -> Decimal:
        """How much of it the public book shows, unsigned."""
        return self.tranche if self.iceberg else abs(self.left)

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
