"""The kinds of fields that callers may say: how each is read, and what is told when it cannot be."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.model import text

DIGITS_BEFORE_MAX = 20
DIGITS_AFTER_MAX = 20
LEVERAGE_MAX = 1000
USER_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CONTRACT = re.compile(r"[A-Za-z0-9_/:-]{1,48}")
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(\.[0-9]{1,60})?|[+-]?\.[0-9]{1,60}")


def wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", message)


def to_number(said: Any) -> Decimal:
    """A number above 0 with its own digits, from a JSON number or a text."""
    number = _to_decimal(said)
    if not number.is_finite():
        raise wrong("must be a finite number")
    if number <= 0:
        raise wrong("must be above 0")
    places = number.as_tuple().exponent
    if number.adjusted() >= DIGITS_BEFORE_MAX or (isinstance(places, int) and -places > DIGITS_AFTER_MAX):
        raise wrong(f"must have at most {DIGITS_BEFORE_MAX} digits before and {DIGITS_AFTER_MAX} after the point")
    return number


def _to_decimal(said: Any) -> Decimal:
    if isinstance(said, Decimal):
        return said
    if isinstance(said, int) and not isinstance(said, bool):
        return Decimal(said)
    if isinstance(said, str) and PLAIN_NUMBER.fullmatch(said.strip()):
        return Decimal(said.strip())
    raise wrong("must be a plain decimal number")


def to_text(said: Any) -> str:
    return text(to_number(said))


def needed(said: Any) -> str:
    if said is None:
        raise wrong("is required")
    return to_text(said)


def to_leverage(said: Any) -> str:
    number = to_number(said)
    if not 1 <= number <= LEVERAGE_MAX:
        raise wrong(f"must be from 1 to {LEVERAGE_MAX}")
    return text(number.normalize()) if number != number.to_integral_value() else text(Decimal(int(number)))


def matching(pattern: re.Pattern[str], message: str) -> BeforeValidator:
    def check(said: Any) -> str:
        if not isinstance(said, str) or not pattern.fullmatch(said):
            raise wrong(message)
        return said

    return BeforeValidator(check)


def lower(said: Any) -> Any:
    return said.lower() if isinstance(said, str) else said


def upper(said: Any) -> Any:
    return said.upper() if isinstance(said, str) else said


NUMBER_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["30000.5"]}


def to_number_schema(schema: dict[str, Any]) -> None:
    """Of a number that may be left out: it has no default, since null is not a number."""
    schema.pop("default", None)
    schema.update(NUMBER_SCHEMA)


Number = Annotated[str, BeforeValidator(to_text), WithJsonSchema(NUMBER_SCHEMA)]
LeverageNumber = Annotated[str, BeforeValidator(to_leverage), WithJsonSchema(NUMBER_SCHEMA | {"examples": ["10"]})]
UserId = Annotated[
    str,
    matching(USER_ID, "must be 1 to 64 characters of A-Z a-z 0-9 . _ -"),
    Field(json_schema_extra={"pattern": "^[A-Za-z0-9._-]{1,64}$", "examples": ["alice"]}),
]
Contract = Annotated[
    str,
    matching(CONTRACT, "must be a contract such as BTC_USDT"),
    Field(json_schema_extra={"examples": ["BTC_USDT"]}),
]
OrderId = Annotated[str, matching(ID, "must be 1 to 64 characters of A-Z a-z 0-9 . _ -")]


class Words(BaseModel):
    """Unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Lower = BeforeValidator(lower)
Upper = BeforeValidator(upper)
PriceType = Annotated[Literal["last", "mark", "index"], Lower]
Side = Annotated[Literal["buy", "sell"], Lower]
TimeInForce = Annotated[Literal["gtc", "ioc", "fok", "poc", "post_only"], Lower]
ClientOrderId = Annotated[str, matching(ID, "must be 1 to 30 characters of A-Z a-z 0-9 . _ -")]
ProtectionFailure = Annotated[Literal["retry", "flatten", "keep", "alarm"], Lower]
Symbol = Annotated[
    str,
    matching(CONTRACT, "must be a name such as BTC_USDT"),
    Field(json_schema_extra={"examples": ["BTC_USDT"]}),
]
AccountId = Annotated[
    str,
    matching(ID, "must be 1 to 64 characters of A-Z a-z 0-9 . _ -"),
    Field(json_schema_extra={"examples": ["gate-1a2b3c4d5e"]}),
]
MarginMode = Annotated[Literal["isolated", "cross"], Lower]
