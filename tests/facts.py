"""Facts for tests: an order or a fill in one line, with the words that matter to the test."""

from __future__ import annotations

from typing import Any

from shared.model import Fill, Order, Position, Times, Trigger

_ORDER: dict[str, Any] = {
    "id": "58828270140012048", "client_order_id": None, "user_id": "alice", "account_id": "gate-1", "venue": "gate",
    "environment": "paper", "symbol": "BTC_USDT", "instrument": "BTC/USDT:USDT", "side": "buy", "position_side": None,
    "type": "limit", "time_in_force": "gtc", "price": "30000", "stop_price": None, "size": "10",
    "size_unit": "contracts", "filled": "0", "remaining": "10", "average_price": None, "fee": None, "status": "open",
    "cause": None, "reduce_only": False, "origin": "external", "parent_id": None, "created_at_ms": 1_700_000_000_000,
    "updated_at_ms": 1_700_000_000_000,
}  # fmt: skip
_FILL: dict[str, Any] = {
    "id": "1", "order_id": "58828270140012048", "client_order_id": None, "user_id": "alice", "account_id": "gate-1",
    "venue": "gate", "environment": "paper", "symbol": "BTC_USDT", "instrument": "BTC/USDT:USDT", "side": "buy",
    "price": "30000", "size": "1", "size_unit": "contracts", "fee": "0.01", "fee_asset": "USDT", "role": "maker",
    "at_ms": 1_700_000_000_000,
}  # fmt: skip

_POSITION: dict[str, Any] = {
    "id": "BTC_USDT", "user_id": "alice", "account_id": "gate-1", "venue": "gate", "environment": "paper",
    "symbol": "BTC_USDT", "instrument": "BTC/USDT:USDT", "side": "long", "mode": "one_way", "size": "3",
    "size_unit": "contracts", "entry_price": "30000", "mark_price": None, "liquidation_price": None, "leverage": "10",
    "margin_mode": "cross", "margin": "0", "realised_pnl": "0", "unrealised_pnl": None, "sequence": 5,
    "updated_at_ms": 1,
}  # fmt: skip


def an_order(**words: Any) -> Order:
    return Order(**{**_ORDER, "times": Times(1, 2), **words})


def a_fill(**words: Any) -> Fill:
    return Fill(**{**_FILL, "times": Times(1, 2), **words})


def a_position(**words: Any) -> Position:
    return Position(**{**_POSITION, "times": Times(1, 2), **words})


def a_trigger(**changes: Any) -> Trigger:
    said: dict[str, Any] = {
        "id": "77", "client_order_id": "t-ow77", "user_id": "alice", "account_id": "gate-1", "venue": "gate",
        "environment": "paper", "symbol": "BTC_USDT", "instrument": "BTC/USDT:USDT", "purpose": "stop_loss",
        "side": "sell", "price": "29000", "price_type": "last", "rule": "at_or_below", "order_price": None,
        "size": "10", "size_unit": "contracts", "status": "open", "reason": None, "parent_id": None, "child_id": None,
        "created_at_ms": 1, "updated_at_ms": 1, "times": Times(1, 2),
    }  # fmt: skip
    return Trigger(**(said | changes))
