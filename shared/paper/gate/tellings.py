"""Which fact is told on which of Gate's private channels, and in which words: one line for each."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from shared.paper.facts import (
    BalanceChanged,
    Deleveraged,
    Filled,
    Liquidated,
    OrderChanged,
    PositionChanged,
    PositionClosed,
    RiskLimitReduced,
    TriggerChanged,
)
from shared.paper.gate import account_rows, order_rows, position_rows, trigger_rows
from shared.paper.gate.forms import Row


class Told(NamedTuple):
    """Where a fact is told, about what, and in which words: of the fact, the form of sizes and the age of rows."""

    channel: str
    noun: Callable[[Any], Any]
    to_row: Callable[[Any, bool, bool], Row]


TOLD: dict[type, Told] = {
    OrderChanged: Told(
        "futures.orders", attrgetter("order"), lambda f, form, old: order_rows.order_push(f.order, f.word, form, old)
    ),
    Filled: Told(
        "futures.usertrades", attrgetter("fill.order"), lambda f, form, _: order_rows.trade_push(f.fill, form)
    ),
    PositionChanged: Told(
        "futures.positions", attrgetter("position"),
        lambda f, form, old: position_rows.position_push(f.position, f.now_ms, form, old),
    ),
    PositionClosed: Told(
        "futures.position_closes", attrgetter("position"), lambda f, _, __: position_rows.closed_push(f)
    ),
    BalanceChanged: Told("futures.balances", lambda f: f, lambda f, _, __: account_rows.balance_push(f)),
    TriggerChanged: Told(
        "futures.autoorders", attrgetter("trigger"), lambda f, form, _: trigger_rows.trigger_push(f.trigger, form)
    ),
    Liquidated: Told(
        "futures.liquidates", attrgetter("order"), lambda f, form, _: position_rows.liquidated_push(f, form)
    ),
    Deleveraged: Told(
        "futures.auto_deleverages", attrgetter("position"),
        lambda f, form, _: position_rows.deleveraged_push(f, form),
    ),
    RiskLimitReduced: Told(
        "futures.reduce_risk_limits", attrgetter("position"), lambda f, _, __: position_rows.risk_limit_push(f)
    ),
}  # fmt: skip
