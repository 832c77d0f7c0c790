"""OKX's orders and fills as it shows them: a push has 71 keys whatever happened, a REST row fewer, some of other
meaning."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.paper.numbers import plain
from shared.paper.okx.attached import attached_row
from shared.paper.okx.instruments import is_spot, kind_of
from shared.paper.okx.ledger import FillNote
from shared.paper.okx.orders import AmendNote
from shared.paper.okx.terms import (
    CANCEL_REASONS,
    cancel_source,
    client_text,
    fee_coins,
    price_text,
    size_text,
    state_of,
    terms_of,
)
from shared.paper.orders import Fill, Order
from shared.paper.wallets import UnifiedRequest

Row = dict[str, Any]
LEGACY = dict.fromkeys(
    ("attachAlgoClOrdId", "tpTriggerPx", "tpTriggerPxType", "tpOrdPx", "slTriggerPx", "slTriggerPxType", "slOrdPx"), ""
)
OPTIONS = dict.fromkeys(("pxUsd", "pxVol", "pxType"), "")
SUB_TYPES = {("long", True): "3", ("short", False): "4", ("long", False): "5", ("short", True): "6"}


def _base_row(order: Order) -> Row:
    terms, spot = terms_of(order), is_spot(order.contract)
    fee_coin, rebate_coin = fee_coins(order)
    attached = order.request.attached if isinstance(order.request, UnifiedRequest) else ()
    return {
        "instType": kind_of(order.contract), "instId": order.contract.name, "tgtCcy": terms.tgt_ccy,
        "ccy": "USDT", "tradeQuoteCcy": "USDT" if spot else "", "ordId": str(order.id), "clOrdId": client_text(order),
        "algoClOrdId": terms.algo_text, "algoId": terms.algo_id, "tag": terms.tag, "px": price_text(order.price),
        "sz": size_text(order), "ordType": terms.ord_type, "side": "buy" if order.is_buy else "sell",
        "posSide": terms.pos_side, "tdMode": terms.td_mode, "accFillSz": plain(order.filled),
        "state": state_of(order), "pnl": plain(order.pnl), "feeCcy": fee_coin, "fee": plain(-order.fee),
        "rebateCcy": rebate_coin, "rebate": "0", "category": terms.category, "uTime": str(order.updated_ms),
        "cTime": str(order.created_ms), "source": terms.source,
        "reduceOnly": "true" if terms.reduce_only else "false", "cancelSource": cancel_source(order),
        "quickMgnType": "", "stpId": "", "stpMode": terms.stp_mode, "isTpLimit": "false",
        "linkedAlgoOrd": {"algoId": ""}, "attachAlgoOrds": [attached_row(each) for each in attached],
    } | LEGACY | OPTIONS  # fmt: skip


def order_row(order: Order) -> Row:
    """An order as REST shows it; `fill…` is the last one."""
    row, last = _base_row(order), order.fills[-1] if order.fills else None
    spot = is_spot(order.contract)
    row |= {
        "avgPx": plain(order.fill_price) if order.filled else "",
        "fillPx": plain(last.price) if last else "", "fillSz": plain(abs(last.size)) if last else "0",
        "fillTime": str(last.time_ms) if last else "", "tradeId": trade_id(last) if last else "",
        "lever": "" if spot else plain(order.leverage), "posSide": row["posSide"] or "net",
        "cancelSourceReason": CANCEL_REASONS.get(row["cancelSource"], ""),
    }  # fmt: skip
    for item in row["attachAlgoOrds"]:
        item |= {"failCode": "", "failReason": ""}
    return row


def order_push(order: Order, fill: Fill | None, note: FillNote | None, amended: AmendNote | None, last: Decimal) -> Row:
    """An order as the orders channel tells it; `fill…` is what is told now."""
    row, contract = _base_row(order), order.contract
    spot, fee_coin = is_spot(contract), row["feeCcy"]
    worth = abs(contract.value(order.size, order.price or order.fill_price or last))
    row |= {
        "notionalUsd": plain(worth), "avgPx": plain(order.fill_price),
        "fillNotionalUsd": plain(order.filled_value) if order.filled else "",
        "lever": "0" if spot else plain(order.leverage), "lastPx": plain(last), "outcome": "", "slippage": "0",
        "fillPx": plain(fill.price) if fill else "", "tradeId": trade_id(fill) if fill else "",
        "fillSz": plain(abs(fill.size)) if fill else "0", "fillTime": str(fill.time_ms) if fill else "",
        "fillPnl": plain(note.pnl) if note else "0", "fillFee": plain(-fill.fee) if fill else "0",
        "fillFeeCcy": fee_coin if fill else "", "execType": exec_type(fill) if fill else "", "fillPxVol": "",
        "fillPxUsd": "", "fillMarkVol": "", "fillFwdPx": "",
        "fillMarkPx": plain(note.mark_price) if note and not spot else "",
        "fillIdxPx": plain(note.index_price) if note else "", "amendSource": "1" if amended else "",
        "reqId": amended.req_id if amended else "", "amendResult": amended.result if amended else "",
        "code": amended.code if amended else "0", "msg": amended.message if amended else "",
    }  # fmt: skip
    return row


def fill_row(fill: Fill, note: FillNote) -> Row:
    """A fill as REST shows it."""
    order, terms = fill.order, terms_of(fill.order)
    spot = is_spot(order.contract)
    rate = order.contract.taker_rate if fill.role == "taker" else order.contract.maker_rate
    return {
        "instType": kind_of(order.contract), "instId": order.contract.name, "tradeId": trade_id(fill, is_listed=True),
        "ordId": str(order.id), "clOrdId": client_text(order), "billId": str(note.bill_id), "subType": sub_type(fill),
        "tag": terms.tag, "fillPx": plain(fill.price), "fillSz": plain(abs(fill.size)),
        "fillIdxPx": plain(note.index_price), "fillMarkPx": "" if spot else plain(note.mark_price),
        "fillPnl": plain(note.pnl),
        "fillPxVol": "", "fillPxUsd": "", "fillMarkVol": "", "fillFwdPx": "",
        "side": "buy" if fill.size > 0 else "sell", "posSide": terms.pos_side or "net", "execType": exec_type(fill),
        "feeCcy": fee_coins(order)[0], "fee": plain(-fill.fee), "feeRate": plain(-rate) if spot else "",
        "ts": str(fill.time_ms + 1), "fillTime": str(fill.time_ms), "tradeQuoteCcy": "USDT" if spot else "",
    }  # fmt: skip


def trade_id(fill: Fill, *, is_listed: bool = False) -> str:
    """The trade's id. In lists of fills those of liquidations and deleveraging are negative."""
    forced = is_listed and terms_of(fill.order).category != "normal"
    return str(-fill.id if forced else fill.id)


def exec_type(fill: Fill) -> str:
    """T for who came, M for who waited."""
    return "T" if fill.role == "taker" else "M"


def sub_type(fill: Fill) -> str:
    """What a fill was for, as a number."""
    terms, is_buy = terms_of(fill.order), fill.size > 0
    if terms.category == "adl":
        return "126" if is_buy else "125"
    if terms.category != "normal":
        return "105" if is_buy else "104"
    return SUB_TYPES.get((terms.pos_side, is_buy), "1" if is_buy else "2")
