"""Our wishes in OKX's words: the bodies and queries of everything that is asked of an account.

What the venue has no word for is refused here, by the name of the field. Numbers go as text. A pair is traded in coins
(`cash` unless a margin mode is said), everything else in contracts. Where long and short are held side by side, the
position's side is named and `reduceOnly` stays away; otherwise it is the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from shared.errors import BadRequest
from shared.exchanges.base import AmendOrder, AmendTrigger, Guards, Leverage, PlaceOrder, PlaceTrigger
from shared.exchanges.okx.convert import POSITION_MODES
from shared.exchanges.okx.names import checked_id, is_pair, refused, trigger_parts
from shared.exchanges.okx.numbers import EXPONENT_MAX
from shared.exchanges.okx.triggers import HALVES, MARKET_PRICE
from shared.model import Number, text

K = TypeVar("K")
V = TypeVar("V")
Query = tuple[tuple[str, str], ...]

SIDES = {"buy": "buy", "sell": "sell"}
SELF_TRADE = {"cancel_oldest": "cancel_maker", "cancel_newest": "cancel_taker", "cancel_both": "cancel_both"}
MARGIN_MODES = {"cross": "cross", "isolated": "isolated"}
POSITION_SIDES = {"long": "long", "short": "short"}
CLOSING_SIDE = {"long": "sell", "short": "buy"}
ORDER_TYPES = {"gtc": "limit", "ioc": "ioc", "fok": "fok", "post_only": "post_only", "poc": "post_only"}
PRICE_TYPES = {"last": "last", "mark": "mark", "index": "index"}
RULES = {"at_or_above": "at_or_above", "at_or_below": "at_or_below"}
MODE_WORDS = {ours: theirs for theirs, ours in POSITION_MODES.items()}
USUAL_MODE = "cross"
GUARD_PRICE_TYPE = "last"
NO_PRICE = "0"
"""What takes one price of an algo order away, and where a trailing order begins to follow at once."""

Body = dict[str, Any]


# Orders.


def from_place(order: PlaceOrder) -> Body:
    body: Body = {
        "instId": order.symbol,
        "tdMode": trade_mode(order.symbol, order.margin_mode),
        "side": word("side", SIDES, order.side),
        "ordType": _order_type(order),
        "sz": text(positive("size", order.size)),
        "clOrdId": order.client_order_id,
    }
    if order.type == "limit":
        body["px"] = text(positive("price", order.price or ""))
    body |= _coins(order) if is_pair(order.symbol) else _contracts(order.side, order.reduce_only, order.hedged)
    if order.iceberg is not None:
        raise refused("iceberg", "is not known here", "leave it out")
    if order.self_trade is not None:
        body["stpMode"] = word("self_trade", SELF_TRADE, order.self_trade)
    if order.guards is not None and (attached := _guards(order.guards, order.client_order_id)):
        body["attachAlgoOrds"] = [attached]
    return body


def _order_type(order: PlaceOrder) -> str:
    """A market order of contracts may rest at the edge of the price limit; one that must not is a type of its own."""
    tif = order.time_in_force.lower()
    if order.type == "limit":
        return word("time_in_force", ORDER_TYPES, tif)
    if order.type != "market":
        raise refused("type", f"{order.type!r} is not a plain order here", "place a market or limit order")
    if tif not in ("gtc", "ioc"):
        raise refused("time_in_force", f"{tif[:40]!r} makes no market order here", "use gtc or ioc")
    return "optimal_limit_ioc" if tif == "ioc" and not is_pair(order.symbol) else "market"


def _coins(order: PlaceOrder) -> Body:
    """Sizes are of the base. On margin the venue takes a market buy's size as quote, so that one cannot be said."""
    is_margin = order.margin_mode is not None
    if order.in_quote and (is_margin or order.type != "market"):
        raise refused("size", "cannot be said in quote", "say it in base")
    if order.type == "market" and not is_margin:
        return {"tgtCcy": "quote_ccy" if order.in_quote else "base_ccy"} | _no_reducing(order)
    if order.type == "market" and order.side == "buy":
        raise refused("type", "is not possible for a buy on margin in base", "place a limit order with ioc")
    if not is_margin:
        return _no_reducing(order)
    base, _, quote = order.symbol.partition("-")
    body: Body = {"ccy": quote if order.side == "buy" else base}
    return body | {"reduceOnly": True} if order.reduce_only else body


def _no_reducing(order: PlaceOrder) -> Body:
    if order.reduce_only:
        raise refused("reduce_only", "makes no sense without a position", "leave it out")
    return {}


def _contracts(side: str, reduce_only: bool, hedged: bool) -> Body:
    if hedged:
        return {"posSide": "long" if (side == "buy") != reduce_only else "short"}
    return {"reduceOnly": True} if reduce_only else {}


def _guards(guards: Guards, client_order_id: str) -> Body:
    """They have the order's own text, so that what they become is known to be of it."""
    body: Body = {}
    if guards.take_profit is not None:
        body |= _prices("tp", text(positive("take_profit", guards.take_profit)), None, GUARD_PRICE_TYPE)
    if guards.stop_loss is not None:
        body |= _prices("sl", text(positive("stop_loss", guards.stop_loss)), None, GUARD_PRICE_TYPE)
    return {"attachAlgoClOrdId": client_order_id} | body if body else body


def from_amend(amended: AmendOrder) -> Body:
    body: Body = {"instId": amended.symbol} | name_of(amended.order_id)
    if amended.size is not None:
        body["newSz"] = text(positive("size", amended.size))
    if amended.price is not None:
        body["newPx"] = text(positive("price", amended.price))
    if amended.size is None and amended.price is None:
        raise refused("price", "and size both stay as they are", "say at least one of them")
    return body


def from_cancel(symbol: str | None, order_id: str) -> Body:
    return {"instId": needed(symbol)} | name_of(order_id)


def from_close(symbol: str, position_side: str, client_order_id: str, hedged: bool, margin_mode: str | None) -> Body:
    """What waits to close the same position is cancelled, since it would stand in the way."""
    if is_pair(symbol):
        raise refused("symbol", f"{symbol!r} has no position that can be closed so", "sell or buy what is held")
    side = word("position_side", POSITION_SIDES, position_side)
    body: Body = {"instId": symbol, "mgnMode": word("margin_mode", MARGIN_MODES, margin_mode or USUAL_MODE)}
    if hedged:
        body["posSide"] = side
    return body | {"autoCxl": True, "clOrdId": client_order_id}


# Triggers.


def from_place_trigger(trigger: PlaceTrigger) -> Body:
    if trigger.expires_in_s is not None:
        raise refused("expires_in_s", "cannot be said here", "leave it out and cancel it in time")
    body: Body = {
        "instId": trigger.symbol,
        "tdMode": trade_mode(trigger.symbol, trigger.margin_mode),
        "side": word("side", SIDES, trigger.side),
        "algoClOrdId": trigger.client_order_id,
    }
    reduces = _reduces(trigger)
    body |= _terms(trigger)
    if is_pair(trigger.symbol):
        body |= _trigger_coins(trigger)
    else:
        body |= _contracts(trigger.side, reduces, trigger.hedged)
    return body | _trigger_size(trigger)


def _trigger_coins(trigger: PlaceTrigger) -> Body:
    """Where the venue would take the size as quote and cannot be told otherwise, nothing is said at all."""
    is_margin, follows = trigger.margin_mode is not None, trigger.rule == "crossing" or _trails(trigger)
    body: Body = {"reduceOnly": True} if is_margin and trigger.closes is not None else {}
    if trigger.side == "sell" or (trigger.order_price is not None and trigger.opposite is None):
        return body
    if is_margin or follows:
        raise refused("order_price", "is missing", "a buy at the market cannot be sized in base here")
    return body | {"tgtCcy": "base_ccy"}


def _trails(trigger: PlaceTrigger) -> bool:
    return trigger.trail_ratio is not None or trigger.trail_distance is not None


def _reduces(trigger: PlaceTrigger) -> bool:
    if trigger.closes is None:
        return False
    side = word("closes", CLOSING_SIDE, trigger.closes)
    if trigger.side != side:
        raise refused("side", f"{trigger.side!r} does not close a {trigger.closes} position", f"use {side}")
    return True


def _terms(trigger: PlaceTrigger) -> Body:
    """Which price fires it. A price that is to be reached from one side is a take-profit or a stop-loss of the order
    that it becomes, whether that closes anything or not: so the venue refuses one that is there already."""
    price_type = word("price_type", PRICE_TYPES, trigger.price_type)
    if _trails(trigger):
        return _trail(trigger)
    price = text(positive("price", trigger.price))
    if trigger.rule == "crossing":
        order_price = MARKET_PRICE if trigger.order_price is None else _order_price(trigger.order_price)
        return {"ordType": "trigger", "triggerPx": price, "triggerPxType": price_type, "orderPx": order_price}
    half = _half_of(trigger.rule, trigger.side)
    body = _prices(half, price, trigger.order_price, price_type)
    if trigger.opposite is None:
        return {"ordType": "conditional"} | body
    other = text(positive("opposite", trigger.opposite))
    return {"ordType": "oco"} | body | _prices(_other(half), other, trigger.opposite_order_price, price_type)


def _trail(trigger: PlaceTrigger) -> Body:
    if trigger.order_price is not None:
        raise refused("order_price", "makes no sense for one that follows the market", "leave it out")
    body: Body = {"ordType": "move_order_stop"}
    if trigger.trail_ratio is not None:
        body["callbackRatio"] = text(positive("trail_ratio", trigger.trail_ratio))
    elif trigger.trail_distance is not None:
        body["callbackSpread"] = text(positive("trail_distance", trigger.trail_distance))
    if trigger.price.strip("0."):
        body["activePx"] = text(positive("price", trigger.price))
    return body


def _trigger_size(trigger: PlaceTrigger) -> Body:
    """All of a position is a fraction of it: for contracts, at the market, and once for each position."""
    if trigger.size is not None:
        return {"sz": text(positive("size", trigger.size))}
    if trigger.closes is None:
        raise refused("size", "is missing", "only what closes a position can take all there is")
    if is_pair(trigger.symbol) or trigger.order_price is not None or trigger.opposite_order_price is not None:
        raise refused("size", "is missing", "all of a position is closed at the market, and of contracts only")
    if trigger.rule == "crossing" or _trails(trigger):
        raise refused("size", "is missing", "only a take-profit or a stop-loss can take all there is")
    return {"closeFraction": "1"}


def _prices(half: str, price: str, order_price: Number | None, price_type: str) -> Body:
    return {
        f"{half}TriggerPx": price,
        f"{half}OrdPx": MARKET_PRICE if order_price is None else _order_price(order_price),
        f"{half}TriggerPxType": price_type,
    }


def _order_price(price: Number) -> str:
    return text(positive("order_price", price))


def _half_of(rule: str, side: str) -> str:
    return HALVES[word("rule", RULES, rule), word("side", SIDES, side)]


def _other(half: str) -> str:
    return "sl" if half == "tp" else "tp"


def from_amend_trigger(amended: AmendTrigger) -> Body:
    """A trigger without a rule is one that the venue knows by a plain trigger price: its prices only go together."""
    known = amended.trigger
    algo_id, half = trigger_parts(known.id)
    if all(change is None for change in (amended.price, amended.order_price, amended.size, amended.price_type)):
        raise refused("price", "and all else stay as they are", "say what is to change")
    body: Body = {"instId": known.symbol, "algoId": algo_id}
    if amended.size is not None:
        body["newSz"] = text(positive("size", amended.size))
    if amended.price is None and amended.order_price is None and amended.price_type is None:
        return body
    price = text(positive("price", amended.price or known.price or ""))
    order_price = known.order_price if amended.order_price is None else amended.order_price
    prices = {
        "TriggerPx": price,
        "OrdPx": MARKET_PRICE if order_price is None else _order_price(order_price),
        "TriggerPxType": word("price_type", PRICE_TYPES, amended.price_type or known.price_type or "last"),
    }
    if known.rule is None:
        return body | {f"new{name}": said for name, said in prices.items()}
    half = half or _half_of(known.rule, known.side or "")
    return body | {f"new{half.capitalize()}{name}": said for name, said in prices.items()}


def from_drop_half(symbol: str, algo_id: str, half: str) -> Body:
    """Takes one of two prices away; the other one stays."""
    return {"instId": symbol, "algoId": algo_id, f"new{half.capitalize()}TriggerPx": NO_PRICE}


def from_cancel_trigger(symbol: str, algo_id: str) -> list[Body]:
    return [{"instId": symbol, "algoId": algo_id}]


# Leverage and modes.


def from_leverage(symbol: str, wanted: Leverage, hedged: bool, position_side: str | None) -> Body:
    """Only isolated positions that are held side by side have a leverage each."""
    mode = word("margin_mode", MARGIN_MODES, wanted.margin_mode)
    body: Body = {"instId": symbol, "lever": text(positive("leverage", wanted.leverage)), "mgnMode": mode}
    if hedged and mode == "isolated" and not is_pair(symbol):
        body["posSide"] = word("position_side", POSITION_SIDES, position_side or "")
    return body


def from_position_mode(mode: str) -> Body:
    return {"posMode": word("position_mode", MODE_WORDS, mode)}


def trade_mode(symbol: str, margin_mode: str | None) -> str:
    if margin_mode is None:
        return "cash" if is_pair(symbol) else USUAL_MODE
    return word("margin_mode", MARGIN_MODES, margin_mode)


# Names, numbers and words.


def to_body(said: Body | Sequence[Body]) -> bytes:
    return msgspec.json.encode(said)


def name_of(order_id: str) -> Body:
    """The venue's ids are numbers; all else is a text of the caller's."""
    checked_id("order_id", order_id)
    return {"ordId" if order_id.isdigit() else "clOrdId": order_id}


def needed(symbol: str | None) -> str:
    """Every order is named together with its instrument."""
    if symbol is None:
        raise refused("symbol", "is missing", "this venue finds an order only by its id and its symbol")
    return symbol


def positive(field: str, said: Number) -> Decimal:
    try:
        value = Decimal(said)
        if value.is_finite() and value > 0 and -EXPONENT_MAX < value.adjusted() < EXPONENT_MAX:
            return value
    except ArithmeticError:
        pass
    raise refused(field, "is not a number above 0", "give a plain decimal number")


def word(field: str, known: Mapping[K, V], said: K) -> V:
    if said not in known:
        choices = ", ".join(sorted({str(choice) for choice in known}))
        raise _unknown(field, said, choices)
    return known[said]


def _unknown(field: str, said: object, choices: str) -> BadRequest:
    return refused(field, f"{str(said)[:40]!r} is not known here", f"use one of: {choices}")
