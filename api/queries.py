"""What callers may say behind the question mark."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.fields import AccountId, Lower, MarginMode, OrderId, Side, Symbol, Words

ROWS_MAX = 500
CANDLES_MAX = 1000
TRADES_MAX = 100
TIME_MAX = 10**14


# Of the market.


class MarketQuery(Words):
    venue: Annotated[str, Field(max_length=40)] = "gate"


class BookQuery(MarketQuery):
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class CandlesQuery(MarketQuery):
    interval: Annotated[str, Field(max_length=10, examples=["1m"])] = "1m"
    limit: Annotated[int, Field(ge=1, le=CANDLES_MAX)] = 100
    from_ms: int | None = Field(default=None, ge=0, le=TIME_MAX, alias="from", description="in s or ms")
    to_ms: int | None = Field(default=None, ge=0, le=TIME_MAX, alias="to", description="in s or ms")


class TradesQuery(MarketQuery):
    limit: Annotated[int, Field(ge=1, le=TRADES_MAX)] = 50


# Of an account.


class AccountQuery(Words):
    account_id: AccountId | None = Field(default=None, description="may be left out by who has one account")


class LeverageQuery(AccountQuery):
    symbol: Symbol
    margin_mode: MarginMode | None = Field(default=None, description="which, where each has a leverage of its own")


class ShownQuery(AccountQuery):
    raw: bool = Field(default=False, description="show the venue's own row beside")


class FreshQuery(ShownQuery):
    symbol: Symbol | None = None
    fresh: bool = Field(default=False, description="ask the venue, even where the record is kept true")


class PageQuery(FreshQuery):
    limit: Annotated[int, Field(ge=1, le=ROWS_MAX)] = 100
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0


class ListQuery(PageQuery):
    status: Annotated[str, Lower, Field(max_length=20, examples=["open"])] | None = Field(
        default=None, description="open, finished, or a status itself"
    )


class FillsQuery(PageQuery):
    order_id: OrderId | None = None


class CancelAllQuery(AccountQuery):
    symbol: Symbol | None = Field(default=None, description="left out, those of all symbols")
    side: Side | None = None
    triggers: bool = Field(default=False, description="also what waits for a price")


class SymbolQuery(AccountQuery):
    symbol: Symbol | None = None
