"""A bot written for the old `/gate/*` routes: only its base URL is changed, and a day of trading works as before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.house.house import House, until

USER = "old-bot"


class OldGateClient:
    """As such a bot speaks: keys in headers, camel and snake as they always were, the stream at its old path."""

    def __init__(self, base_url: str, api_key: str, api_secret: str, http: aiohttp.ClientSession) -> None:
        self.base_url, self.http = base_url, http
        self.headers = {"api-key": api_key, "api-secret": api_secret}

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        url = f"{self.base_url}/gate/{path}"
        async with self.http.request(method, url, json=body, params=query, headers=self.headers) as reply:
            said = orjson.loads(await reply.read())
            assert reply.status == 200, said
            assert said["message"] == "ok"
            return said["data"]

    async def place(self, **words: Any) -> Any:
        body = {
            "userId": USER, "market_type": "market", "price": "0", "contract": "BTC_USDT", "leverage": 10,
            "leverage_type": "CROSS", "size": 3, "position_type": "long", **words,
        }  # fmt: skip
        return await self.call("POST", "place-futures-order", body)

    @asynccontextmanager
    async def orders(self) -> AsyncIterator[list[Any]]:
        """What `onmessage` would be given: unnamed events and nothing else."""
        heard: list[Any] = []

        async def listen(stream: aiohttp.ClientResponse) -> None:
            name = ""
            async for line in stream.content:
                if line.startswith(b"event:"):
                    name = line[6:].strip().decode()
                elif line.startswith(b"data:") and not name:
                    heard.append(orjson.loads(line[5:]))
                elif not line.strip():
                    name = ""

        url = f"{self.base_url}/sse/sse/orders/{USER}"
        async with self.http.get(url, headers=self.headers) as stream:
            assert stream.status == 200
            listening = asyncio.create_task(listen(stream))
            try:
                yield heard
            finally:
                listening.cancel()


async def test_a_day_of_an_old_bot(tmp_path: Path) -> None:
    """Place with guards, follow, look, cancel with the guards, place again, close: nothing of it is new to the bot."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        url = await house.start_api()
        await house.paper("POST", "price", symbol="BTC_USDT", price="60000", hold=True)
        keys = await house.trader(USER)
        assert house.http is not None
        bot = OldGateClient(url, keys.credentials.api_key, keys.credentials.api_secret, house.http)

        resting = await bot.place(
            market_type="limit", price="55000", take_profit={"enabled": True, "price": "65000", "price_type": "mark"},
            stop_loss={"enabled": True, "price": 50000.5, "price_type": "last"},
        )  # fmt: skip
        trade_id = resting["order"]["id"]
        assert str(resting["resPlaceOrder"]["id"]) == trade_id and resting["order"]["status"] == "open"
        guards = {"tp_id": resting["take_profit"]["id"], "sl_id": resting["stop_loss"]["id"]}

        async with bot.orders() as heard:
            assert (await bot.call("GET", "get-futures-order", trade_id=trade_id))["order"]["price"] == "55000"
            ended = await bot.call("DELETE", "cancel-futures-order", trade_id=trade_id, **guards)
            assert {one["outcome"] for one in ended.values()} == {"accepted"}

            bought = (await bot.place())["order"]
            assert (bought["status"], bought["filled"]) == ("filled", "3")
            closed = await bot.call(
                "POST", "close-futures-order", {"contract": "BTC_USDT", "auto_size": "close_long", "userId": USER}
            )
            assert (closed["order"]["status"], closed["order"]["side"]) == ("filled", "sell")

            wanted = [(trade_id, "cancelled"), (bought["id"], "filled"), (closed["order"]["id"], "filled")]

            async def all_heard() -> bool:
                return set(wanted) <= {(order["id"], order["status"]) for order in heard}

            await until(all_heard, "every order's end is on the old stream")
        books = (await house.books())["accounts"][keys.uid]
        assert [position["size"] for position in books["positions"] if position["size"] != "0"] == []
        assert [trigger for trigger in books.get("triggers", []) if trigger["status"] == "open"] == []
