"""One user with accounts at two venues: one stream, one cursor, and nothing lost at either whatever dies."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import orjson

from tests.house.house import House, Trader, fold, truth, until
from tests.house.readers import Reader

VENUES = ("gate", "okx")


async def both(house: House, user_id: str) -> list[Trader]:
    """The user's accounts, one at each venue."""
    traders = [await house.trader(user_id, venue) for venue in VENUES]
    for trader in traders:
        await house.settle(trader)
    return traders


async def trade(house: House, traders: list[Trader], count: int) -> None:
    """At each of them: one that fills, one that rests, one that is cancelled."""
    for _ in range(count):
        for trader in traders:
            await house.place(trader, "buy", "2")
            await house.place(trader, "buy", "1", "60000")
            await house.cancel(trader, await house.place(trader, "sell", "1", "69000"))


async def test_a_killed_worker_loses_nothing_at_either_venue(tmp_path: Path) -> None:
    """Both venues trade on while nobody looks. The stream says the gap, and then what happened in it."""
    async with House(tmp_path, SSE_OPEN="1") as house:
        await house.start_workers("w1", "w2")
        url = await house.start_api()
        traders = await both(house, "alice")
        await house.all_live(traders)
        reader = Reader(house, traders[0], [url])
        following = asyncio.create_task(reader.run())
        try:
            await trade(house, traders, 3)
            await house.agree(traders)
            owner = (await owners(house, traders))["gate-alice"]

            house.signal(owner, signal.SIGKILL)
            await trade(house, traders, 3)
            await until(lambda: blind_at_both(house, traders), "both gaps are told")
            await house.all_live(traders)
            await trade(house, traders, 2)

            await house.agree(traders)
            await until(lambda: believes(house, reader, traders), "the reader believes what the exchange knows")
        finally:
            following.cancel()
        assert reader.snapshots == 1, "the cursor was lost"
        ids = [event.id for event in reader.events]
        assert len(set(ids[-50:])) == 50, "an event was told twice"


async def test_each_account_has_sockets_and_a_state_of_its_own(tmp_path: Path) -> None:
    """One venue may be away while the other goes on."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        gate, okx = traders = await both(house, "alice")
        await house.all_live(traders)
        books = (await house.books())["accounts"]
        assert (len(books[gate.uid]["sockets"]["gate"]), len(books[okx.uid]["sockets"]["okx"])) == (1, 2)

        await house.fault("close_sockets", venue="okx", count=1)
        await house.place(okx)
        await house.agree(traders)
        await house.all_live(traders)

        assert {gap["venue"] for gap in await house.gaps(gate)} <= {"okx"}


async def blind_at_both(house: House, traders: list[Trader]) -> bool:
    return {gap["venue"] for gap in await house.gaps(traders[0])} == set(VENUES)


async def owners(house: House, traders: list[Trader]) -> dict[str, str]:
    """By account, the name of the worker that holds its session."""
    said = [orjson.loads(row) for row in await house.store.events.records(traders[0].user_id, "session")]
    return {row["account_id"]: row["owner"].rsplit("-", 1)[0] for row in said}


async def believes(house: House, reader: Reader, traders: list[Trader]) -> bool:
    books = await house.books()
    return all(
        fold(reader.events, trader.venue)[what] == truth(books, trader.uid, trader.venue)[what]
        for trader in traders
        for what in ("orders", "positions")
    )
