"""What callers may say, field by field. The document at /openapi.json is made from these."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.model import text

DIGITS_BEFORE_MAX = 20
DIGITS_AFTER_MAX = 20
LEVERAGE_MAX = 1000
USER_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CONTRACT = re.compile(r"[A-Za-z0-9_/:-]{1,48}")
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(\.[0-9]{1,60})?|[+-]?\.[0-9]{1,60}")


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", message)


def to_number(said: Any) -> Decimal:
    """A number above 0 with its own digits, from a JSON number or a text."""
    number = _to_decimal(said)
    if not number.is_finite():
        raise _wrong("must be a finite number")
    if number <= 0:
        raise _wrong("must be above 0")
    places = number.as_tuple().exponent
    if number.adjusted() >= DIGITS_BEFORE_MAX or (isinstance(places, int) and -places > DIGITS_AFTER_MAX):
        raise _wrong(f"must have at most {DIGITS_BEFORE_MAX} digits before and {DIGITS_AFTER_MAX} after the point")
    return number


def _to_decimal(said: Any) -> Decimal:
    if isinstance(said, Decimal):
        return said
    if isinstance(said, int) and not isinstance(said, bool):
        return Decimal(said)
    if isinstance(said, str) and PLAIN_NUMBER.fullmatch(said.strip()):
        return Decimal(said.strip())
    raise _wrong("must be a plain decimal number")


def _to_text(said: Any) -> str:
    return text(to_number(said))


def _needed(said: Any) -> str:
    if said is None:
        raise _wrong("is required")
    return _to_text(said)


def _to_leverage(said: Any) -> str:
    number = to_number(said)
    if not 1 <= number <= LEVERAGE_MAX:
        raise _wrong(f"must be from 1 to {LEVERAGE_MAX}")
    return text(number.normalize()) if number != number.to_integral_value() else text(Decimal(int(number)))


def _matching(pattern: re.Pattern[str], message: str) -> BeforeValidator:
    def check(said: Any) -> str:
        if not isinstance(said, str) or not pattern.fullmatch(said):
            raise _wrong(message)
        return said

    return BeforeValidator(check)


def _lower(said: Any) -> Any:
    return said.lower() if isinstance(said, str) else said


def _upper(said: Any) -> Any:
    return said.upper() if isinstance(said, str) else said


_NUMBER_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["30000.5"]}


def _to_number_schema(schema: dict[str, Any]) -> None:
    """Of a number that may be left out: it has no default, since null is not a number."""
    schema.pop("default", None)
    schema.update(_NUMBER_SCHEMA)


Number = Annotated[str, BeforeValidator(_to_text), WithJsonSchema(_NUMBER_SCHEMA)]
LeverageNumber = Annotated[str, BeforeValidator(_to_leverage), WithJsonSchema(_NUMBER_SCHEMA | {"examples": ["10"]})]
UserId = Annotated[
    str,
    _matching(USER_ID, "must be 1 to 64 characters of A-Z a-z 0-9 . _ -"),
    Field(json_schema_extra={"pattern": "^[A-Za-z0-9._-]{1,64}$", "examples": ["alice"]}),
]
Contract = Annotated[
    str,
    _matching(CONTRACT, "must be a contract such as BTC_USDT"),
    Field(json_schema_extra={"examples": ["BTC_USDT"]}),
]
OrderId = Annotated[str, _matching(ID, "must be 1 to 64 characters of A-Z a-z 0-9 . _ -")]


class Words(BaseModel):
    """Unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Guard(Words):
    """A take-profit or a stop-loss: a price at which the position is closed."""

    enabled: StrictBool = True
    price: Any = Field(default=None, json_schema_extra=_to_number_schema, validate_default=True)
    price_type: Annotated[Literal["last", "mark", "index"], BeforeValidator(_lower)] = "last"

    @field_validator("price", mode="before")
    @classmethod
    def _needed_when_enabled(cls, said: Any, info: ValidationInfo) -> str | None:
        return _needed(said) if info.data.get("enabled") else None


class PlaceFuturesOrder(Words):
    """An order with bot keys. `price` is ignored for a market order; `size` is a positive number of contracts."""

    userId: UserId  # noqa: N815 - the callers' spelling
    market_type: Annotated[Literal["limit", "market"], BeforeValidator(_lower)]
    price: Any = Field(default=None, json_schema_extra=_to_number_schema, validate_default=True)
    contract: Contract
    leverage: LeverageNumber
    leverage_type: Annotated[Literal["ISOLATED", "CROSS"], BeforeValidator(_upper)]
    size: Number
    position_type: Annotated[Literal["long", "short"], BeforeValidator(_lower)]
    take_profit: Guard | None = None
    stop_loss: Guard | None = None
    client_order_id: Annotated[str, _matching(ID, "must be 1 to 30 characters of A-Z a-z 0-9 . _ -")] | None = None
    time_in_force: Annotated[Literal["gtc", "ioc", "fok", "poc", "post_only"], BeforeValidator(_lower)] | None = None
    reduce_only: StrictBool = False
    on_protection_failure: Annotated[Literal["retry", "flatten", "keep", "alarm"], BeforeValidator(_lower)] | None = (
        Field(default=None, description="what to do when a guard cannot be placed; each guard's outcome is answered")
    )

    @field_validator("price", mode="before")
    @classmethod
    def _needed_for_a_limit(cls, said: Any, info: ValidationInfo) -> str | None:
        return _needed(said) if info.data.get("market_type") == "limit" else None


class CloseFuturesOrder(Words):
    contract: Contract
    auto_size: Annotated[Literal["close_long", "close_short"], BeforeValidator(_lower)]
    userId: UserId | None = None  # noqa: N815 - the callers' spelling


class CancelFuturesOrder(Words):
    trade_id: OrderId
    tp_id: OrderId | None = None
    sl_id: OrderId | None = None


class GetFuturesOrder(Words):
    trade_id: OrderId


class TicketWish(Words):
    user_id: UserId | None = None


class MarketQuery(Words):
    venue: Annotated[str, Field(max_length=40)] = "gate"


class BookQuery(MarketQuery):
    limit: Annotated[int, Field(ge=1, le=50)] = 20
