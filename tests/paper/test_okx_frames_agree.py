"""OKX's door against the frames that were written from the venue's documents for the connector.

Door and connector know nothing of each other; these frames are the judge between them. A row may say more than a frame
does, never less, and what both say has the same JSON type.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.paper.faults import Fault
from shared.paper.okx.mishaps import TOO_MANY
from tests.paper.okx_client import SWAP, OkxListener
from tests.paper.okx_scene import Scene
from tests.paper.process import ROOT
from tests.paper.shapes import differences

FRAMES = ROOT / "tests/venues/frames/okx"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def pushed(channel: str, **said: str) -> Callable[[Scene], Any]:
    """The first push of a channel whose row says this."""

    def find(scene: Scene) -> Any:
        frames = [f for f in scene.pushes[channel] if said.items() <= (f["data"] or [{}])[0].items()]
        return frames[0]

    return find


def answered(path: str) -> Callable[[Scene], Any]:
    return lambda scene: scene.replies[path]


def told(event: str) -> Callable[[Scene], Any]:
    return lambda scene: scene.events[event]


CASES: dict[str, Callable[[Scene], Any]] = {
    "order_live": pushed("orders", state="live"),
    "order_partly_filled": pushed("orders", state="partially_filled"),
    "order_filled": pushed("orders", state="filled"),
    "order_cancelled": pushed("orders", state="canceled"),
    "order_amended": pushed("orders", amendResult="0"),
    "order_market": pushed("orders", ordType="market", state="live"),
    "order_spot_filled": pushed("orders", instType="SPOT", state="filled"),
    "order_spot_for_quote": pushed("orders", instType="SPOT", tgtCcy="quote_ccy", state="filled"),
    "account_update": lambda scene: next(f for f in scene.pushes["account"] if f["eventType"] == "event_update"),
    "account_snapshot_1": pushed("account"),
    "positions_snapshot_empty": lambda scene: scene.pushes["positions"][0],
    "position_long": lambda scene: scene.pushes["positions"][1],
    "moved_by_fill": pushed("balance_and_position", eventType="filled"),
    "algo_oco_live": pushed("orders-algo", ordType="oco", state="live"),
    "algo_oco_fired": pushed("orders-algo", ordType="oco", state="effective"),
    "algo_cancelled": pushed("orders-algo", state="canceled"),
    "algo_trailing": pushed("algo-advance"),
    "login_accepted": told("login"),
    "login_refused": told("error"),
    "subscribed": told("subscribe"),
    "channel_refused": told("error"),
    "connections_told": told("channel-conn-count"),
    "call_placed": told("order"),
    "call_refused": told("refused"),
    "rest_placed": answered("trade/order"),
    "rest_placed_partly": answered("trade/batch-orders"),
    "rest_cancelled": answered("trade/cancel-order"),
    "rest_cancel_gone": answered("trade/cancel-batch-orders"),
    "rest_closing": answered("trade/close-position"),
    "rest_config": answered("account/config"),
    "rest_balance": answered("account/balance"),
    "rest_funding": answered("asset/balances"),
    "rest_positions": answered("held"),
    "rest_leverage_hedge": answered("account/leverage-info"),
    "rest_fills": answered("trade/fills"),
    "rest_order_live": answered("trade/orders-pending"),
    "rest_order_filled": answered("trade/order?"),
    "rest_order_guarded": answered("pending guarded"),
    "rest_order_partly_filled": answered("partly filled"),
    "rest_order_cancelled": lambda s: {
        "data": [r for r in s.replies["trade/orders-history"]["data"] if r["cancelSource"]]
    },
    "rest_order_spot_filled": answered("spot order"),
    "rest_algo_placed": answered("trade/order-algo"),
    "rest_algo_oco": answered("oco pending"),
    "rest_instruments_swap": answered("public/instruments"),
    "rest_instruments_spot": answered("account/instruments"),
    "rest_instruments_futures": answered("public/instruments"),
    "rest_ticker": answered("market/ticker"),
    "rest_books": answered("market/books"),
    "rest_candles": answered("market/candles"),
    "rest_trades": answered("market/trades"),
    "rest_time": answered("public/time"),
}


def asked(path: str, query: dict[str, str] | None = None, key: str = "") -> Callable[[Scene], Any]:
    """What a call of its own is answered."""
    headers = {"ok-access-key": key} if key else {}
    return lambda scene: scene.client.body("GET", path, query, headers=headers)


def refused_login(**said: str) -> Callable[[Scene], Any]:
    return lambda scene: OkxListener(scene.client, logs_in=False).login(**said)


def _not_logged_in(scene: Scene) -> Any:
    return OkxListener(scene.client, "business", logs_in=False).subscribe("orders-algo")[0]


def _over_the_limit(scene: Scene) -> Any:
    scene.door.stream.connections_most = 0
    try:
        return OkxListener(scene.client).subscribe("orders")[1]
    finally:
        scene.door.stream.connections_most = 30


async def _upgrade(scene: Scene) -> Any:
    ears = OkxListener(scene.client)
    scene.door.announce_close(Fault("f", "upgrade", 1.0, None, scene.client.member.uid, 0, None, None))
    return ears.heard()[0]


OTHERS: dict[str, Callable[[Scene], Any]] = {
    "rest_key_refused": asked("account/config", key="nobody"),
    "rest_no_such_order": asked("trade/order", {"instId": SWAP, "ordId": "1"}),
    "rest_no_such_path": asked("nothing"),
    "rest_too_many": lambda scene: TOO_MANY,
    "login_late": refused_login(timestamp="1704876947"),
    "channel_refused_by_id": lambda scene: OkxListener(scene.client, "business", logs_in=False).subscribe(
        "orders-algo"
    )[0],
    "call_invalid": lambda scene: OkxListener(scene.client).do("order"),
    "connections_spent": _over_the_limit,
    "upgrade_notice": lambda scene: asyncio.run(_upgrade(scene)),
}
CASES |= OTHERS


LACKING = {"rest_balance": {".data[0].details[0].maxSpotInUseAmt", ".data[0].details[0].coinUsdPrice"}}
"""The documents have these in the push alone."""


@pytest.mark.parametrize("name", CASES)
def test_the_door_speaks_as_the_documents_show(scene: Scene, name: str) -> None:
    """Two people read the same documents; where they read them differently, this is where it shows."""
    frame, said = json.loads((FRAMES / f"{name}.json").read_text()), CASES[name](scene)
    if name == "rest_order_cancelled":
        frame = {"data": frame["data"]}

    assert set(differences(frame, said)) == {f"{key} is missing" for key in LACKING.get(name, set())}
