"""What callers may say, field by field. The document at /openapi.json is made from these.

Those of the trading routes, which are one shape for every venue, stand in `requests_trading`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, ValidationInfo, field_validator

from api.fields import (
    ClientOrderId,
    Contract,
    LeverageNumber,
    Lower,
    Number,
    OrderId,
    PriceType,
    ProtectionFailure,
    TimeInForce,
    Upper,
    UserId,
    Words,
    needed,
    to_number_schema,
)


class Guard(Words):
    """A take-profit or a stop-loss: a price at which the position is closed."""

    enabled: StrictBool = True
    price: Any = Field(default=None, json_schema_extra=to_number_schema, validate_default=True)
    price_type: PriceType = "last"

    @field_validator("price", mode="before")
    @classmethod
    def _needed_when_enabled(cls, said: Any, info: ValidationInfo) -> str | None:
        return needed(said) if info.data.get("enabled") else None


class PlaceFuturesOrder(Words):
    """An order with bot keys. `price` is ignored for a market order; `size` is a positive number of contracts."""

    userId: UserId  # noqa: N815 - the callers' spelling
    market_type: Annotated[Literal["limit", "market"], Lower]
    price: Any = Field(default=None, json_schema_extra=to_number_schema, validate_default=True)
    contract: Contract
    leverage: LeverageNumber
    leverage_type: Annotated[Literal["ISOLATED", "CROSS"], Upper]
    size: Number
    position_type: Annotated[Literal["long", "short"], Lower]
    take_profit: Guard | None = None
    stop_loss: Guard | None = None
    client_order_id: ClientOrderId | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: StrictBool = False
    on_protection_failure: ProtectionFailure | None = Field(
        default=None, description="what to do when a guard cannot be placed; each guard's outcome is answered"
    )

    @field_validator("price", mode="before")
    @classmethod
    def _needed_for_a_limit(cls, said: Any, info: ValidationInfo) -> str | None:
        return needed(said) if info.data.get("market_type") == "limit" else None


class CloseFuturesOrder(Words):
    contract: Contract
    auto_size: Annotated[Literal["close_long", "close_short"], Lower]
    userId: UserId | None = None  # noqa: N815 - the callers' spelling


class CancelFuturesOrder(Words):
    trade_id: OrderId
    tp_id: OrderId | None = None
    sl_id: OrderId | None = None


class GetFuturesOrder(Words):
    trade_id: OrderId


class TicketWish(Words):
    user_id: UserId | None = None
