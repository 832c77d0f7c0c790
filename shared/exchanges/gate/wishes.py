"""Our wishes in Gate's words: the bodies and queries of everything that is asked of an account.

What the venue has no word for is refused here, by the name of the field. Whole sizes go as JSON integers and fractions
as text, prices always as text. A size's sign is its side.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from shared.errors import BadRequest
from shared.exchanges.base import AmendOrder, AmendTrigger, Leverage, PlaceOrder, PlaceTrigger
from shared.exchanges.gate.names import checked_id, refused
from shared.exchanges.gate.numbers import EXACT, EXPONENT_MAX
from shared.exchanges.gate.triggers import CLOSING_SIDE, PRICE_TYPES, RULES
from shared.model import Number, plain, text

K = TypeVar("K")
V = TypeVar("V")
Query = tuple[tuple[str, str], ...]

TIF = {"post_only": "poc"}
SELF_TRADE = {"cancel_oldest": "co", "cancel_newest": "cn", "cancel_both": "cb"}
AUTO_SIZE = {"long": "close_long", "short": "close_short"}
SIDES = {"buy": "bid", "sell": "ask"}
MARGIN_MODES = {"cross": True, "isolated": False}
LIST_STATUS = {"open": "open", "finished": "finished"}
POSITION_MODES = {"one_way": "false", "hedge": "true"}
PRICE_TYPE_NUMBERS = {word: number for number, word in PRICE_TYPES.items()}
RULE_NUMBERS = {word: number for number, word in RULES.items()}


# Orders.


def from_place(order: PlaceOrder) -> bytes:
    is_market = order.type == "market"
    if order.type not in ("market", "limit"):
        raise refused("type", f"{order.type!r} is not a plain order here", "place a market or limit order")
    body: dict[str, Any] = {
        "contract": order.symbol,
        "size": signed_size(order.size, order.side),
        "price": "0" if is_market else price_text(order.price),
        "tif": from_time_in_force(order.time_in_force, is_market),
        "text": order.client_order_id,
    }
    if order.reduce_only:
        body["reduce_only"] = True
    if order.iceberg is not None:
        body["iceberg"] = exact_size(positive("iceberg", order.iceberg))
    if order.self_trade is not None:
        body["stp_act"] = word("self_trade", SELF_TRADE, order.self_trade)
    if order.guards is not None:
        body |= _guards(order.guards.take_profit, order.guards.stop_loss)
    return msgspec.json.encode(body)


def _guards(take_profit: Number | None, stop_loss: Number | None) -> dict[str, str]:
    wanted = {
        "tpsl_tp_trigger_price": None if take_profit is None else text(positive("take_profit", take_profit)),
        "tpsl_sl_trigger_price": None if stop_loss is None else text(positive("stop_loss", stop_loss)),
    }
    return {field: price for field, price in wanted.items() if price is not None}


def from_amend(amended: AmendOrder) -> bytes:
    body: dict[str, Any] = {}
    if amended.size is not None:
        body["size"] = signed_size(amended.size, amended.side)
    if amended.price is not None:
        body["price"] = price_text(amended.price)
    if not body:
        raise refused("price", "and size both stay as they are", "say at least one of them")
    return msgspec.json.encode(body)


def from_close(symbol: str, position_side: str, client_order_id: str, hedged: bool) -> bytes:
    """One-way: `close` takes whatever there is. Hedge: `auto_size` names the side, and `close` must stay away."""
    body: dict[str, Any] = {"contract": symbol, "size": 0, "price": "0", "tif": "ioc", "text": client_order_id}
    if hedged:
        body |= {"reduce_only": True, "auto_size": word("position_side", AUTO_SIZE, position_side)}
    else:
        body |= {"close": True}
    return msgspec.json.encode(body)


def from_time_in_force(words: str, is_market: bool) -> str:
    """A market order is one that takes what is there: `gtc` makes no sense for it."""
    words = TIF.get(words.lower(), words.lower())
    if is_market:
        return "fok" if words == "fok" else "ioc"
    if words not in ("gtc", "ioc", "poc", "fok"):
        raise refused("time_in_force", f"{words!r} is not known here", "use gtc, ioc, fok or post_only")
    return words


# Triggers.


def from_place_trigger(trigger: PlaceTrigger) -> bytes:
    is_market = trigger.order_price is None
    initial: dict[str, Any] = {
        "contract": trigger.symbol,
        "size": 0,
        "price": "0" if is_market else text(positive("order_price", trigger.order_price or "")),
        "tif": "ioc" if is_market else "gtc",
        "text": trigger.client_order_id,
    }
    condition: dict[str, Any] = {
        "strategy_type": 0,
        "price_type": word("price_type", PRICE_TYPE_NUMBERS, trigger.price_type),
        "price": price_text(trigger.price),
        "rule": word("rule", RULE_NUMBERS, trigger.rule),
    }
    if trigger.expires_in_s is not None:
        condition["expiration"] = int(positive("expires_in_s", str(trigger.expires_in_s)))
    body: dict[str, Any] = {"initial": initial, "trigger": condition}
    if trigger.closes is None:
        initial |= _opening(trigger)
    else:
        initial |= _closing(trigger, trigger.closes)
        whole_position = f"close-{trigger.closes}-position"
        body["order_type"] = whole_position if trigger.size is None else f"plan-{whole_position}"
    return msgspec.json.encode(body)


def _opening(trigger: PlaceTrigger) -> dict[str, Any]:
    if trigger.size is None:
        raise refused("size", "is missing", "only what closes a position can take all there is")
    return _trigger_size(trigger.size, trigger.side)


def _closing(trigger: PlaceTrigger, closes: str) -> dict[str, Any]:
    """All of a position is named by a word; a part of it by its size, and then it must not become more than that."""
    if trigger.side != word("closes", CLOSING_SIDE, closes):
        raise refused("side", f"{trigger.side!r} does not close a {closes} position", f"use {CLOSING_SIDE[closes]}")
    if trigger.size is not None:
        return _trigger_size(trigger.size, trigger.side) | {"reduce_only": True}
    return {"close": False, "auto_size": AUTO_SIZE[closes]} if trigger.hedged else {"close": True}


def from_amend_trigger(amended: AmendTrigger) -> bytes:
    """The price of the order is sent though it stays: without it the venue takes the market's."""
    known = amended.trigger
    if all(change is None for change in (amended.price, amended.order_price, amended.size, amended.price_type)):
        raise refused("price", "and all else stay as they are", "say what is to change")
    order_price = known.order_price if amended.order_price is None else amended.order_price
    body: dict[str, Any] = {
        "order_id": trigger_number(known.id),
        "price": "0" if order_price is None else text(positive("order_price", order_price)),
    }
    size, side = known.size if amended.size is None else amended.size, known.side or ""
    if amended.size is not None or plain(size) != "0":
        body |= _trigger_size(size, side)
    elif amended.hedged:
        body |= {"size": 0, "auto_size": AUTO_SIZE["long" if side == "sell" else "short"]}
    else:
        body |= {"size": 0, "close": True}
    if amended.price is not None:
        body["trigger_price"] = price_text(amended.price)
    if amended.price_type is not None:
        body["price_type"] = word("price_type", PRICE_TYPE_NUMBERS, amended.price_type)
    return msgspec.json.encode(body)


def _trigger_size(said: Number, side: str) -> dict[str, Any]:
    """`size` is whole here and `amount` wins over it: the field for fractions."""
    size = signed_size(said, side)
    return {"size": size} if isinstance(size, int) else {"size": 0, "amount": size}


def trigger_number(trigger_id: str) -> int:
    if not trigger_id.isascii() or not trigger_id.isdigit():
        raise refused("trigger_id", "is not a trigger's id of this venue", "use the id that it was shown with")
    return int(checked_id("trigger_id", trigger_id))


# Leverage and modes.


def from_leverage(wanted: Leverage) -> Query:
    multiple = text(positive("leverage", wanted.leverage))
    if word("margin_mode", MARGIN_MODES, wanted.margin_mode):
        return (("leverage", "0"), ("cross_leverage_limit", multiple))
    return (("leverage", multiple),)


def from_position_mode(mode: str) -> Query:
    return (("dual_mode", word("position_mode", POSITION_MODES, mode)),)


# Lists.


def from_contract(symbol: str | None) -> Query:
    return () if symbol is None else (("contract", symbol),)


def from_status(status: str) -> Query:
    return (("status", word("status", LIST_STATUS, status)),)


# Numbers and words.


def signed_size(size: Number, side: str) -> int | str:
    amount = positive("size", size)
    return exact_size(amount.copy_negate() if word("side", SIDES, side) == "ask" else amount)


def exact_size(amount: Decimal) -> int | str:
    """Whole sizes as everybody sends them; fractions as text, so that no digit is lost."""
    nearest = amount.to_integral_value()
    return int(nearest) if nearest == amount else text(amount.normalize(EXACT))


def price_text(price: Number | None) -> str:
    return text(positive("price", price or ""))


def positive(field: str, said: Number) -> Decimal:
    try:
        amount = Decimal(said)
        if amount.is_finite() and amount > 0 and -EXPONENT_MAX < amount.adjusted() < EXPONENT_MAX:
            return amount
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
