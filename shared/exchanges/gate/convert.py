"""Gate's words and ours. Rows in, records out; wishes in, request bodies out.

The same order is told by REST replies, by pushes of 2024 (numbers) and of 2026 (strings), with times in seconds,
milliseconds or microseconds. Every form is read by one struct per record into `Decimal`, so equal states give equal
records. State is derived from `status` and the sizes; `finish_as` only says why.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from shared.errors import BadRequest, UnknownWord
from shared.exchanges.base import Leverage, PlaceOrder, PlaceTrigger
from shared.exchanges.gate import CLIENT_ID_BYTES_MAX, CLIENT_ID_PREFIX, NAME, OUR_CLIENT_ID_PREFIX
from shared.model import Balance, Fill, Number, Order, Owner, Position, Times, Trigger, text

K = TypeVar("K")
V = TypeVar("V")

ZERO = Decimal(0)
EXACT = Context(prec=120)
"""The usual context would round to 28 digits."""
EXPONENT_MAX = 40
"""No price or size has more digits before or after the point; more is garbage that would write a page of zeros."""

NOTHING = frozenset({"", "-", "0"})
"""How a row says "none" where a text or an id would stand."""

SYSTEM_CAUSES = (
    ("auto_deleveraging", "adl"),
    ("liquidation", "liquidation"),
    ("liq-", "liquidation"),
    ("hedge-liq-", "liquidation"),
    ("pm_liquidate", "liquidation"),
    ("comb_margin_liquidate", "liquidation"),
    ("scm_liquidate", "liquidation"),
    ("insurance", "liquidation"),
)
"""Beginnings of the `text` of orders that the venue itself placed."""

FINISH_CAUSES: dict[str, str | None] = {
    "cancelled": None,
    "filled": None,
    "": None,
    "_new": None,
    "_update": None,
    "open": None,
    "liquidated": "liquidation",
    "liquidate_cancelled": "liquidation",
    "auto_deleveraged": "adl",
    "auto_deleveraging": "adl",
    "stp": "self_trade",
    "poc": "post_only",
}
"""Why an order ended; a word that is not here is its own cause."""

FORCED = frozenset({"liquidation", "adl"})
"""Causes that matter even when nothing was left."""

FINISH_STATUS = {"expired": "expired"}
"""A finished order with something left is cancelled, except for these words."""

TIME_IN_FORCE = {"poc": "post_only"}
TIF = {"post_only": "poc"}

PRICE_TYPES = {0: "last", 1: "mark", 2: "index"}
PRICE_TYPE_NUMBERS = {word: number for number, word in PRICE_TYPES.items()}
MARGIN_MODES = {"cross": True, "isolated": False}
RULES = {1: "at_or_above", 2: "at_or_below"}

PURPOSES = {
    ("long", 1): "take_profit",
    ("long", 2): "stop_loss",
    ("short", 1): "stop_loss",
    ("short", 2): "take_profit",
}
RULE_NUMBERS = {(side, purpose): rule for (side, rule), purpose in PURPOSES.items()}
"""Which way the price must go, for the position that is closed."""

TRIGGER_STATUS = {"open": "open", "inactive": "open", "invalid": "failed"}
TRIGGER_FINISH = {"succeeded": "fired", "cancelled": "cancelled", "expired": "expired", "failed": "failed"}

AUTO_SIZE = {"long": "close_long", "short": "close_short"}
SIDE_OF_MODE = {"dual_long": "long", "dual_short": "short"}

CLIENT_ID = re.compile(r"[0-9A-Za-z_.\-]+")
ORDER_ID = re.compile(r"[0-9A-Za-z_\-][0-9A-Za-z_.\-]{0,63}")


# The rows, as they come. Only what is read stands here; all else in a row is skipped without being looked at.


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


class BalanceRow(msgspec.Struct):
    """A push: only money that moved, never what is free of it."""

    currency: str
    balance: Decimal
    time: Decimal | None = None
    time_ms: Decimal | None = None


class AccountRow(msgspec.Struct):
    currency: str
    total: Decimal
    available: Decimal | None = None
    position_margin: Decimal | None = None
    order_margin: Decimal | None = None
    update_time: Decimal | None = None


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
    me_order_id: int | str = 0
    me_order_id_string: str = ""
    parent_id: int | str = 0


# From their words to ours.


def to_order(row: OrderRow, owner: Owner, received_at_ms: int) -> Order:
    size, left = row.size, row.left
    if row.status != "open" and row.status != "finished":
        raise UnknownWord(NAME, "order status", row.status)
    filled = EXACT.subtract(size.copy_abs(), left.copy_abs())
    if filled < 0:
        raise UnknownWord(NAME, "order sizes", f"{size} with {left} left")
    is_market = row.price == 0
    status = _order_status(row, filled)
    average = row.fill_price
    updated_at_ms = _ms(row.update_time) or _ms(row.finish_time_ms) or _ms(row.finish_time)
    created_at_ms = _ms(row.create_time_ms) or _ms(row.create_time)
    if updated_at_ms is None:
        updated_at_ms = created_at_ms
    side = _side(size, row.auto_size)
    reduces = row.is_reduce_only or row.is_close
    fee = row.fee
    return Order(
        id=str(row.id),
        client_order_id=_said(row.text),
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.contract,
        instrument=instrument(row.contract),
        side=side,
        position_side=("short" if side == "buy" else "long") if reduces else None,
        type="market" if is_market else "limit",
        time_in_force=TIME_IN_FORCE.get(row.tif, row.tif) or None,
        price=None if is_market else number(row.price),
        stop_price=None,
        size=number(size.copy_abs()),
        size_unit="contracts",
        filled=number(filled),
        remaining=number(left.copy_abs()),
        average_price=number(average) if filled and average else None,
        fee="0" if not filled else None if fee is None else number(fee),
        status=status,
        cause=_cause(row, status),
        reduce_only=reduces,
        origin="external",
        parent_id=None,
        created_at_ms=created_at_ms,
        updated_at_ms=updated_at_ms,
        times=Times(updated_at_ms, received_at_ms),
    )


def _order_status(row: OrderRow, filled: Decimal) -> str:
    if row.status == "open":
        return "partially_filled" if filled else "open"
    if not row.left and (row.size or row.finish_as == "filled"):
        return "filled"
    return FINISH_STATUS.get(row.finish_as, "cancelled")


def _cause(row: OrderRow, status: str) -> str | None:
    """Why the venue did it: for its own orders always, for others once they ended before they were filled."""
    if row.is_liq:
        return "liquidation"
    if not row.text.startswith(CLIENT_ID_PREFIX):
        for beginning, forced in SYSTEM_CAUSES:
            if row.text.startswith(beginning):
                return forced
    if row.status == "open":
        return None
    cause = FINISH_CAUSES.get(row.finish_as, row.finish_as)
    return cause if status != "filled" or cause in FORCED else None


def to_fill(row: FillRow, owner: Owner, received_at_ms: int) -> Fill:
    fill_id = row.trade_id if row.id is None else row.id
    if fill_id is None:
        raise UnknownWord(NAME, "fill", "without an id")
    at_ms = _ms(row.create_time_ms) or _ms(row.create_time)
    return Fill(
        id=str(fill_id),
        order_id=str(row.order_id),
        client_order_id=_said(row.text),
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.contract,
        instrument=instrument(row.contract),
        side=_side(row.size),
        price=number(row.price),
        size=number(row.size.copy_abs()),
        size_unit="contracts",
        fee=None if row.fee is None else number(row.fee),
        fee_asset=row.contract.rpartition("_")[2] or None,
        role=row.role or None,
        at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def to_position(row: PositionRow, owner: Owner, received_at_ms: int) -> Position:
    hedge_side = SIDE_OF_MODE.get(row.mode)
    if hedge_side is None and row.mode != "single":
        raise UnknownWord(NAME, "position mode", row.mode)
    side = hedge_side or ("long" if row.size > 0 else "short" if row.size < 0 else None)
    at_ms = _ms(row.time_ms) or _ms(row.update_time) or _ms(row.time)
    known = _leverage_of(row)
    return Position(
        id=row.contract if hedge_side is None else f"{row.contract}:{hedge_side}",
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.contract,
        instrument=instrument(row.contract),
        side=side,
        mode="one_way" if hedge_side is None else "hedge",
        size=number(row.size.copy_abs()),
        size_unit="contracts",
        entry_price=_unless_zero(row.entry_price),
        mark_price=_unless_zero(row.mark_price),
        liquidation_price=_unless_zero(row.liq_price),
        leverage=known.leverage if known else None,
        margin_mode=known.margin_mode if known else None,
        margin=None if row.margin is None else number(row.margin),
        realised_pnl=None if row.realised_pnl is None else number(row.realised_pnl),
        unrealised_pnl=None if row.unrealised_pnl is None else number(row.unrealised_pnl),
        sequence=None if row.update_id is None else _whole(row.update_id),
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def _leverage_of(row: PositionRow) -> Leverage | None:
    """`leverage` 0 means cross, and then the multiple is `cross_leverage_limit`; newer rows also say it plainly."""
    if row.leverage is None and row.lever is None:
        return None
    is_cross = row.pos_margin_mode == "cross" if row.pos_margin_mode else not row.leverage
    multiple = row.lever or row.leverage or row.cross_leverage_limit
    if not multiple:
        return None
    return Leverage(number(multiple), "cross" if is_cross else "isolated")


def to_leverage(rows: list[PositionRow]) -> Leverage | None:
    """What all the rows agree on: two in hedge mode, one otherwise."""
    said = {_leverage_of(row) for row in rows}
    return said.pop() if len(said) == 1 else None


def from_push(row: BalanceRow, owner: Owner, received_at_ms: int) -> Balance:
    at_ms = _ms(row.time_ms) or _ms(row.time)
    return _balance(row.currency, row.balance, None, None, at_ms, owner, received_at_ms)


def from_account(row: AccountRow, owner: Owner, received_at_ms: int, at_ms: int | None = None) -> Balance:
    """`at_ms` is the venue's time of the reply when it said so: the row's own time does not move with its margins."""
    frozen = EXACT.add(row.position_margin or ZERO, row.order_margin or ZERO)
    said = row.position_margin is not None or row.order_margin is not None
    at_ms = at_ms or _ms(row.update_time)
    return _balance(row.currency, row.total, row.available, frozen if said else None, at_ms, owner, received_at_ms)


def _balance(
    asset: str,
    total: Decimal,
    available: Decimal | None,
    frozen: Decimal | None,
    at_ms: int | None,
    owner: Owner,
    received_at_ms: int,
) -> Balance:
    asset = asset.upper()
    return Balance(
        id=f"futures:{asset}",
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        wallet="futures",
        asset=asset,
        total=number(total),
        available=None if available is None else number(available),
        frozen=None if frozen is None else number(frozen),
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def to_trigger(row: TriggerRow, owner: Owner, received_at_ms: int) -> Trigger:
    initial, rule = row.initial, _whole(row.trigger.rule)
    size = Decimal(initial.amount) if initial.amount not in NOTHING and not initial.size else initial.size
    closes = _closes(row, size)
    status, reason = _trigger_status(row)
    created_at_ms = _ms(row.create_time)
    at_ms = (_ms(row.finish_time) if status != "open" else None) or created_at_ms
    return Trigger(
        id=_said(row.id_string) or str(row.id),
        client_order_id=_said(initial.text),
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=initial.contract,
        instrument=instrument(initial.contract),
        purpose=PURPOSES.get((closes, rule)) if closes else None,
        side=("sell" if closes == "long" else "buy") if closes else _side(size),
        price=number(row.trigger.price),
        price_type=PRICE_TYPES.get(_whole(row.trigger.price_type)),
        rule=RULES.get(rule),
        order_price=_unless_zero(initial.price),
        size=number(size.copy_abs()),
        size_unit="contracts",
        status=status,
        reason=reason,
        parent_id=_said(str(row.parent_id)),
        child_id=_said(row.me_order_id_string) or _said(str(row.me_order_id)) or _said(str(row.trade_id)),
        created_at_ms=created_at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def _trigger_status(row: TriggerRow) -> tuple[str, str | None]:
    reason = _said(row.reason)
    if row.status != "finished":
        status = TRIGGER_STATUS.get(row.status)
        if status is None:
            raise UnknownWord(NAME, "trigger status", row.status)
        return status, reason
    if row.finish_as in TRIGGER_FINISH:
        return TRIGGER_FINISH[row.finish_as], reason
    # Ended in a way we have no word for. It protects nothing any more, and "failed" is what alarms.
    return "failed", reason or row.finish_as or None


def _closes(row: TriggerRow, size: Decimal) -> str | None:
    """Which side's position it closes, when it is one that closes."""
    for said in (row.order_type, row.initial.auto_size):
        if "close-long" in said or said == "close_long":
            return "long"
        if "close-short" in said or said == "close_short":
            return "short"
    initial = row.initial
    if size and (initial.is_reduce_only or initial.reduce_only or initial.is_close or initial.close):
        return "long" if size < 0 else "short"
    return None


def placed_trigger(trigger_id: str, placed: PlaceTrigger, owner: Owner, at_ms: int, received_at_ms: int) -> Trigger:
    """A reply to a placement only says the id: the rest is what was asked for."""
    return Trigger(
        id=trigger_id,
        client_order_id=placed.client_order_id,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=placed.symbol,
        instrument=instrument(placed.symbol),
        purpose=placed.purpose,
        side="sell" if placed.position_side == "long" else "buy",
        price=placed.price,
        price_type=placed.price_type,
        rule=RULES[RULE_NUMBERS[(placed.position_side, placed.purpose)]],
        order_price=None,
        size=placed.size or "0",
        size_unit="contracts",
        status="open",
        reason=None,
        parent_id=placed.parent_id,
        child_id=None,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


# From our words to theirs.


def from_place(order: PlaceOrder) -> bytes:
    is_market = order.type == "market"
    if order.type not in ("market", "limit"):
        raise _bad("type", f"{order.type!r} is not a plain order here", "place a market or limit order")
    body: dict[str, Any] = {
        "contract": order.symbol,
        "size": signed_size(order.size, order.side),
        "price": "0" if is_market else price_text(order.price),
        "tif": from_time_in_force(order.time_in_force, is_market),
        "text": order.client_order_id,
    }
    if order.reduce_only:
        body["reduce_only"] = True
    return msgspec.json.encode(body)


def from_close(symbol: str, position_side: str, client_order_id: str, hedged: bool) -> bytes:
    """One-way: `close` takes whatever there is. Hedge: `auto_size` names the side, and `close` must stay away."""
    body: dict[str, Any] = {"contract": symbol, "size": 0, "price": "0", "tif": "ioc", "text": client_order_id}
    if hedged:
        body |= {"reduce_only": True, "auto_size": _word("position_side", AUTO_SIZE, position_side)}
    else:
        body |= {"close": True}
    return msgspec.json.encode(body)


def from_place_trigger(trigger: PlaceTrigger) -> bytes:
    price_type = _word("price_type", PRICE_TYPE_NUMBERS, trigger.price_type)
    rule = _word("purpose", RULE_NUMBERS, (trigger.position_side, trigger.purpose))
    initial: dict[str, Any] = {
        "contract": trigger.symbol,
        "size": 0,
        "price": "0",
        "tif": "ioc",
        "text": trigger.client_order_id,
    }
    order_type = f"close-{trigger.position_side}-position"
    if trigger.size is not None:
        closing = "sell" if trigger.position_side == "long" else "buy"
        size = signed_size(trigger.size, closing)
        # `size` is whole here and `amount` wins over it: the field for fractions.
        initial |= {"size": size} if isinstance(size, int) else {"amount": size}
        initial["reduce_only"] = True
        order_type = f"plan-{order_type}"
    elif trigger.hedged:
        initial |= {"close": False, "auto_size": AUTO_SIZE[trigger.position_side]}
    else:
        initial["close"] = True
    return msgspec.json.encode(
        {
            "initial": initial,
            "trigger": {
                "strategy_type": 0,
                "price_type": price_type,
                "price": price_text(trigger.price),
                "rule": rule,
            },
            "order_type": order_type,
        }
    )


def from_time_in_force(words: str, is_market: bool) -> str:
    """A market order is one that takes what is there: `gtc` makes no sense for it."""
    words = TIF.get(words.lower(), words.lower())
    if is_market:
        return "fok" if words == "fok" else "ioc"
    if words not in ("gtc", "ioc", "poc", "fok"):
        raise _bad("time_in_force", f"{words!r} is not known here", "use gtc, ioc, fok or post_only")
    return words


def from_leverage(wanted: Leverage) -> tuple[tuple[str, str], ...]:
    multiple = text(_positive("leverage", wanted.leverage))
    if _word("margin_mode", MARGIN_MODES, wanted.margin_mode):
        return (("leverage", "0"), ("cross_leverage_limit", multiple))
    return (("leverage", multiple),)


def signed_size(size: Number, side: str) -> int | str:
    """Whole sizes as JSON integers, as everybody sends them; fractions as text, so that no digit is lost."""
    amount = _positive("size", size)
    amount = amount.copy_negate() if side == "sell" else amount
    whole = amount.to_integral_value()
    return int(whole) if whole == amount else text(amount.normalize(EXACT))


def price_text(price: Number | None) -> str:
    return text(_positive("price", price or ""))


def _positive(field: str, said: Number) -> Decimal:
    try:
        amount = Decimal(said)
        if amount.is_finite() and amount > 0 and -EXPONENT_MAX < amount.adjusted() < EXPONENT_MAX:
            return amount
    except ArithmeticError:
        pass
    raise _bad(field, "is not a number above 0", "give a plain decimal number")


# Names.


@lru_cache(4096)
def instrument(symbol: str) -> str:
    base, _, settle = symbol.rpartition("_")
    return f"{base}/{settle}:{settle}" if base else symbol


def symbol_of(name: str) -> str:
    """`BTC_USDT` for any of `BTC_USDT`, `BTC/USDT` and `BTC/USDT:USDT`."""
    said = name.strip().upper()
    pair, _, settle = said.partition(":")
    base, _, quote = pair.partition("/") if "/" in pair else pair.rpartition("_")
    if settle not in ("", quote) or quote != "USDT" or not re.fullmatch(r"\w{1,40}", base):
        raise _bad("symbol", f"{name[:60]!r} is no contract here", "use a name such as BTC_USDT or BTC/USDT:USDT")
    return f"{base}_{quote}"


def client_order_id(wanted: str | None, key: str) -> str:
    if wanted is None:
        digest = base64.b32encode(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:15])
        return OUR_CLIENT_ID_PREFIX + digest.decode().lower()
    own = wanted.removeprefix(CLIENT_ID_PREFIX)
    if len(own) > CLIENT_ID_BYTES_MAX or not CLIENT_ID.fullmatch(own):
        raise _bad(
            "client_order_id",
            f"must be 1 to {CLIENT_ID_BYTES_MAX} characters of A-Z a-z 0-9 . _ -",
            f"{CLIENT_ID_PREFIX} is put in front when it is missing",
        )
    return CLIENT_ID_PREFIX + own


def checked_id(field: str, order_id: str) -> str:
    """An id that names one order in a URL. Empty or odd text there could name all of them."""
    if not ORDER_ID.fullmatch(order_id):
        raise _bad(field, "is not an order id of this venue", "use the id that the order was shown with")
    return order_id


def _word(field: str, known: Mapping[K, V], said: K) -> V:
    if said not in known:
        choices = ", ".join(sorted({str(word) for word in known}))
        raise _bad(field, f"{str(said)[:40]!r} is not known here", f"use one of: {choices}")
    return known[said]


def _bad(field: str, problem: str, cure: str) -> BadRequest:
    return BadRequest(f"{field} {problem}; {cure}", ((field, f"{problem}; {cure}"),))


# Numbers and small words.


def number(value: Decimal) -> Number:
    """The digits, once they are known to be digits: NaN, infinity and absurd exponents are no numbers of a venue."""
    if not value.is_finite() or not -EXPONENT_MAX < value.adjusted() < EXPONENT_MAX:
        raise UnknownWord(NAME, "number", value)
    return text(value)


def _unless_zero(value: Decimal | None) -> Number | None:
    return number(value) if value else None


def _ms(at: Decimal | None) -> int | None:
    """Milliseconds, from seconds, milliseconds or microseconds: their sizes tell them apart until the year 5138."""
    if not at:
        return None
    if not 0 < at < _MICROSECONDS_MAX:
        raise UnknownWord(NAME, "time", at)
    if at < _SECONDS_MAX:
        return int(at * 1000)
    return int(at) if at < _MILLISECONDS_MAX else int(at / 1000)


_SECONDS_MAX = Decimal(100_000_000_000)
_MILLISECONDS_MAX = Decimal(100_000_000_000_000)
_MICROSECONDS_MAX = Decimal(100_000_000_000_000_000)


def _side(size: Decimal, auto_size: str = "") -> str:
    """By the sign. An order for nothing has none; then the word for what it would close says it."""
    if not size and auto_size == "close_long":
        return "sell"
    return "sell" if size < 0 else "buy"


def _said(words: str) -> str | None:
    return None if words in NOTHING else words


def _whole(value: int | str) -> int:
    return value if type(value) is int else int(value)
