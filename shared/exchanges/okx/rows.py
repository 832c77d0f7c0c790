"""The rows of OKX as they come, and the decoders that read them.

Only what is read stands here; all else in a row is skipped without being looked at. Nearly everything is text, and what
does not apply is empty text. Names are the venue's own.
"""
# ruff: noqa: N815 - a row's names are the venue's own

from __future__ import annotations

import msgspec

NULL = msgspec.Raw(b"null")


# An account's rows.


class OrderRow(msgspec.Struct):
    """By REST, or pushed: a push also tells the fill that it is about."""

    instId: str
    ordId: str
    state: str
    side: str
    sz: str
    instType: str = ""
    ordType: str = ""
    px: str = ""
    clOrdId: str = ""
    accFillSz: str = ""
    avgPx: str = ""
    fee: str = ""
    feeCcy: str = ""
    rebate: str = ""
    rebateCcy: str = ""
    posSide: str = ""
    tgtCcy: str = ""
    reduceOnly: str = ""
    category: str = ""
    cancelSource: str = ""
    cTime: str = ""
    uTime: str = ""
    tradeId: str = ""
    fillSz: str = ""
    fillPx: str = ""
    fillTime: str = ""
    fillFee: str = ""
    fillFeeCcy: str = ""
    execType: str = ""


class GuardsRow(msgspec.Struct):
    """What an order says of the take-profit and stop-loss attached to it."""

    attachAlgoOrds: list[AttachedRow] = []


class AttachedRow(msgspec.Struct):
    tpTriggerPx: str = ""
    slTriggerPx: str = ""
    failCode: str = ""


class FillRow(msgspec.Struct):
    instId: str
    ordId: str
    tradeId: str
    fillPx: str
    fillSz: str
    side: str
    instType: str = ""
    clOrdId: str = ""
    billId: str = ""
    fee: str = ""
    feeCcy: str = ""
    execType: str = ""
    fillTime: str = ""
    ts: str = ""


class PositionRow(msgspec.Struct):
    instId: str
    pos: str
    instType: str = ""
    mgnMode: str = ""
    posSide: str = ""
    posCcy: str = ""
    ccy: str = ""
    avgPx: str = ""
    markPx: str = ""
    liqPx: str = ""
    lever: str = ""
    margin: str = ""
    imr: str = ""
    realizedPnl: str = ""
    upl: str = ""
    uTime: str = ""


class AssetRow(msgspec.Struct):
    """One currency of the trading account."""

    ccy: str
    cashBal: str = ""
    eq: str = ""
    availBal: str = ""
    availEq: str = ""
    frozenBal: str = ""
    uTime: str = ""


class AccountRow(msgspec.Struct):
    details: list[msgspec.Raw] = []
    uTime: str = ""


class FundingRow(msgspec.Struct):
    ccy: str
    bal: str
    availBal: str = ""
    frozenBal: str = ""


class CashRow(msgspec.Struct):
    ccy: str
    cashBal: str
    uTime: str = ""


class MovedRow(msgspec.Struct):
    """What a fill or a transfer moved: the side of it that did not move is an empty list."""

    eventType: str = ""
    balData: list[CashRow] = []
    posData: list[PositionRow] = []


class AlgoRow(msgspec.Struct):
    algoId: str
    instId: str
    ordType: str
    state: str
    side: str
    instType: str = ""
    algoClOrdId: str = ""
    posSide: str = ""
    sz: str = ""
    tgtCcy: str = ""
    closeFraction: str = ""
    reduceOnly: str = ""
    ordPx: str = ""
    tpTriggerPx: str = ""
    tpTriggerPxType: str = ""
    tpOrdPx: str = ""
    slTriggerPx: str = ""
    slTriggerPxType: str = ""
    slOrdPx: str = ""
    triggerPx: str = ""
    triggerPxType: str = ""
    activePx: str = ""
    moveTriggerPx: str = ""
    actualSide: str = ""
    ordId: str = ""
    ordIdList: list[str] = []
    linkedOrd: LinkedRow | None = None
    failCode: str = ""
    cTime: str = ""
    uTime: str = ""
    triggerTime: str = ""
    pTime: str = ""


class LinkedRow(msgspec.Struct):
    """The limit order that is the other half of a stop-loss."""

    ordId: str = ""


class ConfigRow(msgspec.Struct):
    uid: str
    posMode: str = ""
    perm: str = ""


class LeverageRow(msgspec.Struct):
    lever: str
    mgnMode: str
    posSide: str = ""


class StatedRow(msgspec.Struct):
    """A row of an order tells its state; an answer to a command does not."""

    state: str = ""


class ItemRow(msgspec.Struct):
    """How one order of a command went. What it says counts, whatever the envelope says."""

    sCode: str = ""
    sMsg: str = ""
    subCode: str = ""
    ordId: str = ""
    clOrdId: str = ""
    algoId: str = ""
    algoClOrdId: str = ""
    ts: str = ""


STATED = msgspec.json.Decoder(StatedRow)
ORDER = msgspec.json.Decoder(OrderRow)
ORDERS = msgspec.json.Decoder(list[OrderRow])
GUARDS = msgspec.json.Decoder(GuardsRow)
FILL = msgspec.json.Decoder(FillRow)
POSITION = msgspec.json.Decoder(PositionRow)
POSITIONS = msgspec.json.Decoder(list[PositionRow])
ASSET = msgspec.json.Decoder(AssetRow)
ACCOUNT = msgspec.json.Decoder(AccountRow)
ACCOUNTS = msgspec.json.Decoder(list[AccountRow])
FUNDING = msgspec.json.Decoder(FundingRow)
MOVED = msgspec.json.Decoder(list[MovedRow])
ALGO = msgspec.json.Decoder(AlgoRow)
ALGOS = msgspec.json.Decoder(list[AlgoRow])
CONFIG = msgspec.json.Decoder(ConfigRow)
LEVERAGE = msgspec.json.Decoder(LeverageRow)
ITEM = msgspec.json.Decoder(ItemRow)
RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


# The market's rows.


class TickerRow(msgspec.Struct):
    instId: str
    instType: str = ""
    last: str = ""
    askPx: str = ""
    askSz: str = ""
    bidPx: str = ""
    bidSz: str = ""
    open24h: str = ""
    high24h: str = ""
    low24h: str = ""
    vol24h: str = ""
    ts: str = ""


class InstrumentRow(msgspec.Struct):
    instType: str
    instId: str
    instIdCode: int | None = None
    instFamily: str = ""
    baseCcy: str = ""
    quoteCcy: str = ""
    settleCcy: str = ""
    ctVal: str = ""
    ctMult: str = ""
    ctValCcy: str = ""
    tickSz: str = ""
    lotSz: str = ""
    minSz: str = ""
    maxLmtSz: str = ""
    maxMktSz: str = ""
    lever: str = ""
    state: str = ""
    expTime: str = ""


class BookRow(msgspec.Struct):
    asks: list[list[str]]
    bids: list[list[str]]
    ts: str = ""
    seqId: int | None = None


class TradeRow(msgspec.Struct):
    tradeId: str
    px: str
    sz: str
    side: str
    ts: str = ""


class ClockRow(msgspec.Struct):
    ts: str


TICKER = msgspec.json.Decoder(TickerRow)
INSTRUMENT = msgspec.json.Decoder(InstrumentRow)
BOOK = msgspec.json.Decoder(BookRow)
CANDLE = msgspec.json.Decoder(list[str])
TRADE = msgspec.json.Decoder(TradeRow)
CLOCK = msgspec.json.Decoder(ClockRow)


# Envelopes.


class Answer(msgspec.Struct):
    data: list[msgspec.Raw]


class Envelope(msgspec.Struct):
    """A reply, whatever it says: a refused key gets no `data`, an unknown path a code that is a number."""

    code: str | int = ""
    msg: str = ""
    data: msgspec.Raw = NULL


class Arg(msgspec.Struct):
    channel: str = ""


class Frame(msgspec.Struct):
    """What comes over the socket: a push has an `arg` and rows, an answer to a call an `op`, all else an `event`."""

    arg: Arg | None = None
    data: msgspec.Raw = NULL
    eventType: str = ""
    curPage: int = 0
    lastPage: bool | None = None
    event: str = ""
    code: str = ""
    msg: str = ""
    id: str = ""
    op: str = ""
    channel: str = ""
    connCount: str = ""


ANSWER = msgspec.json.Decoder(Answer)
ENVELOPE = msgspec.json.Decoder(Envelope)
FRAME = msgspec.json.Decoder(Frame)
