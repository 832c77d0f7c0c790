"""From POST to reader through real processes: whatever dies on the way, every reader ends with the exchange's books."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import orjson

from shared.store.events import to_place
from tests.house.house import House, fold, truth, until
from tests.house.readers import Reader, place


async def test_readers_believe_the_books_whatever_dies(tmp_path: Path) -> None:
    """Two apis, two workers, 20 users who place by POST and follow by SSE; a worker and an api are killed meanwhile.

    Callers whose api died ask the other one with the same key, and no order is placed twice.
    """
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        apis = [await house.start_api("api1"), await house.start_api("api2")]
        traders = [await house.trader(f"u{number}") for number in range(20)]
        assert [await place(house, apis[0], trader, f"first-{trader.user_id}") for trader in traders] == [200] * 20
        await house.all_live(traders)
        readers = [
            Reader(house, trader, apis[number % 2 :] + apis[: number % 2]) for number, trader in enumerate(traders)
        ]
        tasks = [asyncio.create_task(reader.run()) for reader in readers]
        dice = random.Random(3)

        async def trade(count: int, api: str, otherwise: str, name: str) -> None:
            for number in range(count):
                trader = dice.choice(traders)
                words = {"position_type": dice.choice(("long", "short"))}
                if dice.random() < 0.4:
                    words |= {"market_type": "limit", "price": "60000" if words["position_type"] == "long" else "78000"}
                key = f"{name}-{number}"
                if await place(house, api, trader, key, **words) == 0:
                    assert await place(house, otherwise, trader, key, **words) in (200, 202, 409)

        await asyncio.gather(trade(60, apis[0], apis[1], "a"), trade(60, apis[1], apis[0], "b"))
        house.signal("w1", signal.SIGKILL)
        await trade(30, apis[0], apis[1], "c")
        killing = asyncio.create_task(trade(60, apis[1], apis[0], "d"))
        await asyncio.sleep(0.2)
        house.signal("api2", signal.SIGKILL)
        await killing
        await house.all_live(traders)

        async def believe_the_books() -> bool:
            books = await house.books()
            return all(
                fold(reader.events)[what] == truth(books, reader.trader.uid)[what]
                for reader in readers
                for what in ("orders", "positions")
            )

        await until(believe_the_books, "every reader believes the books", 60, 0.3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        books = await house.books()
        for reader in readers:
            ids = [to_place(event.id) for event in reader.events if event.id != reader.events[0].id]
            assert ids == sorted(set(ids)), "an event came twice or out of order"
            assert reader.snapshots == 1, "a resume needs no snapshot"
            texts = [order["text"] for order in books["accounts"][reader.trader.uid]["orders"]]
            assert len(texts) == len(set(texts)), "an order was placed twice"


async def test_two_users_cannot_reach_each_other(tmp_path: Path) -> None:
    """Streams, tickets, orders: what belongs to somebody else is not there."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        api = await house.start_api()
        alice, bob = await house.trader("alice"), await house.trader("bob")
        assert [await place(house, api, trader, "k") for trader in (alice, bob)] == [200, 200]
        assert house.http is not None

        for path in ("/sse/orders/alice", "/sse/sse/orders/alice", "/api/v1/events?user_id=alice"):
            async with house.http.get(api + path, headers=bob.headers) as reply:
                assert reply.status in (403, 404), path
            async with house.http.get(api + path) as reply:
                assert reply.status == 401, path
        async with house.http.post(f"{api}/api/auth/ticket", json={"user_id": "alice"}, headers=bob.headers) as reply:
            assert reply.status in (403, 404)
        async with house.http.post(f"{api}/api/auth/ticket", json={"user_id": "bob"}, headers=bob.headers) as reply:
            ticket = orjson.loads(await reply.read())["ticket"]
        async with house.http.get(f"{api}/sse/orders/alice?ticket={ticket}") as reply:
            assert reply.status in (401, 403, 404)
        async with house.http.post(
            f"{api}/gate/place-futures-order", headers=bob.headers,
            json={"userId": "alice", "market_type": "market", "price": "0", "contract": "BTC_USDT", "leverage": 10,
                  "leverage_type": "CROSS", "size": 1, "position_type": "long"},
        ) as reply:  # fmt: skip
            assert reply.status == 403
