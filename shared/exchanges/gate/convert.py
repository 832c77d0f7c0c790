"""Gate's words and ours: rows in, records out.

The same order is told by REST replies, by pushes of 2024 (numbers) and of 2026 (strings), with times in seconds,
milliseconds or microseconds; equal states give equal records. State is derived from `status` and the sizes; `finish_as`
only says why.
"""

from __future__ import annotations

from decimal import Decimal
from functools import reduce

from shared.errors import UnknownWord
from shared.exchanges.base import Leverage
from shared.exchanges.gate import CLIENT_ID_PREFIX, NAME
from shared.exchanges.gate.names import instrument
from shared.exchanges.gate.numbers import EXACT, ZERO, ms_of, number, number_or_none, unless_zero, whole
from shared.exchanges.gate.rows import (
    AccountRow,
    BalanceRow,
    ClosedRow,
    FillRow,
    ModeRow,
    OrderRow,
    PositionRow,
    SpotRow,
    UnifiedRow,
)
from shared.model import Balance, Fill, Number, Order, Owner, Position, Times

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

MODES = {"single": "one_way", "dual": "hedge"}
SIDE_OF_MODE = {"dual_long": "long", "dual_short": "short"}
POSITION_SIDES = frozenset({"long", "short"})


# Orders and fills.


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
    updated_at_ms = ms_of(row.update_time) or ms_of(row.finish_time_ms) or ms_of(row.finish_time)
    created_at_ms = ms_of(row.create_time_ms) or ms_of(row.create_time)
    if updated_at_ms is None:
        updated_at_ms = created_at_ms
    side = side_of(size, row.auto_size)
    reduces = row.is_reduce_only or row.is_close
    return Order(
        id=str(row.id),
        client_order_id=said_or_none(row.text),
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
        filled=number(filled) if filled else "0",
        remaining=number(left.copy_abs()) if left else "0",
        average_price=number(average) if filled and average else None,
        fee="0" if not filled else None if row.fee is None else number(row.fee),
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
        forced = _system_cause(row.text)
        if forced is not None:
            return forced
    if row.status == "open":
        return None
    cause = FINISH_CAUSES.get(row.finish_as, row.finish_as)
    return cause if status != "filled" or cause in FORCED else None


def _system_cause(words: str) -> str | None:
    """By the `text` that the venue gives to what it does itself."""
    return next((cause for beginning, cause in SYSTEM_CAUSES if words.startswith(beginning)), None)


def to_fill(row: FillRow, owner: Owner, received_at_ms: int) -> Fill:
    fill_id = row.trade_id if row.id is None else row.id
    if fill_id is None:
        raise UnknownWord(NAME, "fill", "without an id")
    at_ms = ms_of(row.create_time_ms) or ms_of(row.create_time)
    return Fill(
        id=str(fill_id),
        order_id=str(row.order_id),
        client_order_id=said_or_none(row.text),
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.contract,
        instrument=instrument(row.contract),
        side=side_of(row.size),
        price=number(row.price),
        size=number(row.size.copy_abs()),
        size_unit="contracts",
        fee=None if row.fee is None else number(row.fee),
        fee_asset=row.contract.rpartition("_")[2] or None,
        role=row.role or None,
        at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


# Positions and balances.


def to_position(row: PositionRow, owner: Owner, received_at_ms: int) -> Position:
    hedge_side = SIDE_OF_MODE.get(row.mode)
    if hedge_side is None and row.mode != "single":
        raise UnknownWord(NAME, "position mode", row.mode)
    side = hedge_side or ("long" if row.size > 0 else "short" if row.size < 0 else None)
    at_ms = ms_of(row.time_ms) or ms_of(row.update_time) or ms_of(row.time)
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
        entry_price=unless_zero(row.entry_price),
        mark_price=unless_zero(row.mark_price),
        liquidation_price=unless_zero(row.liq_price),
        leverage=_multiple(row),
        margin_mode=_margin_mode(row),
        margin=None if row.margin is None else number(row.margin),
        realised_pnl=None if row.realised_pnl is None else number(row.realised_pnl),
        unrealised_pnl=None if row.unrealised_pnl is None else number(row.unrealised_pnl),
        sequence=None if row.update_id is None else whole(row.update_id),
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def to_closed_position(row: ClosedRow, owner: Owner, received_at_ms: int) -> Position:
    """How a position came to its end: a record of its own beside that of the living one, which may soon live again."""
    if row.side not in POSITION_SIDES:
        raise UnknownWord(NAME, "position side", row.side)
    at_ms = ms_of(row.time_ms) or ms_of(row.time)
    if at_ms is None:
        raise UnknownWord(NAME, "closed position", "without a time")
    return Position(
        id=f"{row.contract}:closed:{at_ms}:{row.side}",
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.contract,
        instrument=instrument(row.contract),
        side=row.side,
        mode=None,
        size="0",
        size_unit="contracts",
        entry_price=None,
        mark_price=None,
        liquidation_price=None,
        leverage=None,
        margin_mode=None,
        margin=None,
        realised_pnl=number(row.pnl),
        unrealised_pnl=None,
        cause=_system_cause(row.text),
        closed_at_ms=at_ms,
        sequence=None,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def _multiple(row: PositionRow) -> Number | None:
    """`leverage` 0 means cross, and then the multiple is `cross_leverage_limit`; newer rows also say it plainly."""
    multiple = row.lever or row.leverage or row.cross_leverage_limit
    return number(multiple) if multiple else None


def _margin_mode(row: PositionRow) -> str | None:
    if row.pos_margin_mode:
        return "cross" if row.pos_margin_mode == "cross" else "isolated"
    return None if row.leverage is None else "isolated" if row.leverage else "cross"


def to_leverage(rows: list[PositionRow]) -> Leverage | None:
    """What all the rows agree on: two in hedge mode, one otherwise."""
    said = {(_multiple(row), _margin_mode(row)) for row in rows}
    multiple, margin_mode = said.pop() if len(said) == 1 else (None, None)
    return Leverage(multiple, margin_mode) if multiple and margin_mode else None


def to_position_mode(row: ModeRow) -> str:
    if row.position_mode in MODES:
        return MODES[row.position_mode]
    if row.position_mode or row.in_dual_mode is None:
        raise UnknownWord(NAME, "position mode", row.position_mode)
    return "hedge" if row.in_dual_mode else "one_way"


def from_push(row: BalanceRow, owner: Owner, received_at_ms: int) -> Balance:
    at_ms = ms_of(row.time_ms) or ms_of(row.time)
    return _balance("futures", row.currency, row.balance, None, None, at_ms, owner, received_at_ms)


def from_account(row: AccountRow, owner: Owner, received_at_ms: int, at_ms: int | None = None) -> Balance:
    """`at_ms` is the venue's time of the reply when it said so: the row's own time does not move with its margins."""
    margins = (row.position_margin, row.order_margin, row.cross_initial_margin, row.cross_order_margin)
    said = [margin for margin in margins if margin is not None]
    frozen = reduce(EXACT.add, said) if said else None
    at_ms = at_ms or ms_of(row.update_time)
    return _balance("futures", row.currency, row.total, row.available, frozen, at_ms, owner, received_at_ms)


def from_spot(row: SpotRow, owner: Owner, received_at_ms: int, at_ms: int) -> Balance:
    total = EXACT.add(row.available, row.locked)
    return _balance("spot", row.currency, total, row.available, row.locked, at_ms, owner, received_at_ms)


def from_unified(currency: str, row: UnifiedRow, owner: Owner, received_at_ms: int, at_ms: int) -> Balance:
    """Its equity; where it is not told, as for a classic account, what is free and what is not."""
    total = EXACT.add(row.available or ZERO, row.freeze or ZERO) if row.equity is None else row.equity
    return _balance("unified", currency, total, row.available, row.freeze, at_ms, owner, received_at_ms)


def _balance(
    wallet: str,
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
        id=f"{wallet}:{asset}",
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        wallet=wallet,
        asset=asset,
        total=number(total),
        available=number_or_none(available),
        frozen=number_or_none(frozen),
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


# Small words.


def side_of(size: Decimal, auto_size: str = "") -> str:
    """By the sign. An order for nothing has none; then the word for what it would close says it."""
    if not size and auto_size == "close_long":
        return "sell"
    return "sell" if size < 0 else "buy"


def said_or_none(words: str) -> str | None:
    return None if words in NOTHING else words
