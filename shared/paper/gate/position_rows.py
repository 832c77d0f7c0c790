"""Positions, and what the exchange did to them, as Gate's JSON rows."""

from __future__ import annotations

from decimal import Decimal

from shared.paper.accounts import Position
from shared.paper.contracts import Tier
from shared.paper.facts import Deleveraged, Liquidated, PositionClosed, RiskLimitReduced
from shared.paper.gate.forms import Row, bare, plain, size_of
from shared.paper.listing import Listing
from shared.paper.orders import ZERO


def position_row(position: Position, listing: Listing, rank: int, is_decimal: bool) -> Row:
    """A position as REST shows it."""
    contract, mark, account = position.contract, listing.mark, position.account
    waiting = account.open_for(contract, position.mode)
    closing = next((order for order in waiting if order.request.close or order.request.close_side), None)
    value, kept = abs(contract.value(position.size, mark)), position.maintenance_margin(mark)
    tier = contract.tier_of(value)
    return {
        "user": account.number, "contract": contract.name, "size": size_of(position.size, is_decimal),
        "mode": position.mode, **_leverage(position),
        "lever": plain(position.leverage), "pos_margin_mode": "cross" if position.is_cross else "isolated",
        "entry_price": plain(position.entry_price), "mark_price": plain(mark),
        "liq_price": plain(position.liquidation_price(_wallet(position))), "value": plain(value),
        "margin": plain(position.margin), "initial_margin": plain(round(position.initial_margin(mark), 12)),
        "maintenance_margin": plain(kept), "maintenance_rate": plain(tier.maintenance_rate),
        "average_maintenance_rate": plain(round(kept / value, 8) if value else tier.maintenance_rate),
        "risk_limit": plain(position.risk_limit), "leverage_max": plain(tier.leverage_max),
        "unrealised_pnl": plain(position.unrealised(mark)), "realised_pnl": plain(position.realised_pnl),
        "pnl_pnl": plain(position.pnl), "pnl_fund": plain(position.funding), "pnl_fee": plain(-position.fees),
        "history_pnl": plain(position.history_pnl), "last_close_pnl": plain(position.last_close_pnl),
        "realised_point": "0", "history_point": "0", "adl_ranking": rank, "pending_orders": len(waiting),
        "close_order": closing and {"id": closing.id, "price": plain(closing.price), "is_liq": closing.is_liquidation},
        "update_time": position.updated_ms // 1000, "update_id": position.update_id,
        "open_time": position.opened_ms // 1000, "pid": 0, "risk_limit_table": "",
    }  # fmt: skip


def position_push(position: Position, now_ms: int, is_decimal: bool, is_old: bool) -> Row:
    """A position as it is pushed: numbers, without mark price or unrealised profit."""
    contract, tier = position.contract, _tier(position)
    leverage = bare(position.leverage)
    row: Row = {
        "user": str(position.account.number), "contract": contract.name, "mode": position.mode,
        "size": size_of(position.size, is_decimal), "entry_price": bare(position.entry_price),
        "leverage": 0 if position.is_cross else leverage, "cross_leverage_limit": leverage if position.is_cross else 0,
        "margin": bare(position.margin), "liq_price": bare(position.liquidation_price(_wallet(position))),
        "leverage_max": bare(tier.leverage_max), "maintenance_rate": tier.maintenance_rate,
        "risk_limit": bare(position.risk_limit), "realised_pnl": bare(position.realised_pnl),
        "history_pnl": bare(position.history_pnl), "last_close_pnl": bare(position.last_close_pnl),
        "realised_point": 0, "history_point": 0, "update_id": position.update_id, "time": now_ms // 1000,
        "time_ms": now_ms,
    }  # fmt: skip
    if not is_old:
        row["pos_margin_mode"] = "cross" if position.is_cross else "isolated"
        row["lever"] = plain(position.leverage)
    return row


def rank_push(position: Position, rank: int, now_ms: int) -> Row:
    """A position's place in the queue for deleveraging."""
    return {
        "user_id": position.account.number, "contract": position.contract.name, "mode": position.mode,
        "rank_division": rank, "time_ms": now_ms,
    }  # fmt: skip


def risk_limit_push(fact: RiskLimitReduced) -> Row:
    """A lowered risk limit."""
    position, tier = fact.position, _tier(fact.position)
    return {
        "user": str(position.account.number), "contract": position.contract.name, "cancel_orders": fact.cancelled,
        "leverage_max": bare(tier.leverage_max), "liq_price": bare(position.liquidation_price(_wallet(position))),
        "maintenance_rate": tier.maintenance_rate, "risk_limit": bare(position.risk_limit),
        "time": fact.now_ms // 1000, "time_ms": fact.now_ms,
    }  # fmt: skip


def closed_row(fact: PositionClosed) -> Row:
    """A closed position as the history shows it; to be made while the fact is told."""
    held = fact.position
    bought, sold = _average(held, held.bought_value, held.bought), _average(held, held.sold_value, held.sold)
    return {
        "time": fact.now_ms // 1000, "contract": held.contract.name, "side": fact.side, "pnl": plain(fact.pnl),
        "pnl_pnl": plain(held.pnl), "pnl_fund": plain(held.funding), "pnl_fee": plain(-held.fees), "text": fact.text,
        "max_size": plain(held.size_max), "accum_size": plain(held.sold),
        "first_open_time": held.opened_ms // 1000, "long_price": plain(bought), "short_price": plain(sold),
    }  # fmt: skip


def closed_push(fact: PositionClosed) -> Row:
    """A closed position as it is pushed."""
    return {
        "contract": fact.position.contract.name, "pnl": bare(fact.pnl), "side": fact.side, "text": fact.text,
        "time": fact.now_ms // 1000, "time_ms": fact.now_ms, "user": str(fact.position.account.number),
    }  # fmt: skip


def liquidated_row(fact: Liquidated, is_decimal: bool) -> Row:
    """A liquidation as its owner's history shows it."""
    return {
        "leverage": "0" if fact.is_cross else plain(fact.leverage), "margin": plain(fact.margin),
        "entry_price": plain(fact.entry_price), "liq_price": plain(fact.liq_price), "mark_price": plain(fact.mark),
        "order_id": fact.order.id,
    } | {name: value for name, value in liq_order_row(fact, is_decimal).items() if name != "order_size"}  # fmt: skip


def liq_order_row(fact: Liquidated, is_decimal: bool) -> Row:
    """A liquidation as everybody sees it."""
    order = fact.order
    return {
        "time": fact.now_ms // 1000, "contract": order.contract.name, "size": size_of(fact.size, is_decimal),
        "order_size": size_of(order.size, is_decimal), "order_price": plain(order.price or order.fill_price),
        "fill_price": plain(order.fill_price), "left": size_of(order.left, is_decimal),
    }  # fmt: skip


def liquidated_push(fact: Liquidated, is_decimal: bool) -> Row:
    """A liquidation as it is pushed."""
    order = fact.order
    return {
        "entry_price": bare(fact.entry_price), "fill_price": bare(order.fill_price),
        "left": size_of(order.left, is_decimal), "leverage": 0 if fact.is_cross else bare(fact.leverage),
        "liq_price": bare(fact.liq_price), "margin": bare(fact.margin), "mark_price": bare(fact.mark),
        "order_id": order.id, "order_price": bare(order.price or order.fill_price),
        "order_size": size_of(order.size, is_decimal), "size": size_of(fact.size, is_decimal),
        "time": fact.now_ms // 1000, "time_ms": fact.now_ms, "contract": order.contract.name,
        "user": str(order.account.number),
    }  # fmt: skip


def deleveraged_row(fact: Deleveraged, position_size: Decimal, is_decimal: bool) -> Row:
    """A deleveraging as its owner's history shows it."""
    order = fact.order
    return {
        "time": fact.now_ms // 1000, "user": order.account.number, "order_id": order.id,
        "contract": order.contract.name, **_leverage(fact.position), "entry_price": plain(fact.entry_price),
        "fill_price": plain(order.fill_price), "trade_size": size_of(fact.trade_size, is_decimal),
        "position_size": size_of(position_size, is_decimal),
    }  # fmt: skip


def deleveraged_push(fact: Deleveraged, is_decimal: bool) -> Row:
    """A deleveraging as it is pushed."""
    order = fact.order
    return {
        "entry_price": bare(fact.entry_price), "fill_price": bare(order.fill_price),
        "position_size": size_of(fact.position.size, is_decimal),
        "trade_size": size_of(fact.trade_size, is_decimal), "time": fact.now_ms // 1000, "time_ms": fact.now_ms,
        "contract": order.contract.name, "user": str(order.account.number),
    }  # fmt: skip


def _leverage(position: Position) -> Row:
    """Leverage 0 says cross, and then the limit is the multiple."""
    multiple = plain(position.leverage)
    leverage, limit = ("0", multiple) if position.is_cross else (multiple, "0")
    return {"leverage": leverage, "cross_leverage_limit": limit}


def _wallet(position: Position) -> Decimal:
    return position.account.balance - position.account.isolated_margin()


def _tier(position: Position) -> Tier:
    return position.contract.tier_of(abs(position.cost))


def _average(position: Position, value: Decimal, size: Decimal) -> Decimal:
    return round(value / (size * position.contract.multiplier), 12).normalize() if size else ZERO
