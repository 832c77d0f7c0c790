"""Take-profit, stop-loss and trailing stops as OKX's clients write them, by themselves or attached to an order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from shared.paper.algos import STOP_LOSS, TAKE_PROFIT
from shared.paper.listing import Listing
from shared.paper.okx.calls import OkxError, Row, Said, wrong
from shared.paper.okx.instruments import is_spot
from shared.paper.orders import ZERO, Order
from shared.paper.wallets import AlgoTerms, LegTerms, UnifiedRequest

KINDS = ("last", "index", "mark")
AT_MARKET = Decimal(-1)
SIDES = {TAKE_PROFIT: "tp", STOP_LOSS: "sl"}
SPOT_KIND = "51415", "Failed to place order. Spot trading only supports using the last price as trigger price."

ORDER_SIDES = {
    # is it take-profit, must it be above: against the price of the order, against the best price of the market
    (True, True): ("51046", "The take profit trigger price must be higher than the order price."),
    (False, False): ("51047", "The stop loss trigger price must be lower than the order price."),
    (True, False): ("51048", "The take profit trigger price must be lower than the order price."),
    (False, True): ("51049", "The stop loss trigger price must be higher than the order price."),
}
MARKET_SIDES = {
    (True, True): ("51050", "The take profit trigger price must be higher than the best ask price."),
    (False, False): ("51051", "The stop loss trigger price must be lower than the best ask price."),
    (True, False): ("51052", "The take profit trigger price must be lower than the best bid price."),
    (False, True): ("51053", "The stop loss trigger price must be higher than the best bid price."),
}
LIVING_SIDES = {
    ("last", True, False): ("51277", "TP trigger price can not be higher than the last price"),
    ("last", False, True): ("51278", "SL trigger price can not be lower than the last price"),
    ("last", True, True): ("51279", "TP trigger price can not be lower than the last price"),
    ("last", False, False): ("51280", "SL trigger price can not be higher than the last price"),
    ("mark", True, False): ("51300", "TP trigger price can not be higher than the mark price"),
    ("mark", False, True): ("51302", "SL trigger price can not be lower than the mark price"),
    ("mark", True, True): ("51303", "TP trigger price can not be lower than the mark price"),
    ("mark", False, False): ("51304", "SL trigger price can not be higher than the mark price"),
    ("index", True, False): ("51305", "TP trigger price can not be higher than the index price"),
    ("index", False, True): ("51306", "SL trigger price can not be lower than the index price"),
    ("index", True, True): ("51307", "TP trigger price can not be lower than the index price"),
    ("index", False, False): ("51308", "SL trigger price can not be higher than the index price"),
}
"""By the price that is watched: is it take-profit, and must it be above."""


def to_leg(listing: Listing, said: Said, name: str) -> LegTerms | None:
    """Take-profit or stop-loss, when both its prices are there."""
    short = SIDES[name]
    trigger, order_price = said.number(f"{short}TriggerPx"), said.number(f"{short}OrdPx")
    if name == TAKE_PROFIT and said.text("tpOrdKind") == "limit":
        if is_spot(listing.contract):
            raise OkxError("51094", "Spot and margin orders can not take profit at a limit.")
        trigger = order_price  # the order would wait in the book; here it goes there when the price has come
    if said.text(f"{short}TriggerRatio"):
        raise wrong(f"{short}TriggerRatio")
    if trigger is None and order_price is None:
        return None
    if trigger is None or order_price is None:
        raise wrong(f"{short}OrdPx" if trigger else f"{short}TriggerPx")
    kind = said.one_of(f"{short}TriggerPxType", KINDS, "last")
    return to_leg_terms(listing, name, trigger, order_price, kind)


def to_leg_terms(listing: Listing, name: str, trigger: Decimal, order_price: Decimal, kind: str) -> LegTerms:
    """A place where something fires, once its prices are right."""
    short, tick = SIDES.get(name, "trigger"), listing.contract.tick
    if kind != "last" and is_spot(listing.contract):
        raise OkxError(*SPOT_KIND)
    if trigger <= 0 or trigger % tick:
        raise wrong(f"{short}TriggerPx" if name in SIDES else "triggerPx")
    if order_price != AT_MARKET and (order_price <= 0 or order_price % tick):
        raise wrong(f"{short}OrdPx" if name in SIDES else "orderPx")
    return LegTerms(name, trigger, kind, ZERO if order_price == AT_MARKET else order_price)


def to_legs(listing: Listing, said: Said) -> tuple[LegTerms, ...]:
    """Take-profit and stop-loss, those that are there."""
    return tuple(leg for name in SIDES if (leg := to_leg(listing, said, name)) is not None)


def to_trailing(listing: Listing, said: Said, algo_id: int, text: str) -> AlgoTerms | None:
    """A trailing stop, when a way back is named."""
    ratio, spread = said.number("callbackRatio"), said.number("callbackSpread")
    if ratio is None and spread is None:
        return None
    if ratio is not None and (spread is not None or not Decimal("0.001") <= ratio <= 1):
        raise wrong("callbackRatio")
    if spread is not None and spread <= 0:
        raise wrong("callbackSpread")
    active = said.number("activePx")
    if active is not None and (active <= 0 or active % listing.contract.tick):
        raise wrong("activePx")
    return AlgoTerms(algo_id, text, (), ratio, spread, active)


def to_attached(listing: Listing, said: Said, next_id: int) -> AlgoTerms:
    """One item of `attachAlgoOrds`."""
    text = said.name("attachAlgoClOrdId")
    if said.text("sz") or said.text("amendPxOnTriggerType") not in ("", "0"):
        raise wrong("attachAlgoOrds sz")
    trailing = to_trailing(listing, said, next_id, text)
    if trailing is not None:
        return trailing
    legs = to_legs(listing, said)
    if not legs:
        raise OkxError("51178", "tpTriggerPx & tpOrdPx and slTriggerPx & slOrdPx can't be empty.")
    return AlgoTerms(next_id, text, legs)


def check_attached(listing: Listing, attached: tuple[AlgoTerms, ...], *, is_buy: bool, price: Decimal) -> None:
    """Whether all of it is on its side of the price at which its order will trade."""
    opposite = listing.book.opposite(is_buy=is_buy)
    against = price or (opposite.best_price if opposite.prices else listing.last)
    table = ORDER_SIDES if price else MARKET_SIDES
    for leg in (leg for each in attached for leg in each.legs):
        is_profit = leg.name == TAKE_PROFIT
        above = is_profit == is_buy
        if (leg.price <= against) if above else (leg.price >= against):
            raise OkxError(*table[is_profit, above])


def check_living(listing: Listing, legs: tuple[LegTerms, ...], *, is_buy: bool) -> None:
    """Whether what would close by this side is on its side of the price that it watches."""
    for leg in legs:
        if leg.name not in SIDES:
            continue
        is_profit = leg.name == TAKE_PROFIT
        above = is_profit != is_buy
        now = listing.price(leg.price_kind)
        if (leg.price <= now) if above else (leg.price >= now):
            raise OkxError(*LIVING_SIDES[leg.price_kind, is_profit, above])


# ---- amended


def amended_leg(listing: Listing, said: Said, name: str, leg: LegTerms | None) -> LegTerms | None:
    """Take-profit or stop-loss with what is new about it; a price of 0 takes it away."""
    prefix = "newTp" if name == TAKE_PROFIT else "newSl"
    trigger, order_price = said.number(f"{prefix}TriggerPx"), said.number(f"{prefix}OrdPx")
    kind = said.text(f"{prefix}TriggerPxType")
    if trigger is None and order_price is None and not kind:
        return leg
    if trigger == 0 or order_price == 0:
        return None
    if leg is None and (trigger is None or order_price is None):
        raise wrong(f"{prefix}TriggerPx")
    now = leg or LegTerms(name, ZERO)
    at_market = AT_MARKET if not now.order_price else now.order_price
    kind = kind or now.price_kind
    if kind not in KINDS:
        raise wrong(f"{prefix}TriggerPxType")
    trigger = now.price if trigger is None else trigger
    return to_leg_terms(listing, name, trigger, at_market if order_price is None else order_price, kind)


def amended_legs(listing: Listing, said: Said, legs: tuple[LegTerms, ...]) -> tuple[LegTerms, ...]:
    """Both, with what is new about them."""
    known = {leg.name: leg for leg in legs}
    others = tuple(leg for leg in legs if leg.name not in SIDES)
    new = (amended_leg(listing, said, name, known.get(name)) for name in SIDES)
    return others + tuple(leg for leg in new if leg is not None)


def amended_attached(listing: Listing, order: Order, items: list[Said]) -> tuple[AlgoTerms, ...]:
    """What is attached to an order, with what is new about it."""
    assert isinstance(order.request, UnifiedRequest)
    attached = list(order.request.attached)
    for said in items:
        algo_id, text = said.text("attachAlgoId"), said.text("attachAlgoClOrdId")
        if any(said.text(name) for name in ("tpTriggerPx", "tpOrdPx", "slTriggerPx", "slOrdPx")):
            raise OkxError("51500", "You must enter a price, quantity, or TP/SL")
        found = next((each for each in attached if algo_id == str(each.id) or (text and text == each.text)), None)
        if found is None:
            raise OkxError("51527", "Amendment failed. The attached TP/SL order doesn't exist.")
        legs = amended_legs(listing, said, found.legs)
        attached = [replace(each, legs=legs) if each is found else each for each in attached]
    return tuple(each for each in attached if each.legs or each.is_trailing)


# ---- rows


def leg_words(legs: tuple[LegTerms, ...]) -> Row:
    """Take-profit and stop-loss, in the words that orders and algos share."""
    known, row = {leg.name: leg for leg in legs}, {}
    for name, short in SIDES.items():
        leg = known.get(name)
        row[f"{short}TriggerPx"] = format(leg.price.normalize(), "f") if leg else ""
        row[f"{short}TriggerPxType"] = leg.price_kind if leg else ""
        row[f"{short}OrdPx"] = (format(leg.order_price.normalize(), "f") if leg.order_price else "-1") if leg else ""
    return row


def attached_row(terms: AlgoTerms) -> Row:
    """One item of `attachAlgoOrds` as orders show it."""
    return {
        "attachAlgoId": str(terms.id), "attachAlgoClOrdId": terms.text,
        "tpOrdKind": "condition" if any(leg.name == TAKE_PROFIT for leg in terms.legs) else "",
        "tpTriggerRatio": "", "slTriggerRatio": "", "sz": "", "amendPxOnTriggerType": "0",
        "callbackRatio": _text(terms.callback_ratio), "callbackSpread": _text(terms.callback_spread),
        "activePx": _text(terms.active_price),
    } | leg_words(terms.legs)  # fmt: skip


def _text(number: Decimal | None) -> str:
    return "" if number is None else format(number.normalize(), "f")
