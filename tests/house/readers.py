"""Callers and readers of a house: who places by POST, and who follows by SSE as a browser would."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress

import aiohttp
import orjson

from shared.store.events import Event
from tests.house.house import House, Trader


class Reader:
    """A browser in spirit: follows the stream, reconnects by itself to whichever api is there, and resumes."""

    def __init__(self, house: House, trader: Trader, apis: list[str]) -> None:
        self.house, self.trader = house, trader
        self.apis = itertools.cycle(apis)
        self.events: list[Event] = []
        self.snapshots = 0
        self.cursor = ""

    async def run(self) -> None:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
                await self._follow(next(self.apis))
            await asyncio.sleep(0.05)

    async def _follow(self, api: str) -> None:
        assert self.house.http is not None
        headers = self.trader.headers | ({"Last-Event-ID": self.cursor} if self.cursor else {})
        timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
        url = f"{api}/sse/orders/{self.trader.user_id}"
        async with self.house.http.get(url, headers=headers, timeout=timeout) as reply:
            if reply.status != 200:
                return
            frame: dict[str, str] = {}
            async for line in reply.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    frame[name] = value
                elif "data" in frame:
                    self._take(frame)
                    frame = {}

    def _take(self, frame: dict[str, str]) -> None:
        kind = frame.get("event", "order")
        self.cursor = frame.get("id", self.cursor)
        if kind == "snapshot":
            self.snapshots += 1
            said = orjson.loads(frame["data"])
            self.events = [
                Event(said["cursor"], name.removesuffix("s"), orjson.dumps(record))
                for name in ("orders", "positions")
                for record in said[name]
            ]
        else:
            self.events.append(Event(frame["id"], kind, frame["data"].encode()))


async def place(house: House, api: str, trader: Trader, key: str, **words: object) -> int:
    """One order by POST; the status, or 0 when the api died under it."""
    body = {
        "userId": trader.user_id, "market_type": "market", "price": "0", "contract": "BTC_USDT", "leverage": 10,
        "leverage_type": "CROSS", "size": 1, "position_type": "long", **words,
    }  # fmt: skip
    assert house.http is not None
    try:
        headers = trader.headers | {"Idempotency-Key": key}
        async with house.http.post(f"{api}/gate/place-futures-order", json=body, headers=headers) as reply:
            await reply.read()
            return reply.status
    except aiohttp.ClientError:
        return 0
