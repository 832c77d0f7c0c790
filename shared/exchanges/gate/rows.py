"""The rows of Gate as they come, and the decoders that read them.

Only what is read stands here; all else in a row is skipped without being looked at. The same row is told with numbers
or with strings, so every number is a `Decimal`, made from either without a float between.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from shared.exchanges.gate.numbers import ZERO

NULL = msgspec.Raw(b"null")


# An account's rows.


class OrderRow(msgspec.Struct):
    id: int | str
    contract: str
    status: str
    size: Decimal
    left: Decimal = ZERO
    price: Decimal = ZERO
    fill_price: Decimal | None = None
    tif: str = ""
    text: str = ""
    finish_as: str = ""
    create_time: Decimal | None = None
    create_time_ms: Decimal | None = None
    update_time: Decimal | None = None
    finish_time: Decimal | None = None
    finish_time_ms: Decimal | None = None
    is_reduce_only: bool = False
    is_close: bool = False
    is_liq: bool = False
    auto_size: str = ""
    fee: Decimal | None = None


class GuardsRow(msgspec.Struct):
    """What an order says of the take-profit and stop-loss attached to it: by REST's names, or by those of a push."""

    tpsl_tp_trigger_price: msgspec.Raw = NULL
    tpsl_sl_trigger_price: msgspec.Raw = NULL
    stop_profit_price: msgspec.Raw = NULL
    stop_loss_price: msgspec.Raw = NULL


class PlacedItem(msgspec.Struct):
    """How one order of a batch went; when it went well the rest of the row is the order."""

    succeeded: bool | None = None
    label: str = ""
    detail: str | None = None
    message: str | None = None


class CancelledItem(msgspec.Struct):
    id: int | str
    succeeded: bool = False
    label: str = ""
    message: str | None = None


class FillRow(msgspec.Struct):
    contract: str
    size: Decimal
    price: Decimal
    order_id: int | str
    id: int | str | None = None
    trade_id: int | str | None = None
    create_time: Decimal | None = None
    create_time_ms: Decimal | None = None
    fee: Decimal | None = None
    role: str = ""
    text: str = ""


class PositionRow(msgspec.Struct):
    contract: str
    size: Decimal
    mode: str = "single"
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None
    liq_price: Decimal | None = None
    leverage: Decimal | None = None
    cross_leverage_limit: Decimal | None = None
    lever: Decimal | None = None
    pos_margin_mode: str = ""
    margin: Decimal | None = None
    initial_margin: Decimal | None = None
    realised_pnl: Decimal | None = None
    unrealised_pnl: Decimal | None = None
    update_id: int | str | None = None
    update_time: Decimal | None = None
    time: Decimal | None = None
    time_ms: Decimal | None = None


class ClosedRow(msgspec.Struct):
    """A position that reached zero."""

    contract: str
    pnl: Decimal
    side: str
    text: str = ""
    time: Decimal | None = None
    time_ms: Decimal | None = None


class BalanceRow(msgspec.Struct):
    """A push: only money that moved, never what is free of it."""

    currency: str
    balance: Decimal
    time: Decimal | None = None
    time_ms: Decimal | None = None


class AccountRow(msgspec.Struct):
    """Margin is told twice: of what is isolated, and of what shares the account's."""

    currency: str
    total: Decimal
    available: Decimal | None = None
    position_margin: Decimal | None = None
    order_margin: Decimal | None = None
    cross_initial_margin: Decimal | None = None
    cross_order_margin: Decimal | None = None
    update_time: Decimal | None = None


class ModeRow(msgspec.Struct):
    """The same account, for who asks how it holds positions. One of the two is always there."""

    position_mode: str = ""
    in_dual_mode: bool | None = None


class SpotRow(msgspec.Struct):
    currency: str
    available: Decimal
    locked: Decimal = ZERO


class UnifiedRow(msgspec.Struct):
    """One currency. What it owes is taken off `equity` already, and what it gains or loses on paper is in it."""

    equity: Decimal | None = None
    available: Decimal | None = None
    freeze: Decimal | None = None


class UnifiedAccount(msgspec.Struct):
    balances: dict[str, msgspec.Raw]
    refresh_time: Decimal | None = None


class TriggerPart(msgspec.Struct):
    price: Decimal
    rule: int | str = 0
    price_type: int | str = 0


class InitialPart(msgspec.Struct):
    contract: str
    size: Decimal = ZERO
    amount: str = ""
    price: Decimal = ZERO
    text: str = ""
    is_close: bool = False
    is_reduce_only: bool = False
    close: bool = False
    reduce_only: bool = False
    auto_size: str = ""


class TriggerRow(msgspec.Struct):
    """Ids have a twin that is text, since many readers cannot hold the number."""

    id: int | str
    trigger: TriggerPart
    initial: InitialPart
    status: str
    id_string: str = ""
    finish_as: str = ""
    reason: str = ""
    order_type: str = ""
    create_time: Decimal | None = None
    finish_time: Decimal | None = None
    trade_id: int | str = 0
    trade_id_string: str = ""
    me_order_id: int | str = 0
    me_order_id_string: str = ""
    parent_id: int | str = 0
    parent_id_string: str = ""


class TriggerId(msgspec.Struct):
    id: int | str
    id_string: str = ""


class Identity(msgspec.Struct):
    user: int | str | None = None
    user_id: int | str | None = None


ORDER = msgspec.json.Decoder(OrderRow)
ORDERS = msgspec.json.Decoder(list[OrderRow])
GUARDS = msgspec.json.Decoder(GuardsRow)
PLACED_ITEM = msgspec.json.Decoder(PlacedItem)
CANCELLED_ITEM = msgspec.json.Decoder(CancelledItem)
FILL = msgspec.json.Decoder(FillRow)
FILLS = msgspec.json.Decoder(list[FillRow])
POSITION = msgspec.json.Decoder(PositionRow)
POSITIONS = msgspec.json.Decoder(list[PositionRow])
CLOSED = msgspec.json.Decoder(list[ClosedRow])
BALANCES = msgspec.json.Decoder(list[BalanceRow])
ACCOUNT = msgspec.json.Decoder(AccountRow)
MODE = msgspec.json.Decoder(ModeRow)
SPOT = msgspec.json.Decoder(SpotRow)
UNIFIED = msgspec.json.Decoder(UnifiedRow)
UNIFIED_ACCOUNT = msgspec.json.Decoder(UnifiedAccount)
TRIGGER = msgspec.json.Decoder(TriggerRow)
TRIGGERS = msgspec.json.Decoder(list[TriggerRow])
TRIGGER_ID = msgspec.json.Decoder(TriggerId)
IDENTITY = msgspec.json.Decoder(Identity)
RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


# The market's rows.


class TickerRow(msgspec.Struct):
    contract: str
    last: Decimal | None = None
    highest_bid: Decimal | None = None
    lowest_ask: Decimal | None = None
    highest_size: Decimal | None = None
    lowest_size: Decimal | None = None
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    high_24h: Decimal | None = None
    low_24h: Decimal | None = None
    volume_24h: Decimal | None = None
    change_percentage: Decimal | None = None
    funding_rate: Decimal | None = None


class ContractRow(msgspec.Struct):
    name: str
    quanto_multiplier: Decimal
    status: str = ""
    in_delisting: bool = False
    order_price_round: Decimal | None = None
    order_price_deviate: Decimal | None = None
    order_size_min: Decimal | None = None
    order_size_max: Decimal | None = None
    market_order_size_max: Decimal | None = None
    orders_limit: int | None = None
    enable_decimal: bool = False
    leverage_min: Decimal | None = None
    leverage_max: Decimal | None = None
    maintenance_rate: Decimal | None = None
    mark_price: Decimal | None = None
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None
    funding_rate: Decimal | None = None
    funding_interval: int | None = None
    funding_next_apply: Decimal | None = None


class Level(msgspec.Struct):
    p: Decimal
    s: Decimal


class Book(msgspec.Struct):
    asks: list[Level]
    bids: list[Level]
    id: int | str | None = None
    update: Decimal | None = None


class CandleRow(msgspec.Struct):
    """Those of mark and index prices have no volume."""

    t: Decimal
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the venue's own name for the low
    c: Decimal
    v: Decimal | None = None
    sum: Decimal | None = None


class TradeRow(msgspec.Struct):
    id: int | str
    size: Decimal
    price: Decimal
    create_time: Decimal | None = None
    create_time_ms: Decimal | None = None


class Clock(msgspec.Struct):
    server_time: int


TICKERS = msgspec.json.Decoder(list[TickerRow])
CONTRACTS = msgspec.json.Decoder(list[ContractRow])
BOOK = msgspec.json.Decoder(Book)
CANDLES = msgspec.json.Decoder(list[CandleRow])
TRADES = msgspec.json.Decoder(list[TradeRow])
CLOCK = msgspec.json.Decoder(Clock)


# Errors and frames.


class Error(msgspec.Struct):
    label: str = ""
    message: str | None = None
    detail: str | None = None


class Envelope(msgspec.Struct):
    channel: str = ""
    event: str = ""
    time_ms: int | str | None = None
    result: msgspec.Raw = NULL
    error: msgspec.Raw = NULL


class CallEnvelope(msgspec.Struct):
    """An answer to a call over the socket has its channel inside."""

    header: dict[str, msgspec.Raw]
    request_id: str = ""


class FrameError(msgspec.Struct):
    code: int = 0
    message: str = ""


class Notice(msgspec.Struct):
    type: str = ""
    msg: str = ""


ERROR = msgspec.json.Decoder(Error)
ENVELOPE = msgspec.json.Decoder(Envelope)
CALL_ENVELOPE = msgspec.json.Decoder(CallEnvelope)
FRAME_ERROR = msgspec.json.Decoder(FrameError)
NOTICE = msgspec.json.Decoder(Notice)
