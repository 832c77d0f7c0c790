"""What callers may say at /api/trading: one shape for every venue.

What fields mean together is checked after each of them by itself, so that every line is about a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema

from api.fields import (
    NUMBER_SCHEMA,
    AccountId,
    ClientOrderId,
    LeverageNumber,
    Lower,
    MarginMode,
    Number,
    OrderId,
    PriceType,
    ProtectionFailure,
    Side,
    Symbol,
    TimeInForce,
    Words,
    to_text,
)
from api.reading import check, refused
from api.requests import Guard

BATCH_MAX = 50
CANCELS_MAX = 100
TRIGGER_ONLY = ("stop_price", "price_type")
CONDITIONAL = ("stop", "stop_limit", "take_profit", "take_profit_limit")
OrderType = Annotated[
    Literal["market", "limit", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop"], Lower
]
Unit = Annotated[Literal["contracts", "base"], Lower]
Lines = Iterator[tuple[str, str]]


def _to_guard(said: Any) -> Any:
    """A bare number is a price, followed by the last one."""
    if said is None or isinstance(said, dict | Guard):
        return said
    return Guard(price=to_text(said))


GuardWords = Annotated[
    Guard,
    BeforeValidator(_to_guard),
    WithJsonSchema({"anyOf": [*NUMBER_SCHEMA["anyOf"], {"$ref": "#/components/schemas/Guard"}]}),
]
"""A take-profit or a stop-loss: a price, or an object that says what it follows."""


class Together(Words):
    """Words whose fields have to fit each other."""

    def problems(self) -> Lines:
        """A line for each field that does not fit the others."""
        return iter(())


T = TypeVar("T", bound=Together)


def check_together(model: type[T], said: Mapping[str, Any]) -> T:
    wanted = check(model, said)
    lines = tuple(wanted.problems())
    if lines:
        raise refused(lines)
    return wanted


class Sized(Together):
    """How much. A quote amount is exact at a price."""

    quantity: Number | None = Field(default=None, description="in the quantity_unit")
    quantity_unit: Unit = "contracts"
    quote_quantity: Number | None = Field(default=None, description="instead of quantity: what it is worth")

    @property
    def amount(self) -> tuple[str, str, str] | None:
        """The field, the amount and its unit."""
        if self.quote_quantity is not None:
            return "quote_quantity", self.quote_quantity, "quote"
        return None if self.quantity is None else ("quantity", self.quantity, self.quantity_unit)

    def _sizes(self, *, may_be_none: bool) -> Lines:
        if self.quantity is not None and self.quote_quantity is not None:
            yield "quote_quantity", "cannot stand beside quantity"
        if self.amount is None and not may_be_none:
            yield "quantity", "is required, or quote_quantity"


class NewOrder(Sized):
    """An order. `price` is ignored for a market order; the stop and take_profit types wait for `stop_price`."""

    account_id: AccountId | None = None
    symbol: Symbol
    side: Side
    type: OrderType
    price: Number | None = None
    stop_price: Number | None = None
    price_type: PriceType = Field(default="last", description="which price a stop or take_profit order follows")
    time_in_force: TimeInForce | None = None
    reduce_only: StrictBool = False
    leverage: LeverageNumber | None = None
    margin_mode: MarginMode | None = None
    take_profit: GuardWords | None = None
    stop_loss: GuardWords | None = None
    attach: StrictBool | None = Field(
        default=None,
        description="have the venue attach the guards to the order; what it does not confirm is placed."
        " Left out, as is best at the venue",
    )
    on_protection_failure: ProtectionFailure | None = None
    client_order_id: ClientOrderId | None = None
    iceberg: Number | None = Field(default=None, description="how much of it others may see, in the quantity_unit")
    self_trade: Annotated[Literal["cancel_newest", "cancel_oldest", "cancel_both"], Lower] | None = None
    dry_run: StrictBool = Field(default=False, description="answer the venue's request instead of sending it")

    @property
    def is_conditional(self) -> bool:
        return self.type in CONDITIONAL

    @property
    def is_limit(self) -> bool:
        return self.type.endswith("limit")

    def problems(self) -> Lines:
        if self.type == "trailing_stop":
            yield "type", "trailing_stop is offered by no venue here; use stop or take_profit"
            return
        closes_all = self.is_conditional and not self.is_limit and self.reduce_only
        yield from self._sizes(may_be_none=closes_all)
        yield from self._prices()
        yield from self._conditional() if self.is_conditional else self._plain()

    def check_for_a_batch(self) -> None:
        """Raises for what is said of a whole batch, or cannot be in one."""
        lines = []
        if self.is_conditional:
            lines.append(("type", "must be market or limit in a batch"))
        of_all = [name for name in ("account_id", "dry_run") if getattr(self, name)]
        lines += [(name, "is not said of one order of many") for name in of_all]
        if lines:
            raise refused(tuple(lines))

    def _prices(self) -> Lines:
        if self.is_limit and self.price is None:
            yield "price", f"is required for a {self.type} order"
        if self.is_conditional and not self.is_limit and self.price is not None:
            yield "price", f"is for {self.type}_limit orders; a {self.type} order has a stop_price"
        if self.is_conditional and self.stop_price is None:
            yield "stop_price", f"is required for a {self.type} order"
        if not self.is_conditional and self.stop_price is not None:
            yield "stop_price", "is for stop and take_profit orders"

    def _plain(self) -> Lines:
        if self.type == "market" and self.time_in_force in ("poc", "post_only"):
            yield "time_in_force", "a market order cannot wait for others"
        if self.type == "market" and self.iceberg is not None:
            yield "iceberg", "is for limit orders"
        if self.attach and self.take_profit is None and self.stop_loss is None:
            yield "attach", "needs a take_profit or a stop_loss"

    def _conditional(self) -> Lines:
        usual = "gtc" if self.is_limit else "ioc"
        if self.time_in_force not in (None, usual):
            yield "time_in_force", f"can only be {usual} for a {self.type} order"
        for name in ("take_profit", "stop_loss", "iceberg", "self_trade"):
            if getattr(self, name) is not None:
                yield name, f"is not for {self.type} orders"
        if self.attach:
            yield "attach", f"is not for {self.type} orders"


class NewTrigger(Sized):
    """A conditional order. Its way is said by `type` or by `rule`, else it is the one from the price of the moment."""

    account_id: AccountId | None = None
    symbol: Symbol
    side: Side
    type: Annotated[Literal["stop", "stop_limit", "take_profit", "take_profit_limit"], Lower] | None = None
    rule: Annotated[Literal["at_or_above", "at_or_below"], Lower] | None = None
    stop_price: Number
    price_type: PriceType = "last"
    price: Number | None = Field(default=None, description="of the order that it becomes; without it, the market's")
    reduce_only: StrictBool = False
    leverage: LeverageNumber | None = None
    margin_mode: MarginMode | None = None
    expires_in_s: Annotated[int, Field(strict=True, ge=1, le=30 * 86_400)] | None = None
    client_order_id: ClientOrderId | None = None
    dry_run: StrictBool = False

    def problems(self) -> Lines:
        yield from self._sizes(may_be_none=self.reduce_only and self.price is None)
        if self.type is not None and self.rule is not None:
            yield "rule", "cannot stand beside type, which says it already"
        if self.type is not None and self.type.endswith("_limit") != (self.price is not None):
            yield "price", f"{'is required' if self.price is None else 'is not'} for a {self.type} order"


class Changed(Sized):
    """What is to be different about an order or a trigger; what is left out stays. A quantity is the new total."""

    account_id: AccountId | None = None
    price: Number | None = None
    stop_price: Number | None = Field(default=None, description="of a stop or take_profit order")
    price_type: PriceType | None = Field(default=None, description="of a stop or take_profit order")

    def problems(self) -> Lines:
        yield from self._sizes(may_be_none=True)
        if self.amount is None and self.price is None and self.stop_price is None and self.price_type is None:
            yield "body", "must say what is to change: quantity, price, stop_price or price_type"

    def check_for_an_order(self) -> None:
        lines = tuple((name, "is for stop and take_profit orders") for name in TRIGGER_ONLY if getattr(self, name))
        if lines:
            raise refused(lines)


class NewOrders(Words):
    """Many orders. Each is checked by itself, and what is wrong with one holds up none of the others."""

    account_id: AccountId | None = None
    orders: Annotated[list[Any], Field(min_length=1, max_length=BATCH_MAX)]


class OrderIds(Words):
    """Which orders."""

    account_id: AccountId | None = None
    order_ids: Annotated[list[OrderId], Field(min_length=1, max_length=CANCELS_MAX)]


class ClosePosition(Words):
    account_id: AccountId | None = None


class PositionMode(Words):
    account_id: AccountId | None = None
    position_mode: Annotated[Literal["one_way", "hedge"], Lower]


class NewLeverage(Together):
    """What is left out stays as it is at the venue."""

    account_id: AccountId | None = None
    symbol: Symbol
    leverage: LeverageNumber | None = None
    margin_mode: MarginMode | None = None

    def problems(self) -> Lines:
        if self.leverage is None and self.margin_mode is None:
            yield "leverage", "is required, or margin_mode"
