"""Engine facts as Gate's JSON rows.

Sizes are signed and have two forms: text for those who sent `X-Gate-Size-Decimal: 1`, whole numbers for the others.
Order pushes have two ages: 2026 (prices as text, `id_string`, `fee`, `role`) and 2024 (prices as numbers, without
those).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.paper.accounts import Account, Position
from shared.paper.listing import Listing
from shared.paper.orders import (
    ZERO,
    BalanceChanged,
    Fill,
    Order,
    PositionClosed,
    Traded,
    Trigger,
)

Row = dict[str, Any]
PRICE_KINDS = {0: "last", 1: "mark", 2: "index"}
PRICE_TYPES = {kind: number for number, kind in PRICE_KINDS.items()}
NO_POSITION_RANK, USUAL_RANK = 6, 3


def plain(number: Decimal) -> str:
    """A number as text: all its digits, no exponent, no trailing zeros, no minus before zero."""
    return format(number.normalize(), "f") if number else "0"


def bare(number: Decimal) -> Decimal:
    """A number as a JSON number, which must not carry an exponent."""
    return Decimal(plain(number))


def size_of(size: Decimal, is_decimal: bool) -> str | int:
    """Contracts in the form asked for."""
    return plain(size) if is_decimal else int(size)


def seconds(ms: int) -> float:
    """Milliseconds as Gate's fractional seconds."""
    return ms / 1000


def order_row(order: Order, is_decimal: bool, *, is_old: bool = False) -> Row:
    """An order as REST shows it: `finish_*` only once it is finished."""
    contract = order.contract
    row: Row = {
        "id": order.id, "user": order.account.number, "contract": contract.name,
        "create_time": seconds(order.created_ms), "update_time": seconds(order.updated_ms),
        "status": "open" if order.is_open else "finished",
        "size": size_of(order.size, is_decimal), "left": size_of(order.left, is_decimal),
        "iceberg": size_of(_iceberg(order), is_decimal), "price": plain(order.price),
        "fill_price": plain(order.fill_price), "tif": order.tif.value, "text": order.text,
        "is_close": order.close, "is_reduce_only": order.reduce_only, "is_liq": order.is_liquidation,
        "mkfr": plain(contract.maker_rate), "tkfr": plain(contract.taker_rate), "refu": 0, "refr": "0",
        "stp_id": 0, "stp_act": "-", "amend_text": order.amend_text, "biz_info": "-", "pid": 0,
    }  # fmt: skip
    if not is_old:
        row["id_string"] = str(order.id)
        row["pos_margin_mode"] = "cross" if order.is_cross else "isolated"
        row["order_value"] = plain(abs(contract.value(order.size, order.price or order.fill_price)))
        row["trade_value"] = plain(order.filled_value)
    if order.close_side:
        row["auto_size"] = order.close_side
    if not order.is_open:
        row["finish_time"] = seconds(order.finished_ms or order.updated_ms)
        row["finish_as"] = order.finish_as
    return row


def order_push(order: Order, word: str, is_decimal: bool, is_old: bool) -> Row:
    """An order as it is pushed: `finish_*` always there, equal to the update while it is open."""
    contract = order.contract
    price: Any = bare(order.price) if is_old else plain(order.price)
    fill_price: Any = bare(order.fill_price) if is_old else plain(order.fill_price)
    row: Row = {
        "id": order.id, "user": str(order.account.number), "contract": contract.name,
        "create_time": order.created_ms // 1000, "create_time_ms": order.created_ms,
        "update_time": order.updated_ms, "update_id": order.update_id,
        "finish_time": order.updated_ms // 1000, "finish_time_ms": order.updated_ms,
        "status": "open" if order.is_open else "finished", "finish_as": word,
        "size": size_of(order.size, is_decimal), "left": size_of(order.left, is_decimal),
        "iceberg": size_of(_iceberg(order), is_decimal), "price": price, "fill_price": fill_price,
        "tif": order.tif.value, "text": order.text, "is_close": order.close, "is_liq": order.is_liquidation,
        "is_reduce_only": order.reduce_only, "mkfr": contract.maker_rate, "tkfr": contract.taker_rate,
        "refr": 0, "refu": 0, "stp_act": "-", "stp_id": "0", "amend_text": order.amend_text, "biz_info": "-",
    }  # fmt: skip
    if is_old:
        return row | {"stop_profit_price": "", "stop_loss_price": ""}
    return row | {
        "id_string": str(order.id), "bbo": "-", "role": order.role, "fee": bare(order.fee), "point_fee": 0,
        "is_voucher": False, "leverage": plain(order.leverage),
        "pos_margin_mode": "cross" if order.is_cross else "isolated", "market_order_slip_ratio": "0",
    }  # fmt: skip


def _iceberg(order: Order) -> Decimal:
    asked = order.echo.get("iceberg")
    return asked if isinstance(asked, Decimal) else ZERO


def trade_row(fill: Fill, is_decimal: bool, *, is_by_time: bool = False) -> Row:
    """A fill as REST shows it; the list by time calls the id `trade_id` and makes it text."""
    value = abs(fill.order.contract.value(fill.size, fill.price))
    name = {"trade_id": str(fill.id)} if is_by_time else {"id": fill.id}
    return name | {
        "create_time": seconds(fill.time_ms), "contract": fill.order.contract.name, "order_id": str(fill.order.id),
        "size": size_of(fill.size, is_decimal), "close_size": size_of(fill.close_size, is_decimal),
        "price": plain(fill.price), "role": fill.role, "text": fill.order.text, "fee": plain(fill.fee),
        "point_fee": "0", "trade_value": plain(value),
    }  # fmt: skip


def trade_push(fill: Fill, is_decimal: bool) -> Row:
    """A fill as it is pushed."""
    return {
        "id": str(fill.id), "order_id": str(fill.order.id), "contract": fill.order.contract.name,
        "create_time": fill.time_ms // 1000, "create_time_ms": fill.time_ms,
        "size": size_of(fill.size, is_decimal), "close_size": plain(fill.close_size), "role": fill.role,
        "price": plain(fill.price), "fee": bare(fill.fee), "point_fee": 0, "text": fill.order.text,
        "amend_text": fill.order.amend_text, "biz_info": "-",
    }  # fmt: skip


def position_row(position: Position, listing: Listing, wallet: Decimal, pending: int, is_decimal: bool) -> Row:
    """A position as REST shows it."""
    contract, mark = position.contract, listing.mark
    return {
        "user": position.account.number, "contract": contract.name, "size": size_of(position.size, is_decimal),
        "mode": position.mode, "leverage": "0" if position.is_cross else plain(position.leverage),
        "cross_leverage_limit": plain(position.leverage) if position.is_cross else "0",
        "lever": plain(position.leverage), "pos_margin_mode": "cross" if position.is_cross else "isolated",
        "entry_price": plain(position.entry_price), "mark_price": plain(mark),
        "liq_price": plain(position.liquidation_price(wallet)),
        "value": plain(abs(contract.value(position.size, mark))), "margin": plain(position.margin),
        "initial_margin": plain(round(position.initial_margin(mark), 12)),
        "maintenance_margin": plain(position.maintenance_margin(mark)),
        "maintenance_rate": plain(contract.maintenance_rate),
        "average_maintenance_rate": plain(contract.maintenance_rate), "risk_limit": "1000000",
        "leverage_max": plain(contract.leverage_max), "unrealised_pnl": plain(position.unrealised(mark)),
        "realised_pnl": plain(position.realised_pnl), "pnl_pnl": plain(position.pnl), "pnl_fund": "0",
        "pnl_fee": plain(-position.fees), "history_pnl": plain(position.history_pnl),
        "last_close_pnl": plain(position.last_close_pnl), "realised_point": "0", "history_point": "0",
        "adl_ranking": USUAL_RANK if position.size else NO_POSITION_RANK, "pending_orders": pending,
        "close_order": None, "update_time": position.updated_ms // 1000, "update_id": position.update_id,
        "open_time": position.opened_ms // 1000, "pid": 0, "risk_limit_table": "",
    }  # fmt: skip


def position_push(position: Position, wallet: Decimal, now_ms: int, is_decimal: bool, is_old: bool) -> Row:
    """A position as it is pushed: numbers, without mark price or unrealised profit."""
    contract = position.contract
    row: Row = {
        "user": str(position.account.number), "contract": contract.name, "mode": position.mode,
        "size": size_of(position.size, is_decimal), "entry_price": bare(position.entry_price),
        "leverage": 0 if position.is_cross else bare(position.leverage),
        "cross_leverage_limit": bare(position.leverage) if position.is_cross else 0, "margin": bare(position.margin),
        "liq_price": bare(position.liquidation_price(wallet)), "leverage_max": bare(contract.leverage_max),
        "maintenance_rate": contract.maintenance_rate, "risk_limit": 1000000,
        "realised_pnl": bare(position.realised_pnl), "history_pnl": bare(position.history_pnl),
        "last_close_pnl": bare(position.last_close_pnl), "realised_point": 0, "history_point": 0,
        "update_id": position.update_id, "time": now_ms // 1000, "time_ms": now_ms,
    }  # fmt: skip
    if not is_old:
        row["pos_margin_mode"] = "cross" if position.is_cross else "isolated"
        row["lever"] = plain(position.leverage)
    return row


def closed_push(fact: PositionClosed) -> Row:
    """A closed position as it is pushed."""
    return {
        "contract": fact.position.contract.name, "pnl": bare(fact.pnl), "side": fact.side, "text": fact.text,
        "time": fact.now_ms // 1000, "time_ms": fact.now_ms, "user": str(fact.position.account.number),
    }  # fmt: skip


def balance_push(fact: BalanceChanged) -> Row:
    """A movement of money as it is pushed."""
    return {
        "user": str(fact.account.number), "currency": "usdt", "balance": bare(fact.account.balance),
        "change": bare(fact.change), "type": fact.kind, "text": fact.text, "time": fact.now_ms // 1000,
        "time_ms": fact.now_ms,
    }  # fmt: skip


def account_row(account: Account, marks: dict[str, Decimal], available: Decimal) -> Row:
    """The futures wallet. `total` leaves unrealised profit out, as Gate's does."""
    cross_pnl = account.unrealised(marks, cross_only=True)
    cross_margin = round(account.cross_margin(marks), 12)
    maintenance = sum((p.maintenance_margin(marks[p.contract.name]) for p in account.holdings() if p.is_cross), ZERO)
    isolated, pending = account.isolated_margin(), round(account.order_margin(), 12)
    equity = account.balance - isolated + cross_pnl
    free = plain(max(ZERO, round(available, 12)))
    history = {
        name: plain(account.totals.get(name, ZERO)) for name in ("dnw", "pnl", "fee", "refr", "fund", "bonus_offset")
    }
    zeros = dict.fromkeys(("point_dnw", "point_fee", "point_refr", "bonus_dnw", "cross_settle"), "0")
    return {
        "user": account.number, "currency": "USDT", "total": plain(account.balance),
        "unrealised_pnl": plain(account.unrealised(marks)), "position_margin": plain(isolated),
        "order_margin": plain(pending), "available": free, "point": "0", "bonus": "0",
        "in_dual_mode": account.is_dual, "position_mode": "dual" if account.is_dual else "single", "margin_mode": 0,
        "enable_credit": True, "enable_evolved_classic": True, "enable_new_dual_mode": True, "enable_tiered_mm": True,
        "enable_dual_plus": False, "position_initial_margin": plain(isolated),
        "maintenance_margin": plain(maintenance), "cross_order_margin": plain(pending),
        "cross_initial_margin": plain(cross_margin), "cross_maintenance_margin": plain(maintenance),
        "cross_unrealised_pnl": plain(cross_pnl), "cross_available": free, "cross_margin_balance": plain(equity),
        "cross_mmr": plain(round(equity / maintenance, 4)) if maintenance else "0",
        "cross_imr": plain(round(equity / cross_margin, 4)) if cross_margin else "0",
        "isolated_position_margin": plain(isolated), "update_time": 0, "update_id": account.update_id,
        "history": history | zeros,
    }  # fmt: skip


def trigger_row(trigger: Trigger, is_decimal: bool) -> Row:
    """A trigger order as REST shows it; `finish_as` is left out while it waits."""
    asked, request = trigger.echo, trigger.request
    row: Row = {
        "id": trigger.id, "id_string": str(trigger.id), "user": trigger.account.number, "status": trigger.status,
        "reason": trigger.reason, "create_time": trigger.created_ms // 1000,
        "finish_time": (trigger.finished_ms or 0) // 1000, "trade_id": trigger.order_id,
        "trade_id_string": str(trigger.order_id), "me_order_id": trigger.order_id,
        "me_order_id_string": str(trigger.order_id), "order_type": trigger.order_type, "is_stop_order": False,
        "in_dual_mode": trigger.account.is_dual, "parent_id": 0,
        "trigger_time": (trigger.finished_ms or 0) // 1000 if trigger.order_id else 0,
        "stop_trigger": {"rule": 0, "trigger_price": "", "order_price": ""},
        "initial": {
            "contract": trigger.contract.name, "size": size_of(request.size, is_decimal),
            "price": plain(request.price), "tif": request.tif.value, "text": request.text, "iceberg": 0,
            "is_close": request.close, "is_reduce_only": request.reduce_only, "auto_size": request.close_side,
        },
        "trigger": {
            "strategy_type": 0, "price_type": PRICE_TYPES[trigger.price_kind], "price": plain(trigger.price),
            "rule": 1 if trigger.rises else 2, "expiration": asked.get("expiration", 0),
        },
    }  # fmt: skip
    if trigger.finish_as:
        row["finish_as"] = trigger.finish_as
    return row


def trigger_push(trigger: Trigger, is_decimal: bool) -> Row:
    """A trigger order as it is pushed."""
    row = trigger_row(trigger, is_decimal)
    for name in ("me_order_id_string", "trade_id_string", "in_dual_mode", "trigger_time"):
        del row[name]
    return row | {
        "name": "price_autoorders", "me_order_id": str(trigger.order_id), "finish_as": trigger.finish_as,
        "stop_profit_price": "", "stop_loss_price": "", "pos_margin_mode": "",
        "position_mode": "dual" if trigger.account.is_dual else "single", "leverage": "",
    }  # fmt: skip


def contract_row(listing: Listing, is_decimal: bool, now_ms: int) -> Row:
    """The terms of a contract."""
    contract = listing.contract
    least = contract.size_step if is_decimal else max(Decimal(1), contract.size_step)
    return {
        "name": contract.name, "type": "direct", "status": "trading", "in_delisting": False,
        "quanto_multiplier": plain(contract.multiplier), "order_price_round": plain(contract.tick),
        "mark_price_round": plain(contract.tick), "order_size_min": size_of(least, is_decimal),
        "order_size_max": size_of(contract.size_max, is_decimal), "enable_decimal": contract.is_decimal,
        "market_order_size_max": "0", "market_order_slip_ratio": plain(contract.slip_ratio),
        "order_price_deviate": plain(contract.price_deviate), "orders_limit": contract.orders_max,
        "leverage_min": "1", "leverage_max": plain(contract.leverage_max),
        "cross_leverage_default": plain(contract.cross_leverage_default),
        "maintenance_rate": plain(contract.maintenance_rate), "mark_type": "index",
        "mark_price": plain(listing.mark), "index_price": plain(listing.index), "last_price": plain(listing.last),
        "maker_fee_rate": plain(contract.maker_rate), "taker_fee_rate": plain(contract.taker_rate),
        "funding_rate": "0.0001", "funding_rate_indicative": "0.0001", "funding_interval": 28800,
        "funding_offset": 0, "funding_next_apply": now_ms // 28_800_000 * 28_800 + 28_800,
        "risk_limit_base": "1000000", "risk_limit_step": "0", "risk_limit_max": "1000000",
        "ref_discount_rate": "0", "ref_rebate_rate": "0.2", "orderbook_id": listing.book.version,
        "trade_id": listing.trades[-1].id if listing.trades else 0, "trade_size": size_of(ZERO, is_decimal),
        "position_size": size_of(sum((abs(p.size) for p in listing.holders), ZERO), is_decimal),
        "config_change_time": 1_700_000_000, "create_time": 1_600_000_000,
    }  # fmt: skip


def public_trade_row(trade: Traded, is_decimal: bool) -> Row:
    """A public trade."""
    return {
        "id": trade.id, "create_time": seconds(trade.time_ms), "create_time_ms": seconds(trade.time_ms),
        "contract": trade.contract.name, "size": size_of(trade.size, is_decimal), "price": plain(trade.price),
    }  # fmt: skip
