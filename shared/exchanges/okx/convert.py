"""OKX's words and ours: rows in, records out.

The same order is told by REST and by pushes with other fields; equal states give equal records. What the venue takes
for itself is negative there: a fee is turned, so that ours is what was paid.
"""

from __future__ import annotations

from shared.errors import UnknownWord
from shared.exchanges.base import Leverage, PlaceOrder
from shared.exchanges.okx import NAME
from shared.exchanges.okx.names import instrument, is_pair
from shared.exchanges.okx.numbers import (
    EXACT,
    ZERO,
    amount,
    is_zero,
    ms_of,
    number,
    number_or_none,
    size_of,
    turned,
    unless_zero,
)
from shared.exchanges.okx.rows import (
    AccountRow,
    AssetRow,
    CashRow,
    FillRow,
    FundingRow,
    LeverageRow,
    OrderRow,
    PositionRow,
)
from shared.model import Balance, Fill, Number, Order, Owner, Position, Times, plain, text

TRADING, FUNDING = "trading", "funding"
"""The two wallets."""

STATES = {
    "live": "open",
    "partially_filled": "partially_filled",
    "filled": "filled",
    "canceled": "cancelled",
    "mmp_canceled": "cancelled",
}
FORCED = {
    "full_liquidation": "liquidation",
    "partial_liquidation": "liquidation",
    "adl": "adl",
    "delivery": "delivery",
    "twap": "forced_repayment",
    "ddh": "delta_hedge",
    "auto_conversion": "auto_conversion",
}
"""Categories of what the venue itself placed: causes whatever became of it."""
USUAL = frozenset({"", "normal"})

CANCEL_CAUSES: dict[str, str | None] = {
    "": None,
    "0": "system",
    "1": None,
    "2": "reduce_only",
    "3": "liquidation",
    "4": "borrow_limit",
    "6": "adl",
    "7": "delivery",
    "9": "funding_fee",
    "10": "expiry",
    "13": "fok",
    "14": "ioc",
    "15": "price_limit",
    "17": "position_closed",
    "20": "cancel_all_after",
    "21": "position_closed",
    "22": "reduce_only",
    "23": "reduce_only",
    "27": "price_gap",
    "31": "post_only",
    "32": "self_trade",
    "33": "maker_limit",
    "36": "stop_loss_fired",
    "37": "stop_loss_cancelled",
    "38": "market_maker_protection",
    "39": "market_maker_protection",
    "42": "chase_distance",
    "43": "price_limit",
    "44": "auto_conversion",
    "45": "enhanced_liquidity",
    "46": "delta_reduction",
}
"""Who cancelled it, as a cause; the user has none."""

TYPES = {
    "market": ("market", "ioc"),
    "optimal_limit_ioc": ("market", "ioc"),
    "limit": ("limit", "gtc"),
    "post_only": ("limit", "post_only"),
    "fok": ("limit", "fok"),
    "op_fok": ("limit", "fok"),
    "ioc": ("limit", "ioc"),
    "mmp": ("limit", "gtc"),
    "mmp_and_post_only": ("limit", "post_only"),
    "elp": ("limit", "gtc"),
    "rpi": ("limit", "gtc"),
}
ROLES = {"T": "taker", "M": "maker"}
SIDES = frozenset({"buy", "sell"})
HEDGE_SIDES = frozenset({"long", "short"})
CONTRACTS = frozenset({"SWAP", "FUTURES", "OPTION"})
NO_TRADE = frozenset({"", "0"})
FORCED_MOVES = {"liquidation": "liquidation", "adl": "adl"}
"""What moved a balance or a position, where that is the cause of an end."""


# Orders and fills.


def to_order(row: OrderRow, owner: Owner, received_at_ms: int) -> Order:
    status = STATES.get(row.state)
    if status is None:
        raise UnknownWord(NAME, "order state", row.state)
    side = checked_side(row.side)
    kind, time_in_force = TYPES.get(row.ordType) or ("limit" if row.px else "market", None)
    size, filled, remaining, unit = _sizes(row)
    is_filled = not is_zero(row.accFillSz)
    reduces = closes_of(side, row.posSide, row.reduceOnly) is not None
    updated_at_ms, created_at_ms = ms_of(row.uTime), ms_of(row.cTime)
    return Order(
        id=row.ordId,
        client_order_id=row.clOrdId or None,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.instId,
        instrument=instrument(row.instId),
        side=side,
        position_side=position_side_of(side, row.posSide, reduces),
        type=kind,
        time_in_force=time_in_force,
        price=None if kind == "market" else unless_zero(row.px),
        stop_price=None,
        size=size,
        size_unit=unit,
        filled=filled,
        remaining=remaining,
        average_price=unless_zero(row.avgPx) if is_filled else None,
        fee=_fee(row) if is_filled else "0",
        status="partially_filled" if status == "open" and is_filled else status,
        cause=_cause(row, status),
        reduce_only=reduces,
        origin="external",
        parent_id=None,
        created_at_ms=created_at_ms,
        updated_at_ms=updated_at_ms or created_at_ms,
        times=Times(updated_at_ms or created_at_ms, received_at_ms),
    )


def _sizes(row: OrderRow) -> tuple[Number, Number, Number, str]:
    """Size, filled, remaining and their unit. A market order may be for an amount of quote, while it fills in base.

    An order that is amended below what is filled of it is filled, with more than its size.
    """
    size, filled, unit = size_of(row.sz), size_of(row.accFillSz), unit_of(row.instType, row.instId)
    if row.tgtCcy == "quote_ccy" and unit == "base":
        worth = EXACT.multiply(amount(filled), amount(row.avgPx))
        filled, unit = size if row.state == "filled" else text(min(worth, amount(size))), "quote"
    left = EXACT.subtract(amount(size), amount(filled))
    return size, filled, text(max(left, ZERO)), unit


def _fee(row: OrderRow) -> Number | None:
    """What was paid. Of pairs a maker's rebate is told beside the fee; it counts when it is of the same asset."""
    if row.fee == "":
        return None
    if is_pair(row.instId) and row.rebateCcy == row.feeCcy and not is_zero(row.rebate):
        return text(EXACT.minus(EXACT.add(amount(row.fee), amount(row.rebate))))
    return turned(row.fee)


def _cause(row: OrderRow, status: str) -> str | None:
    """Why the venue did it: for its own orders always, for others once they were cancelled."""
    if row.category not in USUAL:
        return FORCED.get(row.category, row.category)
    if row.state == "mmp_canceled":
        return "market_maker_protection"
    if status != "cancelled":
        return None
    return CANCEL_CAUSES.get(row.cancelSource, f"cancel_source_{row.cancelSource[:10]}")


def pushed_fill(row: OrderRow, owner: Owner, received_at_ms: int) -> Fill | None:
    """The match that this push is about, when it is about one."""
    if row.tradeId in NO_TRADE or is_zero(row.fillSz):
        return None
    at_ms = ms_of(row.fillTime)
    told = FillRow(
        instId=row.instId,
        ordId=row.ordId,
        tradeId=row.tradeId,
        fillPx=row.fillPx,
        fillSz=row.fillSz,
        side=row.side,
        instType=row.instType,
        clOrdId=row.clOrdId,
        fee=row.fillFee,
        feeCcy=row.fillFeeCcy,
        execType=row.execType,
        fillTime="" if at_ms is None else row.fillTime,
        ts=row.uTime,
    )
    return to_fill(told, owner, received_at_ms)


def to_fill(row: FillRow, owner: Owner, received_at_ms: int) -> Fill:
    """`ts` is when it was written down, which is later than when it happened."""
    at_ms = ms_of(row.fillTime) or ms_of(row.ts)
    return Fill(
        id=row.tradeId,
        order_id=row.ordId,
        client_order_id=row.clOrdId or None,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.instId,
        instrument=instrument(row.instId),
        side=checked_side(row.side),
        price=number(row.fillPx),
        size=size_of(row.fillSz),
        size_unit=unit_of(row.instType, row.instId),
        fee=None if row.fee == "" else turned(row.fee),
        fee_asset=row.feeCcy or None,
        role=ROLES.get(row.execType),
        at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def placed_order(order_id: str, placed: PlaceOrder, at_ms: int | None, owner: Owner, received_at_ms: int) -> Order:
    """A reply to a placement only says the id: the rest is what was asked for, before anything became of it."""
    is_market = placed.type == "market"
    held = "long" if (placed.side == "buy") != placed.reduce_only else "short"
    unit = "quote" if placed.in_quote else unit_of("", placed.symbol)
    return Order(
        id=order_id,
        client_order_id=placed.client_order_id,
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=placed.symbol,
        instrument=instrument(placed.symbol),
        side=placed.side,
        position_side=held if unit == "contracts" and (placed.hedged or placed.reduce_only) else None,
        type=placed.type,
        time_in_force="ioc" if is_market else placed.time_in_force.lower(),
        price=None if is_market else placed.price,
        stop_price=None,
        size=placed.size,
        size_unit=unit,
        filled="0",
        remaining=placed.size,
        average_price=None,
        fee="0",
        status="open",
        cause=None,
        reduce_only=placed.reduce_only,
        origin="external",
        parent_id=None,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


# Positions.


def to_position(row: PositionRow, owner: Owner, received_at_ms: int) -> Position:
    """The venue counts no changes, but dates each: that time is their order."""
    at_ms = ms_of(row.uTime)
    return Position(
        id=_position_id(row),
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        symbol=row.instId,
        instrument=instrument(row.instId),
        side=_position_side(row),
        mode="hedge" if row.posSide in HEDGE_SIDES else "one_way",
        size=size_of(row.pos),
        size_unit=unit_of(row.instType, row.instId),
        entry_price=unless_zero(row.avgPx),
        mark_price=unless_zero(row.markPx),
        liquidation_price=unless_zero(row.liqPx),
        leverage=unless_zero(row.lever),
        margin_mode=row.mgnMode or None,
        margin=number_or_none(row.margin or row.imr),
        realised_pnl=number_or_none(row.realizedPnl),
        unrealised_pnl=number_or_none(row.upl),
        sequence=at_ms,
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


def _position_id(row: PositionRow) -> str:
    """What can be held side by side: both margin modes, in hedge mode both sides, and margin in either currency.

    The venue's own id is forgotten and made anew, so it names no position for long.
    """
    parts = [row.instId]
    if row.instType == "MARGIN":
        parts += ["margin", row.ccy]
    if row.mgnMode == "isolated":
        parts.append("isolated")
    if row.posSide in HEDGE_SIDES:
        parts.append(row.posSide)
    elif row.posSide not in ("", "net"):
        raise UnknownWord(NAME, "position side", row.posSide)
    return ":".join(parts)


def _position_side(row: PositionRow) -> str | None:
    """By the word; in net mode by the sign; on margin by which of the two coins is held."""
    if row.posSide in HEDGE_SIDES:
        return row.posSide
    if is_zero(row.pos):
        return None
    if row.instType == "MARGIN" and row.posCcy:
        return "long" if row.posCcy == row.instId.partition("-")[0] else "short"
    return "short" if row.pos.startswith("-") else "long"


def forced_close(row: PositionRow, cause: str, owner: Owner, received_at_ms: int) -> Position | None:
    """That a position came to an end which nobody wished for. The position itself is told by its own channel."""
    if not is_zero(row.pos):
        return None
    ended = to_position(row, owner, received_at_ms)
    if ended.updated_at_ms is None:
        raise UnknownWord(NAME, "closed position", "without a time")
    ended.id = f"{ended.id}:closed:{ended.updated_at_ms}"
    ended.cause, ended.closed_at_ms = cause, ended.updated_at_ms
    ended.leverage = ended.margin = ended.entry_price = None
    return ended


# Balances.


def from_asset(row: AssetRow, account: AccountRow, owner: Owner, received_at_ms: int) -> Balance:
    """The account's own time is that of the telling; a currency's does not move when an order takes or frees some."""
    available = number_or_none(row.availBal or row.availEq)
    at_ms = ms_of(account.uTime) or ms_of(row.uTime)
    total = row.cashBal or row.eq or text(EXACT.add(amount(available or ""), amount(row.frozenBal)))
    return _balance(TRADING, row.ccy, total, available, row.frozenBal, at_ms, owner, received_at_ms)


def from_cash(row: CashRow, owner: Owner, received_at_ms: int) -> Balance:
    """Only money that moved, never what is free of it."""
    return _balance(TRADING, row.ccy, row.cashBal, None, "", ms_of(row.uTime), owner, received_at_ms)


def from_funding(row: FundingRow, owner: Owner, received_at_ms: int) -> Balance:
    """The venue does not date it."""
    available = number_or_none(row.availBal)
    return _balance(FUNDING, row.ccy, row.bal, available, row.frozenBal, received_at_ms, owner, received_at_ms)


def _balance(
    wallet: str,
    asset: str,
    total: str,
    available: Number | None,
    frozen: str,
    at_ms: int | None,
    owner: Owner,
    received_at_ms: int,
) -> Balance:
    return Balance(
        id=f"{wallet}:{asset}",
        user_id=owner.user_id,
        account_id=owner.account_id,
        venue=owner.venue,
        environment=owner.environment,
        wallet=wallet,
        asset=asset,
        total=number(total),
        available=available,
        frozen=number_or_none(frozen),
        updated_at_ms=at_ms,
        times=Times(at_ms, received_at_ms),
    )


# Modes.


def to_leverage(said: list[LeverageRow]) -> Leverage | None:
    """What all the rows agree on: two where both sides are held, one otherwise."""
    told = {Leverage(plain(number(row.lever)), row.mgnMode) for row in said if row.lever}
    return told.pop() if len(told) == 1 else None


POSITION_MODES = {"net_mode": "one_way", "long_short_mode": "hedge"}


def to_position_mode(said: str) -> str:
    mode = POSITION_MODES.get(said)
    if mode is None:
        raise UnknownWord(NAME, "position mode", said)
    return mode


# Small words.


def unit_of(kind: str, symbol: str) -> str:
    is_contract = kind in CONTRACTS if kind else not is_pair(symbol)
    return "contracts" if is_contract else "base"


def checked_side(said: str) -> str:
    if said not in SIDES:
        raise UnknownWord(NAME, "side", said)
    return said


def closes_of(side: str, pos_side: str, reduce_only: str) -> str | None:
    """Which side's position an order of these words reduces, if it only does that. In hedge mode the sides say it."""
    reduced = "long" if side == "sell" else "short"
    if pos_side in HEDGE_SIDES:
        return reduced if pos_side == reduced else None
    return reduced if reduce_only == "true" else None


def position_side_of(side: str, pos_side: str, reduces: bool) -> str | None:
    if pos_side in HEDGE_SIDES:
        return pos_side
    return ("long" if side == "sell" else "short") if reduces else None
