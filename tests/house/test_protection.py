"""What protects a position, and what ends it: every link and cause is on the user's stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from tests.house.house import House, Trader, until

WORDS = {
    "market_type": "market", "contract": "BTC_USDT", "leverage": 10, "leverage_type": "ISOLATED",
    "position_type": "long",
}  # fmt: skip


async def placed(house: House, url: str, trader: Trader, **words: Any) -> Any:
    assert house.http is not None
    body = {"userId": trader.user_id, **WORDS, **words}
    async with house.http.post(f"{url}/gate/place-futures-order", json=body, headers=trader.headers) as reply:
        said = orjson.loads(await reply.read())
        assert reply.status == 200, said
        return said["data"]


async def last_of(house: House, trader: Trader, kind: str) -> dict[str, Any]:
    """The newest word on each record of that kind, as a reader of events has it."""
    told = [orjson.loads(event.data) for event in await house.events(trader) if event.kind == kind]
    return {record["id"]: record for record in told}


async def test_a_fired_stop_its_entry_and_the_order_that_it_became_are_linked(tmp_path: Path) -> None:
    """Whoever reads the stream can go from the entry to its stop to the order that closed the position, and back."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        url = await house.start_api()
        await house.paper("POST", "price", symbol="BTC_USDT", price="60000", hold=True)
        trader = await house.trader("alice")
        said = await placed(house, url, trader, size=3, stop_loss={"price": "59000"}, take_profit={"price": "66000"})
        entry, stop, profit = said["order"]["id"], said["stop_loss"]["id"], said["take_profit"]["id"]
        await house.all_live([trader])

        await house.paper("POST", "price", symbol="BTC_USDT", price="58900", hold=True)

        async def fired() -> Any:
            trigger = (await last_of(house, trader, "trigger")).get(stop)
            orders = await last_of(house, trader, "order")
            child = orders.get(trigger["child_id"]) if trigger and trigger["status"] == "fired" else None
            return (trigger, child) if child and child["status"] == "filled" and child["parent_id"] else None

        trigger, child = await until(fired, "the stop has fired and its order is told")
        assert (trigger["parent_id"], trigger["purpose"], trigger["origin"]) == (entry, "stop_loss", "gateway")
        assert (child["parent_id"], child["origin"], child["side"]) == (stop, "gateway", "sell")
        assert (await last_of(house, trader, "trigger"))[profit]["parent_id"] == entry
        snapshot = {row["id"]: row for row in map(orjson.loads, await house.store.events.records("alice", "order"))}
        assert snapshot[child["id"]]["parent_id"] == stop


async def test_a_liquidation_says_so(tmp_path: Path) -> None:
    """Nobody should have to guess why a position is gone."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        url = await house.start_api()
        await house.paper("POST", "price", symbol="BTC_USDT", price="60000", hold=True)
        trader = await house.trader("alice")
        await placed(house, url, trader, size=30, leverage=50)
        resting = await placed(house, url, trader, size=1, leverage=50, market_type="limit", price="57000")
        await house.all_live([trader])

        await house.paper("POST", "price", symbol="BTC_USDT", price="58000", hold=True)

        async def told() -> Any:
            orders = (await last_of(house, trader, "order")).values()
            forced = [row for row in orders if row["cause"] == "liquidation" and row["status"] == "filled"]
            position = (await last_of(house, trader, "position")).get("BTC_USDT")
            return (forced[0], position) if forced and position and position["size"] == "0" else None

        forced, position = await until(told, "the liquidation is told")
        assert (forced["side"], forced["filled"], forced["origin"]) == ("sell", "30", "external")
        assert position["cause"] == "liquidation", position
        await house.agree([trader])
        assert resting["order"]["id"] in await last_of(house, trader, "order")
