"""OKX's algo orders as REST and the two algo channels show them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared.paper.algos import STOP_LOSS, TAKE_PROFIT, TRIGGER, Algo
from shared.paper.numbers import plain
from shared.paper.okx.attached import attached_row, leg_words
from shared.paper.okx.instruments import is_spot, kind_of
from shared.paper.okx.terms import OrderTerms, to_error
from shared.paper.orders import Refusal, Why
from shared.paper.wallets import UnifiedRequest

if TYPE_CHECKING:
    from shared.paper.okx.door import OkxDoor

Row = dict[str, Any]
ADVANCED = ("move_order_stop",)
STATES = {"succeeded": "effective", "cancelled": "canceled", "failed": "order_failed"}
ACTUAL = {TAKE_PROFIT: "tp", STOP_LOSS: "sl"}


def algo_state(algo: Algo) -> str:
    """live, effective, canceled or order_failed."""
    return STATES.get(algo.finish_as, "live")


def terms_of_algo(algo: Algo) -> OrderTerms:
    """How it was asked for."""
    assert isinstance(algo.request, UnifiedRequest) and isinstance(algo.request.said, OrderTerms)
    return algo.request.said


def _fail_code(algo: Algo) -> str:
    if algo.finish_as != "failed":
        return ""
    return to_error(Refusal(Why(algo.reason)), is_spot=is_spot(algo.contract)).code


def _size(algo: Algo) -> str:
    terms = terms_of_algo(algo)
    return "" if algo.closes_all else terms.quote_size or plain(abs(algo.request.size))


def _base_row(door: OkxDoor, algo: Algo) -> Row:
    terms, listing = terms_of_algo(algo), door.engine.listings[algo.contract.name]
    orders = [str(order.id) for order in algo.orders]
    position = (
        None if is_spot(algo.contract) else algo.account.position(algo.contract, getattr(algo.request, "mode", ""))
    )
    assert isinstance(algo.request, UnifiedRequest)
    trigger = next((leg for leg in algo.terms.legs if leg.name == TRIGGER), None)
    fired_size = abs(algo.orders[0].size) if algo.orders else Decimal(0)
    fired = algo.fired.terms.name if algo.fired and algo.orders else ""
    worth = abs(algo.contract.value(algo.request.size, listing.last))
    return {
        "actualPx": _actual_price(algo), "actualSide": ACTUAL.get(fired, ""), "actualSz": plain(fired_size),
        "algoClOrdId": algo.text, "algoId": str(algo.id), "cTime": str(algo.created_ms), "uTime": str(algo.updated_ms),
        "ccy": "USDT", "clOrdId": "", "closeFraction": "1" if algo.closes_all else "", "failCode": _fail_code(algo),
        "instId": algo.contract.name, "instType": kind_of(algo.contract), "last": plain(listing.last),
        "lever": plain(position.leverage) if position else "", "linkedOrd": {"ordId": ""},
        "notionalUsd": plain(worth), "ordId": orders[0] if orders else "", "ordIdList": orders,
        "ordPx": (plain(trigger.order_price) if trigger.order_price else "-1") if trigger else "",
        "ordType": algo.order_type, "posSide": terms.pos_side or "net", "quickMgnType": "",
        "reduceOnly": "true" if terms.reduce_only else "false",
        "side": "buy" if algo.is_buy else "sell", "state": algo_state(algo), "sz": _size(algo), "tag": terms.tag,
        "tdMode": terms.td_mode, "tgtCcy": terms.tgt_ccy, "tradeQuoteCcy": "USDT" if is_spot(algo.contract) else "",
        "triggerPx": plain(trigger.price) if trigger else "", "triggerPxType": trigger.price_kind if trigger else "",
        "triggerTime": str(algo.finished_ms) if algo.finish_as == "succeeded" else "",
    } | leg_words(algo.terms.legs)  # fmt: skip


def _actual_price(algo: Algo) -> str:
    if not algo.orders:
        return "0"
    order = algo.orders[0]
    return plain(order.price or order.fill_price)


def _attached(algo: Algo) -> list[Row]:
    assert isinstance(algo.request, UnifiedRequest)
    return [attached_row(each) for each in algo.request.attached]


def algo_push(door: OkxDoor, algo: Algo) -> Row:
    """What orders-algo tells."""
    return _base_row(door, algo) | {
        "advanceOrdType": _advance(algo), "amendPxOnTriggerType": "0", "attachAlgoOrds": _attached(algo),
        "amendResult": "0" if algo.version and not algo.finish_as else "", "reqId": algo.amend_text,
        "chaseType": "", "chaseVal": "", "maxChaseType": "", "maxChaseVal": "", "isTradeBorrowMode": "",
    }  # fmt: skip


def _moving(algo: Algo) -> Row:
    terms, moved = algo.terms, algo.move_price
    return {
        "activePx": plain(terms.active_price) if terms.active_price else "",
        "callbackRatio": plain(terms.callback_ratio) if terms.callback_ratio else "",
        "callbackSpread": plain(terms.callback_spread) if terms.callback_spread else "",
        "moveTriggerPx": plain(moved) if moved else "", "count": "", "pxLimit": "", "pxSpread": "", "pxVar": "",
        "szLimit": "", "timeInterval": "",
    }  # fmt: skip


def advance_push(door: OkxDoor, algo: Algo) -> Row:
    """What algo-advance tells, where a flag is a flag and no name of a price kind is known."""
    row = _base_row(door, algo) | _moving(algo)
    for name in (
        "tpTriggerPxType", "slTriggerPxType", "triggerPxType", "closeFraction", "linkedOrd", "last", "ordIdList",
        "quickMgnType", "tgtCcy", "uTime",
    ):  # fmt: skip
        row.pop(name)
    actual = row["actualPx"] if algo.orders else ""
    return row | {"actualPx": actual, "isTradeBorrowMode": False, "pTime": str(door.exchange.now_ms())}


def algo_row(door: OkxDoor, algo: Algo) -> Row:
    """An algo order as REST shows it."""
    row = _base_row(door, algo) | _moving(algo)
    if not algo.orders:
        row["actualPx"] = ""
    return row | {
        "advanceOrdType": _advance(algo), "amendPxOnTriggerType": "0", "attachAlgoOrds": _attached(algo),
        "isTradeBorrowMode": "", "chaseType": "", "chaseVal": "", "maxChaseType": "", "maxChaseVal": "",
    }  # fmt: skip


def _advance(algo: Algo) -> str:
    terms = terms_of_algo(algo)
    return terms.ord_type if algo.order_type == "trigger" and terms.ord_type in ("fok", "ioc") else ""
