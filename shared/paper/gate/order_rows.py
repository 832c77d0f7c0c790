"""Orders and fills as Gate's JSON rows.

Sizes are signed and have two forms: text for those who sent `X-Gate-Size-Decimal: 1`, whole numbers for the others.
Order pushes have two ages: 2026 (prices as text, `id_string`, `fee`, `role`) and 2024 (prices as numbers, without
those).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.paper.gate.forms import Row, bare, plain, seconds, size_of
from shared.paper.orders import Fill, Order

KEY_FIELDS = ("id", "id_string", "user", "contract", "create_time", "size", "price", "tif", "text", "amend_text")
"""What an asynchronous answer can say: the order is taken, and nothing of what became of it."""
CLEARING_FIELDS = ("mkfr", "tkfr", "refu", "refr", "order_value", "trade_value", "pnl", "pnl_margin")
DEFAULTS_KEPT = ("left",)
NOT_TIMED = ("id_string", "update_id", "pnl", "pnl_margin", "bbo")


def order_row(order: Order, is_decimal: bool, *, is_old: bool = False) -> Row:
    """An order as REST shows it: `finish_*` only once it is finished."""
    contract, asked = order.contract, order.request
    row: Row = {
        "id": order.id, "user": order.account.number, "contract": contract.name,
        "create_time": seconds(order.created_ms), "update_time": seconds(order.updated_ms),
        "status": "open" if order.is_open else "finished",
        "size": size_of(order.size, is_decimal), "left": size_of(order.left, is_decimal),
        "iceberg": size_of(asked.iceberg, is_decimal), "price": plain(order.price),
        "fill_price": plain(order.fill_price), "tif": order.tif.value, "text": order.text,
        "is_close": asked.close, "is_reduce_only": order.reduce_only, "is_liq": order.is_liquidation,
        "mkfr": plain(contract.maker_rate), "tkfr": plain(contract.taker_rate), "refu": 0, "refr": "0",
        "stp_id": order.account.stp_group, "stp_act": _stp(order), "amend_text": order.amend_text, "biz_info": "-",
        "pid": 0,
    }  # fmt: skip
    if not is_old:
        row |= {
            "id_string": str(order.id), "update_id": order.update_id,
            "pos_margin_mode": "cross" if order.is_cross else "isolated",
            "order_value": plain(abs(contract.value(order.size, order.price or order.fill_price))),
            "trade_value": plain(order.filled_value), "pnl": plain(order.pnl), "pnl_margin": "0", "bbo": "-",
            "market_order_slip_ratio": _slip(order),
        }  # fmt: skip
    if asked.close_side:
        row["auto_size"] = asked.close_side
    if asked.take_profit:
        row["tpsl_tp_trigger_price"] = plain(asked.take_profit)
    if asked.stop_loss:
        row["tpsl_sl_trigger_price"] = plain(asked.stop_loss)
    if not order.is_open:
        row["finish_time"] = seconds(order.finished_ms or order.updated_ms)
        row["finish_as"] = order.finish_as
    return row


def in_mode(row: Row, action_mode: object) -> Row:
    """As much of an order as `action_mode` asks for: ACK the key fields, RESULT all but the clearing, FULL all."""
    if action_mode == "ACK":
        return {name: row[name] for name in KEY_FIELDS if name in row}
    if action_mode == "RESULT":
        return {name: value for name, value in row.items() if name not in CLEARING_FIELDS}
    return row


def timed_row(row: Row) -> Row:
    """An order as the list by time shows it, if the SDK is right: two of its times are text there, and newer fields are
    not known."""
    shown = {name: value for name, value in row.items() if name not in NOT_TIMED}
    return shown | {name: str(row[name]) for name in ("update_time", "finish_time") if name in row}


def without_defaults(row: Row) -> Row:
    """A row as the trading API shows it: what has its usual value is left out, save `left`."""
    is_usual = {name for name, value in row.items() if value in (0, "", None) or (name, value) == ("iceberg", "0")}
    return {name: value for name, value in row.items() if name not in is_usual or name in DEFAULTS_KEPT}


def _stp(order: Order) -> str:
    return order.request.stp.value if order.request.stp else "-"


def _slip(order: Order) -> str:
    if order.request.price:
        return "0"
    return plain(order.contract.slip_ratio if order.request.slip is None else order.request.slip)


def order_push(order: Order, word: str, is_decimal: bool, is_old: bool) -> Row:
    """An order as it is pushed: `finish_*` always there, equal to the update while it is open."""
    contract, asked = order.contract, order.request
    price: Any = bare(order.price) if is_old else plain(order.price)
    fill_price: Any = bare(order.fill_price) if is_old else plain(order.fill_price)
    row: Row = {
        "id": order.id, "user": str(order.account.number), "contract": contract.name,
        "create_time": order.created_ms // 1000, "create_time_ms": order.created_ms,
        "update_time": order.updated_ms, "update_id": order.update_id,
        "finish_time": order.updated_ms // 1000, "finish_time_ms": order.updated_ms,
        "status": "open" if order.is_open else "finished", "finish_as": word,
        "size": size_of(order.size, is_decimal), "left": size_of(order.left, is_decimal),
        "iceberg": size_of(asked.iceberg, is_decimal), "price": price, "fill_price": fill_price,
        "tif": order.tif.value, "text": order.text, "is_close": asked.close, "is_liq": order.is_liquidation,
        "is_reduce_only": order.reduce_only, "mkfr": contract.maker_rate, "tkfr": contract.taker_rate,
        "refr": 0, "refu": 0, "stp_act": _stp(order), "stp_id": str(order.account.stp_group),
        "stop_profit_price": plain(asked.take_profit) if asked.take_profit else "",
        "stop_loss_price": plain(asked.stop_loss) if asked.stop_loss else "",
        "amend_text": order.amend_text, "biz_info": "-",
    }  # fmt: skip
    if is_old:
        return row
    return row | {
        "id_string": str(order.id), "bbo": "-", "role": order.role, "fee": bare(order.fee), "point_fee": 0,
        "is_voucher": False, "leverage": plain(order.leverage),
        "pos_margin_mode": "cross" if order.is_cross else "isolated", "market_order_slip_ratio": _slip(order),
    }  # fmt: skip


def trade_row(fill: Fill, is_decimal: bool) -> Row:
    """A fill as REST shows it."""
    return {"id": fill.id} | _trade(fill, is_decimal) | {"trade_value": plain(_value(fill))}


def timed_trade_row(fill: Fill, is_decimal: bool) -> Row:
    """A fill as the list by time shows it, which calls the id `trade_id` and makes it text."""
    return {"trade_id": str(fill.id)} | _trade(fill, is_decimal)


def _trade(fill: Fill, is_decimal: bool) -> Row:
    return {
        "create_time": seconds(fill.time_ms), "contract": fill.order.contract.name, "order_id": str(fill.order.id),
        "size": size_of(fill.size, is_decimal), "close_size": size_of(fill.close_size, is_decimal),
        "price": plain(fill.price), "role": fill.role, "text": fill.order.text, "fee": plain(fill.fee),
        "point_fee": "0",
    }  # fmt: skip


def _value(fill: Fill) -> Decimal:
    return abs(fill.order.contract.value(fill.size, fill.price))


def trade_push(fill: Fill, is_decimal: bool) -> Row:
    """A fill as it is pushed."""
    return {
        "id": str(fill.id), "order_id": str(fill.order.id), "contract": fill.order.contract.name,
        "create_time": fill.time_ms // 1000, "create_time_ms": fill.time_ms,
        "size": size_of(fill.size, is_decimal), "close_size": plain(fill.close_size), "role": fill.role,
        "price": plain(fill.price), "fee": bare(fill.fee), "point_fee": 0, "text": fill.order.text,
        "amend_text": fill.order.amend_text, "biz_info": "-",
    }  # fmt: skip
