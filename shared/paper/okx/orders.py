"""OKX's order calls: place, amend, cancel, in ones and in batches, close a position, and the dead man's switch.

The same handlers serve REST and the WebSocket. What is refused for what it asks is an item with its own code; the code
of the whole only sums the items up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from shared.paper.listing import Listing
from shared.paper.numbers import plain
from shared.paper.okx.attached import amended_attached, check_attached, to_attached
from shared.paper.okx.calls import TAG, Call, OkxError, Reply, Row, Said, empty, wrong
from shared.paper.okx.instruments import is_spot
from shared.paper.okx.terms import CASH, NET_MODE, STP_MODE, OrderTerms, to_error
from shared.paper.orders import ZERO, Order, Refusal, Stp, Tif, Why
from shared.paper.unified import price_band
from shared.paper.wallets import (
    CROSS,
    ISOLATED,
    LONG,
    NET,
    SHORT,
    AlgoTerms,
    CoinAccount,
    UnifiedRequest,
    position_mode,
)

BATCH_MAX = 20
COUNTDOWN_LEAST_S, COUNTDOWN_MOST_S = 10, 120
TIFS = {
    "market": Tif.IOC, "limit": Tif.GTC, "post_only": Tif.POST, "fok": Tif.FOK, "ioc": Tif.IOC,
    "optimal_limit_ioc": Tif.IOC,
}  # fmt: skip
AT_MARKET = ("market", "optimal_limit_ioc")
STPS = {"cancel_maker": Stp.OLDEST, "cancel_taker": Stp.NEWEST, "cancel_both": Stp.BOTH}
WRONG_MODE = "51010", "You can't complete this request under your current account mode."
GONE = "51400", "Order cancellation failed as the order has been filled, canceled or does not exist."
LATE = (Why.POST_WOULD_TAKE, Why.MARGIN)
"""What is found to be wrong with an amendment only after it was accepted."""
FAILED = "All operations failed"
FAILED_PARTLY = "Bulk operation partially succeeded."


class AmendNote(NamedTuple):
    """What the next push of an order says about its amendment."""

    req_id: str
    result: str
    code: str = "0"
    message: str = ""


# ---- what is asked for


def to_request(call: Call, said: Said) -> UnifiedRequest:
    """The engine's words for an order as OKX's clients write it."""
    listing = call.listing(said)
    contract, account = listing.contract, call.account
    td_mode, side = to_td_mode(account, listing, said), said.one_of("side", ("buy", "sell"))
    pos_side = to_pos_side(account, listing, said)
    ord_type = said.one_of("ordType", TIFS)
    if ord_type == "optimal_limit_ioc" and is_spot(contract):
        raise wrong("ordType")
    size, tgt_ccy = said.above_zero("sz"), _to_tgt_ccy(listing, said, side, ord_type)
    price = ZERO if ord_type in AT_MARKET else _to_price(listing, said, is_buy=side == "buy")
    stp_mode = said.one_of("stpMode", STPS, STP_MODE)
    if stp_mode == "cancel_both" and ord_type == "fok":
        raise OkxError("54036", "You can't place FOK orders with the cancel-both self trade prevention mode.")
    in_money = tgt_ccy == "quote_ccy"
    signed = size if side == "buy" else -size
    reduce_only = said.flag("reduceOnly") and not is_spot(contract)
    attached = _to_attached(call, listing, said, is_buy=side == "buy", price=price)
    if attached and is_spot(contract) and ord_type == "market" and in_money != (side == "buy"):
        raise wrong("attachAlgoOrds")
    return UnifiedRequest(
        contract.name, signed, price, TIFS[ord_type], _to_text(account, said),
        reduce_only or closes(pos_side, side), stp=STPS[stp_mode],
        mode=position_mode(td_mode, pos_side or NET), quote_size=size if in_money else None, attached=attached,
        said=OrderTerms(
            ord_type, td_mode, pos_side, reduce_only, plain(size) if in_money else "", tgt_ccy,
            said.name("tag", TAG), stp_mode,
        ),
    )  # fmt: skip


def to_td_mode(account: CoinAccount, listing: Listing, said: Said) -> str:
    """How it is paid: what is possible depends on the account's level."""
    asked = said.one_of("tdMode", (CASH, CROSS, ISOLATED))
    if is_spot(listing.contract):
        pays = CROSS if account.level >= 3 else CASH
        if asked == pays:
            return asked
        if asked == CASH:
            raise wrong("tdMode")
        raise OkxError(*WRONG_MODE)  # there is no borrowing here
    if account.level == 1:
        raise OkxError(*WRONG_MODE)
    if asked == CASH:
        raise wrong("tdMode")
    return asked


def to_pos_side(account: CoinAccount, listing: Listing, said: Said) -> str:
    """Which position it is about; the account's mode says whether that is asked."""
    asked = said.text("posSide")
    if is_spot(listing.contract):
        if asked not in ("", NET):
            raise wrong("posSide")
        return ""
    if asked not in ((LONG, SHORT) if account.is_dual else ("", NET)):
        raise wrong("posSide")
    return asked or NET


def closes(pos_side: str, side: str) -> bool:
    """Whether an order can only make the long or short position that it names smaller."""
    return (pos_side, side) in ((LONG, "sell"), (SHORT, "buy"))


def _to_tgt_ccy(listing: Listing, said: Said, side: str, ord_type: str) -> str:
    asked = said.text("tgtCcy")
    if asked not in ("", "base_ccy", "quote_ccy"):
        raise wrong("tgtCcy")
    if not is_spot(listing.contract) or ord_type != "market":
        return ""
    return asked or ("quote_ccy" if side == "buy" else "base_ccy")


def _to_price(listing: Listing, said: Said, *, is_buy: bool) -> Decimal:
    price = said.above_zero("px")
    if said.text("pxAmendType") != "1":
        return price
    most, least = price_band(listing)
    return min(price, most) if is_buy else max(price, least)


def _to_text(account: CoinAccount, said: Said) -> str:
    text = said.name("clOrdId")
    known = account.by_text.get(text) if text else None
    if known is not None and known.is_open:
        raise OkxError("51016", "Client order ID already exists.")
    return text


def _to_attached(call: Call, listing: Listing, said: Said, *, is_buy: bool, price: Decimal) -> tuple[AlgoTerms, ...]:
    attached = tuple(
        to_attached(listing, each, call.door.engine.algos.next_id()) for each in said.items("attachAlgoOrds")
    )
    check_attached(listing, attached, is_buy=is_buy, price=price)
    return attached


def check_expiry(call: Call) -> None:
    """A request that arrives after its `expTime` is refused."""
    text = call.headers.get("exptime", "")
    if not text:
        return
    if not text.isdecimal():
        raise wrong("expTime")
    if call.now_ms > int(text[:18]):
        raise OkxError("50036", "The expTime can't be earlier than the current system time. Please adjust the expTime.")


# ---- outcomes


class Act(NamedTuple):
    """What is done with one order of a call, what it counts as, and what its outcome shows."""

    kind: str
    do: Callable[[Call, Said], Order]
    also: tuple[str, ...]
    message: str = ""


def one(call: Call, act: Act) -> Reply:
    """Do it with one order; more than the limit allows is no outcome of the order."""
    said = call.body()
    call.door.count_order(call, said, act.kind, is_alone=True)
    return as_items([_tried(call, said, act)])


def many(call: Call, act: Act) -> Reply:
    """Do it with each order of a list, one alone counting as such."""
    items = call.batch(BATCH_MAX)
    return as_items([_tried(call, said, act, is_alone=len(items) == 1) for said in items])


def as_items(rows: list[Row]) -> Reply:
    """Outcomes, each with its own code."""
    failed = sum(row["sCode"] != "0" for row in rows)
    if not failed:
        return Reply(rows, is_trading=True)
    if failed == len(rows):
        return Reply(rows, code="1", message=FAILED, is_trading=True)
    return Reply(rows, code="2", message=FAILED_PARTLY, is_trading=True)


def _tried(call: Call, said: Said, act: Act, *, is_alone: bool | None = None) -> Row:
    """What became of one order of a call."""
    row: Row = {"clOrdId": "", "ordId": "", "ts": str(call.now_ms), "sCode": "0", "sMsg": ""}
    row |= dict.fromkeys(act.also, "")
    try:
        row |= {name: said.text(name) for name in ("clOrdId", "tag", "reqId") if name in row}
        if is_alone is not None:
            call.door.count_order(call, said, act.kind, is_alone=is_alone)
        order = act.do(call, said)
    except OkxError as error:
        row |= {"sCode": error.code, "sMsg": error.message}
        return row | ({"subCode": error.sub_code} if "subCode" in act.also else {})
    return row | {"ordId": str(order.id), "clOrdId": order.text, "sMsg": act.message}


# ---- place


def place(call: Call) -> Reply:
    """POST trade/order."""
    check_expiry(call)
    return one(call, PLACE)


def place_batch(call: Call) -> Reply:
    """POST trade/batch-orders."""
    check_expiry(call)
    return many(call, PLACE)


def place_one(call: Call, said: Said) -> Order:
    """An order, once the engine lets it in."""
    placed = call.door.engine.place(call.account, to_request(call, said), call.now_ms)
    if isinstance(placed, Refusal):
        raise to_error(placed, is_spot=is_spot(call.listing(said).contract))
    return placed


# ---- amend


def amend(call: Call) -> Reply:
    """POST trade/amend-order."""
    check_expiry(call)
    return one(call, AMEND)


def amend_batch(call: Call) -> Reply:
    """POST trade/amend-batch-orders."""
    check_expiry(call)
    return many(call, AMEND)


def amend_one(call: Call, said: Said) -> Order:
    """Accept an amendment and carry it out; what goes wrong only then is told on the orders channel."""
    order, listing = find(call, said), call.listing(said)
    if order is None or not order.is_open:
        raise OkxError("51503", "Your order has already been filled, canceled or does not exist.")
    size, price, items = said.number("newSz"), said.number("newPx"), said.items("attachAlgoOrds")
    if size is None and price is None and not items:
        raise OkxError("51500", "You must enter a price, quantity, or TP/SL")
    if any(number is not None and number <= 0 for number in (size, price)):
        raise wrong("newSz" if size is not None and size <= 0 else "newPx")
    req_id, notes = said.name("reqId"), call.door.amendments
    notes[order] = AmendNote(req_id, "0")
    is_more = size is not None or price is not None
    try:
        if items:
            attached = amended_attached(listing, order, items)
            check_attached(listing, attached, is_buy=order.is_buy, price=order.price if price is None else price)
            call.door.engine.set_attached(order, attached, is_told=not is_more)
        if is_more:
            _change(call, order, size, price, AmendNote(req_id, "0"), cancels=said.flag("cxlOnFail"))
    finally:
        notes.pop(order, None)
    return order


def _change(
    call: Call, order: Order, size: Decimal | None, price: Decimal | None, note: AmendNote, *, cancels: bool
) -> None:
    engine, notes = call.door.engine, call.door.amendments
    signed = size if size is None or order.is_buy else -size
    refusal = engine.amend(order, signed, price, note.req_id, call.now_ms)
    if refusal is None:
        return
    error = to_error(refusal, is_spot=is_spot(order.contract))
    if refusal.why is Why.MARGIN:
        error = OkxError("51502", f"Order modification failed. {error.message}", sub_code=error.sub_code)
    if refusal.why not in LATE:
        raise error
    notes[order] = note._replace(result="1" if cancels else "-1", code=error.code, message=error.message)
    if cancels:
        engine.cancel(order, call.now_ms)
    else:
        engine.tell_order(order, "_update")


# ---- cancel


def find(call: Call, said: Said) -> Order | None:
    """The order that is meant, if it is still known; its id counts before the client's own."""
    listing = call.listing(said)
    order_id, text = said.text("ordId"), said.text("clOrdId")
    if not order_id and not text:
        raise OkxError("51003", "Either client order ID or order ID is required.")
    found = call.account.orders.get(int(order_id)) if order_id.isdecimal() and len(order_id) < 20 else None
    if not order_id:
        found = call.account.by_text.get(text)
    if found is None or found.contract is not listing.contract or call.door.is_forgotten(found, call.now_ms):
        return None
    return found


def cancel(call: Call) -> Reply:
    """POST trade/cancel-order."""
    return one(call, CANCEL)


def cancel_batch(call: Call) -> Reply:
    """POST trade/cancel-batch-orders."""
    return many(call, CANCEL)


def cancel_one(call: Call, said: Said) -> Order:
    """Cancel what still waits."""
    order = find(call, said)
    if order is None or not call.door.engine.cancel(order, call.now_ms):
        raise OkxError(*GONE)
    return order


PLACE = Act("place", place_one, ("tag", "subCode"), "Order placed")
AMEND = Act("amend", amend_one, ("reqId", "subCode"))
CANCEL = Act("cancel", cancel_one, ())


def cancel_all_after(call: Call) -> Reply:
    """POST trade/cancel-all-after: cancels what is open unless the caller comes back in time."""
    said = call.body()
    seconds, tag = said.whole("timeOut", -1, 10**6), said.name("tag", TAG)
    if seconds and not COUNTDOWN_LEAST_S <= seconds <= COUNTDOWN_MOST_S:
        raise wrong("timeOut") if seconds >= 0 else empty("timeOut")
    at_ms = call.now_ms + seconds * 1000 if seconds else 0
    call.door.arm_countdown(call.account, tag, at_ms)
    return Reply([{"triggerTime": str(at_ms), "tag": tag, "ts": str(call.now_ms)}])


# ---- close


def close_position(call: Call) -> Reply:
    """POST trade/close-position, at market."""
    said = call.body()
    listing = call.listing(said)
    if is_spot(listing.contract):
        raise OkxError("51015", "Instrument ID doesn't match instrument type.")
    account, margin_mode = call.account, said.one_of("mgnMode", (CROSS, ISOLATED))
    side, text = to_pos_side(account, listing, said), _to_text(account, said)
    position = account.position(listing.contract, position_mode(margin_mode, side))
    if not position.size:
        raise OkxError("51023", "Position doesn't exist.")
    for order in account.open_for(listing.contract, position.mode):
        if order.reduce_only or order.is_buy != (position.size > 0):
            if not said.flag("autoCxl"):
                raise OkxError("51115", "Cancel all pending close-orders before liquidation.")
            call.door.engine.cancel(order, call.now_ms)
    tag = said.name("tag", TAG)
    terms = OrderTerms("market", margin_mode, side, not account.is_dual, tag=tag)
    request = UnifiedRequest(
        listing.contract.name, -position.size, tif=Tif.IOC, text=text, reduce_only=True, stp=Stp.OLDEST,
        mode=position.mode, said=terms,
    )  # fmt: skip
    for part in _parts(request, listing):
        placed = call.door.engine.place(account, part, call.now_ms)
        if isinstance(placed, Refusal):
            raise to_error(placed)
    return Reply([{"clOrdId": text, "instId": listing.contract.name, "posSide": side, "tag": tag}])


def _parts(request: UnifiedRequest, listing: Listing) -> list[UnifiedRequest]:
    """The position as orders that are not too large, the client's own id on the first."""
    parts: list[UnifiedRequest] = []
    most, left = listing.contract.size_max_market, abs(request.size)  # type: ignore[attr-defined]  # an Instrument
    while left:
        size = min(most, left)
        left -= size
        parts.append(replace(request, size=size if request.size > 0 else -size, text="" if parts else request.text))
    return parts


def mode_word(account: CoinAccount) -> str:
    """net_mode or long_short_mode."""
    return "long_short_mode" if account.is_dual else NET_MODE
