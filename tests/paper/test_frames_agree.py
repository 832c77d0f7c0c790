"""The door's rows against the frames that were written from the venue's documents for the connector.

Door and connector know nothing of each other; these frames are the judge between them. A row may say more than a
frame does, never less, and what both say has the same JSON type.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shared.paper.exchange import Exchange
from shared.paper.gate.door import GateDoor
from tests.paper.gate_client import F, GateClient, GateListener
from tests.paper.process import ROOT
from tests.paper.shapes import differences

FRAMES = ROOT / "tests/venues/frames/gate"
CHANNELS = ("orders", "usertrades", "positions", "balances", "autoorders")
STOP = {
    "initial": {"contract": "BTC_USDT", "size": 0, "price": "0", "tif": "ioc", "close": True},
    "trigger": {"strategy_type": 0, "price_type": 1, "price": "60000", "rule": 2},
}


class Scene:
    """One account that rests an order, trades and sets a stop, with all that was said about it."""

    def __init__(self, *, is_old: bool) -> None:
        door = GateDoor(Exchange(), is_old=is_old)
        door.exchange.market.set_price("BTC_USDT", Decimal(67500), 1, hold=True)
        self.client = GateClient(door)
        listener = GateListener(self.client, is_decimal=not is_old)
        acknowledged = [listener.subscribe(f"futures.{channel}") for channel in CHANNELS]
        self.ack = acknowledged[0]
        self.resting = self.client.place(3, "66000")
        self.pushed_new = listener.heard()[0]
        self.filled = self.client.place(5)
        self.pushed = {frame["channel"].removeprefix("futures."): frame for frame in listener.heard()}
        self.stop = self.client.ok("POST", f"{F}/price_orders", None, STOP)
        self.pushed_stop = listener.heard()[0]


@pytest.fixture(scope="module")
def scenes() -> dict[bool, Scene]:
    return {is_old: Scene(is_old=is_old) for is_old in (False, True)}


CASES: dict[str, Callable[[Scene], Any]] = {
    "order_new_2026": lambda scene: scene.pushed_new,
    "order_filled_2026": lambda scene: scene.pushed["orders"],
    "order_new_2024": lambda scene: scene.pushed_new,
    "order_filled_2024": lambda scene: scene.pushed["orders"],
    "fill_2024": lambda scene: scene.pushed["usertrades"],
    "position_cross_2024": lambda scene: scene.pushed["positions"],
    "balance_fee": lambda scene: scene.pushed["balances"],
    "trigger_open": lambda scene: scene.pushed_stop,
    "subscribe_accepted": lambda scene: scene.ack,
    "rest_trigger_placed": lambda scene: scene.stop,
    "rest_order_open": lambda scene: scene.resting,
    "rest_order_filled": lambda scene: scene.filled,
    "rest_fills": lambda scene: scene.client.ok("GET", f"{F}/my_trades"),
    "rest_fills_timerange": lambda scene: scene.client.ok("GET", f"{F}/my_trades_timerange"),
    "rest_position": lambda scene: scene.client.ok("GET", f"{F}/positions/BTC_USDT"),
    "rest_account": lambda scene: scene.client.ok("GET", f"{F}/accounts"),
    "rest_contracts": lambda scene: scene.client.ok("GET", f"{F}/contracts"),
    "rest_tickers": lambda scene: scene.client.ok("GET", f"{F}/tickers"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_door_speaks_as_the_documents_show(scenes: dict[bool, Scene], name: str) -> None:
    """Two people read the same documents; where they read them differently, this is where it shows."""
    frame = json.loads((FRAMES / f"{name}.json").read_text())

    assert differences(frame, CASES[name](scenes[name.endswith("_2024")])) == []
