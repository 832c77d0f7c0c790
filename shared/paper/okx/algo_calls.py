"""OKX's algo orders: take-profit and stop-loss alone or as a pair, triggers and trailing stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from shared.paper.algos import STOP_LOSS, TRIGGER, Algo
from shared.paper.listing import Listing
from shared.paper.numbers import plain
from shared.paper.okx.algo_rows import ADVANCED, algo_row, algo_state
from shared.paper.okx.attached import (
    KINDS,
    SPOT_KIND,
    amended_legs,
    check_living,
    to_attached,
    to_leg_terms,
    to_legs,
    to_trailing,
)
from shared.paper.okx.calls import TAG, Call, OkxError, Reply, Row, Said, wrong
from shared.paper.okx.instruments import is_spot, kind_of
from shared.paper.okx.order_lists import page
from shared.paper.okx.orders import as_items, closes, to_pos_side, to_td_mode
from shared.paper.okx.terms import CASH, SOURCES, OrderTerms
from shared.paper.orders import Stp, Tif
from shared.paper.wallets import CROSS, NET, AlgoTerms, LegTerms, UnifiedRequest, position_mode

ORD_TYPES = ("conditional", "oco", "trigger", "move_order_stop")
TIFS = {"": Tif.GTC, "fok": Tif.FOK, "ioc": Tif.IOC}
CANCEL_MAX = 10
PAGE_MAX = 100
ALGOS_MAX = {"conditional": 100, "oco": 100, "trigger": 500, "move_order_stop": 50}
STATES = ("effective", "canceled", "order_failed")
GONE = "51400", "Cancellation failed as the order has been filled, triggered, canceled or does not exist."


def _item(said: Said) -> Row:
    return {"algoId": "", "algoClOrdId": said.text("algoClOrdId"), "sCode": "0", "sMsg": ""}


def _tried(call: Call, said: Said, act: Callable[[Call, Said], Algo], also: Row) -> Row:
    row = _item(said) | also
    try:
        algo = act(call, said)
    except OkxError as error:
        return row | {"sCode": error.code, "sMsg": error.message}
    return row | {"algoId": str(algo.id), "algoClOrdId": algo.text}


# ---- place


def place(call: Call) -> Reply:
    """POST trade/order-algo."""
    said = call.body()
    return _as_items([_tried(call, said, place_one, {"clOrdId": "", "tag": said.text("tag")})])


def _as_items(rows: list[Row]) -> Reply:
    """Outcomes, without a text at the top and without the door's times."""
    return replace(as_items(rows), message="", is_trading=False)


def place_one(call: Call, said: Said) -> Algo:
    """An algo that waits from now on."""
    listing, account = call.listing(said), call.account
    ord_type, text = said.one_of("ordType", ORD_TYPES), said.name("algoClOrdId")
    if text and any(a.text == text and a.is_waiting for a in account.triggers.values() if isinstance(a, Algo)):
        raise OkxError("51065", "algoClOrdId already exists.")
    living = [a for a in account.triggers.values() if a.is_waiting and a.contract is listing.contract]
    if sum(each.order_type == ord_type for each in living) >= ALGOS_MAX[ord_type]:
        raise OkxError("51042", "The number of pending algo orders exceeds the upper limit.")
    terms = _to_terms(call, listing, said, ord_type, text)
    closes_all = bool(said.text("closeFraction"))
    request = _to_request(call, listing, said, ord_type, terms)
    check_living(listing, terms.legs, is_buy=request.size > 0)
    if closes_all:
        _check_fraction(call, said, request, ord_type)
    is_bound = closes_all or (said.flag("cxlOnClosePos") and request.reduce_only)
    if is_bound and not account.held(listing.contract, request.mode):
        raise OkxError("51023", "Position doesn't exist.")
    return call.door.engine.algos.make(
        account, request, terms, ord_type, call.now_ms, closes_all=closes_all, is_bound=is_bound
    )


def _to_terms(call: Call, listing: Listing, said: Said, ord_type: str, text: str) -> AlgoTerms:
    algo_id = call.door.engine.algos.next_id()
    if ord_type == "move_order_stop":
        trailing = to_trailing(listing, said, algo_id, text)
        if trailing is None:
            raise wrong("callbackRatio")
        return trailing
    if ord_type == "trigger":
        price = said.above_zero("orderPx") if said.text("orderPx") != "-1" else Decimal(-1)
        kind = said.one_of("triggerPxType", KINDS, "last")
        return AlgoTerms(algo_id, text, (to_leg_terms(listing, TRIGGER, said.above_zero("triggerPx"), price, kind),))
    legs = to_legs(listing, said)
    if not legs:
        raise OkxError("51178", "tpTriggerPx & tpOrdPx and slTriggerPx & slOrdPx can't be empty.")
    if ord_type == "oco" and len(legs) < 2:
        raise wrong("slTriggerPx" if legs[0].name != STOP_LOSS else "tpTriggerPx")
    if ord_type == "conditional" and len(legs) > 1:
        legs = legs[1:]  # of both, the stop-loss alone
    return AlgoTerms(algo_id, text, legs)


def _to_request(call: Call, listing: Listing, said: Said, ord_type: str, terms: AlgoTerms) -> UnifiedRequest:
    """The order that it will be when it fires."""
    account, spot = call.account, is_spot(listing.contract)
    td_mode, side = _to_td_mode(call, listing, said), said.one_of("side", ("buy", "sell"))
    pos_side = to_pos_side(account, listing, said)
    # What closes all of a position has a size only when it fires; until then it is a sign.
    size = listing.contract.size_step if said.text("closeFraction") else said.above_zero("sz")
    if size % listing.contract.size_step:
        raise OkxError("51121", "Order quantity must be a multiple of the lot size.")
    tif = TIFS[said.one_of("advanceOrdType", TIFS)] if said.text("advanceOrdType") else Tif.GTC
    is_buy, at_market = side == "buy", not terms.legs or not terms.legs[0].order_price
    tgt_ccy = said.text("tgtCcy")
    in_money = spot and is_buy and at_market and tgt_ccy == "quote_ccy"
    attached = tuple(to_attached(listing, e, call.door.engine.algos.next_id()) for e in said.items("attachAlgoOrds"))
    reduce_only = not spot and said.flag("reduceOnly")
    word = said.text("advanceOrdType") or ("market" if at_market else "limit")
    signed = size if is_buy else -size
    return UnifiedRequest(
        listing.contract.name, signed, tif=tif, text="", reduce_only=reduce_only or closes(pos_side, side),
        stp=Stp.OLDEST, mode=position_mode(td_mode, pos_side or NET), quote_size=size if in_money else None,
        attached=attached,
        said=OrderTerms(
            word, td_mode, pos_side, reduce_only, plain(size) if in_money else "", tgt_ccy, said.name("tag", TAG),
            algo_id=str(terms.id), algo_text=terms.text, source=SOURCES[ord_type],
        ),
    )  # fmt: skip


def _to_td_mode(call: Call, listing: Listing, said: Said) -> str:
    """As for an order. A spot algo may say cross where an order says cash: clients do, and nothing is borrowed."""
    if is_spot(listing.contract) and said.text("tdMode") == CROSS:
        return CASH if call.account.level < 3 else CROSS
    return to_td_mode(call.account, listing, said)


def _check_fraction(call: Call, said: Said, request: UnifiedRequest, ord_type: str) -> None:
    if said.text("closeFraction") != "1":
        raise OkxError("51327", "closeFraction can only be 1.")
    if ord_type not in ("conditional", "oco") or is_spot(call.listing(said).contract):
        raise OkxError("51328", "closeFraction is only available for conditional and oco orders of contracts.")
    if not request.reduce_only:
        raise OkxError("51330", "closeFraction is only available for reduce-only orders.")
    living = [a for a in call.account.guards.values() if isinstance(a, Algo) and a.closes_all and a.is_waiting]
    if any(getattr(a.request, "mode", "") == request.mode and a.contract.name == request.contract for a in living):
        raise OkxError("51332", "A position has one order that closes all of it at most.")


# ---- amend, cancel


def _find(call: Call, said: Said) -> Algo | None:
    algo_id, text = said.text("algoId"), said.text("algoClOrdId")
    if not algo_id and not text:
        raise OkxError("50015", "Either parameter algoId or algoClOrdId is required")
    if algo_id:
        found = call.account.triggers.get(int(algo_id)) if algo_id.isdecimal() and len(algo_id) < 20 else None
        return found if isinstance(found, Algo) else None
    named = [a for a in reversed(call.account.triggers.values()) if isinstance(a, Algo) and a.text == text]
    return next((a for a in named if a.is_waiting), named[0] if named else None)


def cancel(call: Call) -> Reply:
    """POST trade/cancel-algos."""
    items = call.batch(CANCEL_MAX)
    return _as_items([_tried(call, said, cancel_one, {"clOrdId": "", "tag": ""}) for said in items])


def cancel_one(call: Call, said: Said) -> Algo:
    """Cancel what still waits."""
    algo, listing = _find(call, said), call.listing(said)
    is_his = algo is not None and algo.contract is listing.contract
    if algo is None or not is_his or not call.door.engine.algos.end(algo, "cancelled", call.now_ms):
        raise OkxError(*GONE)
    return algo


def amend(call: Call) -> Reply:
    """POST trade/amend-algos."""
    said = call.body()
    return _as_items([_tried(call, said, amend_one, {"reqId": said.text("reqId")})])


def amend_one(call: Call, said: Said) -> Algo:
    """Let it wait elsewhere, or be another order."""
    algo, listing = _find(call, said), call.listing(said)
    if algo is None or algo.contract is not listing.contract or not algo.is_waiting:
        raise OkxError("51503", "Your order has already been filled, canceled or does not exist.")
    if algo.order_type in ADVANCED:
        raise OkxError("51506", "Order modification unavailable for the order type.")
    assert isinstance(algo.request, UnifiedRequest)
    request, size = algo.request, said.number("newSz")
    if size is not None:
        if size <= 0 or size % listing.contract.size_step:
            raise wrong("newSz")
        request = replace(request, size=size if algo.is_buy else -size)
    legs = amended_legs(listing, said, _amended_trigger(listing, said, algo.terms.legs))
    if (request.size, legs) == (algo.request.size, algo.terms.legs):
        raise OkxError("51500", "You must enter a price, quantity, or TP/SL")
    if not legs:
        raise wrong("newTpTriggerPx")
    check_living(listing, legs, is_buy=algo.is_buy)
    if algo.order_type in ("conditional", "oco"):
        algo.order_type = "oco" if len(legs) > 1 else "conditional"
    call.door.engine.algos.change(algo, request, replace(algo.terms, legs=legs), said.name("reqId"), call.now_ms)
    return algo


def _amended_trigger(listing: Listing, said: Said, legs: tuple[LegTerms, ...]) -> tuple[LegTerms, ...]:
    if not legs or legs[0].name != TRIGGER:
        return legs
    now, kind = legs[0], said.text("newTriggerPxType") or legs[0].price_kind
    if kind not in KINDS:
        raise wrong("newTriggerPxType")
    if kind != "last" and is_spot(listing.contract):
        raise OkxError(*SPOT_KIND)
    price = said.number("newTriggerPx")
    order_price = said.number("newOrdPx")
    at = now.order_price or Decimal(-1)
    new_price = now.price if price is None else price
    return (to_leg_terms(listing, TRIGGER, new_price, at if order_price is None else order_price, kind),)


# ---- read


def get(call: Call) -> Reply:
    """GET trade/order-algo."""
    algo = _find(call, call.query)
    if algo is None:
        raise OkxError("51603", "Order does not exist")
    return Reply([algo_row(call.door, algo)])


def pending(call: Call) -> Reply:
    """GET trade/orders-algo-pending."""
    return _list(call, lambda algo: algo.is_waiting)


def history(call: Call) -> Reply:
    """GET trade/orders-algo-history: of one way to end, or of one algo."""
    state, algo_id = call.query.text("state"), call.query.text("algoId")
    if not state and not algo_id:
        raise OkxError("50015", "Either parameter state or algoId is required")
    if state and state not in STATES:
        raise wrong("state")
    return _list(call, lambda algo: not algo.is_waiting and state in ("", algo_state(algo)))


def _list(call: Call, is_meant: Callable[[Algo], bool]) -> Reply:
    said = call.query
    types = said.required("ordType").split(",")
    if any(each not in (*ORD_TYPES, "chase", "iceberg", "twap", "smart_iceberg") for each in types):
        raise wrong("ordType")
    if len(types) > 1 and set(types) != {"conditional", "oco"}:
        raise wrong("ordType")
    kind, name, algo_id, text = (said.text(each) for each in ("instType", "instId", "algoId", "algoClOrdId"))
    mine = [a for a in reversed(call.account.triggers.values()) if isinstance(a, Algo) and is_meant(a)]
    mine = [a for a in mine if a.order_type in types and kind in ("", kind_of(a.contract))]
    mine = [a for a in mine if name in ("", a.contract.name) and algo_id in ("", str(a.id)) and text in ("", a.text)]
    return Reply([algo_row(call.door, algo) for algo in page(said, mine, lambda algo: algo.id, PAGE_MAX)])
