"""Processes die, sleep and lose Redis while 200 sessions trade; readers still believe what the exchange's books say."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import hiredis

from shared.errors import VenueError
from tests.house.house import House, Trader, until

TRADERS = 200


@asynccontextmanager
async def trading(house: House, traders: list[Trader], per_s: float = 60) -> AsyncIterator[Counter[str]]:
    """Orders flow at the venue until the block ends: markets that fill, limits that rest, some of them cancelled."""
    placed: Counter[str] = Counter()
    dice = random.Random(11)

    async def trade() -> None:
        resting: list[tuple[Trader, str]] = []
        while True:
            trader = dice.choice(traders)
            side = dice.choice(("buy", "sell"))
            try:
                if dice.random() < 0.5:
                    await house.place(trader, side, str(dice.randint(1, 4)))
                else:
                    price = "60000" if side == "buy" else "78000"
                    resting.append((trader, await house.place(trader, side, "1", price)))
                if len(resting) > 20 and dice.random() < 0.7:
                    await house.cancel(*resting.pop(dice.randrange(len(resting))))
            except VenueError as error:
                placed[error.venue_code] += 1
            placed["commands"] += 1
            await asyncio.sleep(1 / per_s)

    task = asyncio.create_task(trade())
    try:
        yield placed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def more(placed: Counter[str], count: int) -> None:
    """Until that many more commands were carried out."""
    wanted = placed["commands"] + count

    async def done() -> bool:
        return placed["commands"] >= wanted

    await until(done, f"{count} more commands", 60)


@asynccontextmanager
async def silence(house: House) -> AsyncIterator[None]:
    """A way to Redis that swallows every pub/sub message and nothing else; new processes take it."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listens: list[bool]) -> None:
        while data := await reader.read(65536):
            listens[0] = listens[0] or b"SUBSCRIBE" in data
            writer.write(data)
        writer.close()

    async def pump_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listens: list[bool]) -> None:
        parser = hiredis.Reader()
        while data := await reader.read(65536):
            if not listens[0]:
                writer.write(data)
                continue
            parser.feed(data)
            while (reply := parser.gets()) is not False:
                if isinstance(reply, list) and reply[0] in (b"subscribe", b"unsubscribe"):
                    channel = reply[1]
                    writer.write(
                        b"*3\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n:%d\r\n"
                        % (len(reply[0]), reply[0], len(channel), channel, reply[2])
                    )
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_redis, from_redis = await asyncio.open_connection("127.0.0.1", house.redis_port)
        listens = [False]
        await asyncio.gather(
            pump(reader, from_redis, listens), pump_back(to_redis, writer, listens), return_exceptions=True
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    house.env["REDIS_URL"] = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield
    finally:
        server.close()


async def owned_by(house: House, name: str) -> set[int]:
    owners = await house.store.leases.owners()
    return {shard for shard, owner in owners.items() if owner.rsplit("-", 1)[0] == name}


async def all_owned_by(house: House, *names: str, timeout_s: float = 30) -> None:
    """Every shard has an owner, all of them among these, and even to within one."""

    async def even() -> bool:
        counts = [len(await owned_by(house, name)) for name in names]
        return sum(counts) == house.settings.shards and max(counts) - min(counts) <= 1

    await until(even, f"the shards are even among {names}", timeout_s)


async def sessions_of(house: House, name: str) -> int:
    return sum(
        beat.sessions for beat in await house.store.leases.beat(None) if beat.worker_id.rsplit("-", 1)[0] == name
    )


async def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    """kill -9 with 200 live sessions while orders fill: another takes over, REST fills the gap, and `gap` says so."""
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        await all_owned_by(house, "w1", "w2")
        traders = await house.traders(TRADERS)
        await house.all_live(traders)
        victims = await owned_by(house, "w1")

        async with trading(house, traders) as placed:
            await more(placed, 60)
            house.signal("w1", signal.SIGKILL)
            await all_owned_by(house, "w2", timeout_s=12)
            await more(placed, 60)
            await house.all_live(traders)

        await house.agree(traders)
        for trader in traders:
            gaps = await house.gaps(trader)
            if house.store.sessions._shard(trader.user_id) in victims:
                assert [gap["recovered"] for gap in gaps] == [True], trader
                assert gaps[0]["to_ms"] >= gaps[0]["from_ms"]
            else:
                assert [gap["reason"] for gap in gaps] == []


async def test_a_worker_that_slept_through_its_lease_cannot_write(tmp_path: Path) -> None:
    """SIGSTOP for three leases, then SIGCONT: the zombie's writes are refused, it stops by itself and joins again."""
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        await all_owned_by(house, "w1", "w2")
        traders = await house.traders(TRADERS)
        await house.all_live(traders)

        async with trading(house, traders) as placed:
            await more(placed, 30)
            house.signal("w1", signal.SIGSTOP)
            await all_owned_by(house, "w2", timeout_s=12)
            await asyncio.sleep(2 * house.store.leases.ttl_s)  # the test is about this time: three leases in all
            house.signal("w1", signal.SIGCONT)
            await all_owned_by(house, "w1", "w2")
            await more(placed, 60)
            await house.all_live(traders)

        await house.agree(traders)
        assert house.processes["w1"].poll() is None
        assert "stops its sessions" in house.log_of("w1") or "fence" in house.log_of("w1")


async def test_redis_restarted_under_load_loses_nothing(tmp_path: Path) -> None:
    """Facts that Redis could not take are read again from the venue, and the gap says so."""
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        await all_owned_by(house, "w1", "w2")
        traders = await house.traders(TRADERS)
        await house.all_live(traders)

        async with trading(house, traders) as placed:
            await more(placed, 60)
            house.signal("redis", signal.SIGKILL)
            await house.ended("redis")
            await more(placed, 60)
            house.start_redis()
            await until(house._redis_answers, "Redis is back")
            await more(placed, 60)
            await all_owned_by(house, "w1", "w2")
            await house.all_live(traders)

        await house.agree(traders)
        assert sum([len(await house.gaps(trader)) for trader in traders]) > 0


async def test_redis_away_for_longer_than_a_lease_loses_nothing(tmp_path: Path) -> None:
    """The workers stop by themselves and begin again when Redis does."""
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        traders = await house.traders(20)
        await house.all_live(traders)

        async with trading(house, traders) as placed:
            house.signal("redis", signal.SIGTERM)
            await house.ended("redis")
            await until(lambda: _said(house, "stops its sessions"), "both workers stopped themselves", 15)
            await more(placed, 30)
            house.start_redis()
            await until(house._redis_answers, "Redis is back")
            await all_owned_by(house, "w1", "w2")
            await house.all_live(traders)

        await house.agree(traders)
        for trader in traders:
            assert len(await house.gaps(trader)) == 1


async def _said(house: House, words: str) -> bool:
    return all(words in house.log_of(name) for name in ("w1", "w2"))


async def test_with_every_message_dropped_nothing_is_lost(tmp_path: Path) -> None:
    """State is the truth and a message is a bell: without PUBLISH wishes are still found and facts still recorded."""
    async with House(tmp_path) as house, silence(house):
        await house.start_workers("w1", "w2")
        await all_owned_by(house, "w1", "w2")
        traders = await house.traders(20)
        await house.all_live(traders)

        async with trading(house, traders) as placed:
            await more(placed, 100)

        await house.agree(traders)


async def test_workers_come_and_go_without_a_gap(tmp_path: Path) -> None:
    """2, then 6, then 3 under load: nobody who stays is restarted, no session is ever blind, and the load is even."""
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        await all_owned_by(house, "w1", "w2")
        traders = await house.traders(TRADERS)
        await house.all_live(traders)

        async with trading(house, traders) as placed:
            await house.start_workers("w3", "w4", "w5", "w6")
            await all_owned_by(house, "w1", "w2", "w3", "w4", "w5", "w6", timeout_s=60)
            await more(placed, 60)
            for name in ("w2", "w4", "w6"):
                house.signal(name, signal.SIGTERM)
            assert [await house.ended(name, 60) for name in ("w2", "w4", "w6")] == [0, 0, 0]
            await all_owned_by(house, "w1", "w3", "w5")
            await more(placed, 60)

        await house.agree(traders)
        gaps = [gap for trader in traders for gap in await house.gaps(trader)]
        assert Counter(gap["reason"] for gap in gaps) == Counter()
        assert all(house.processes[name].poll() is None for name in ("w1", "w3", "w5"))


async def test_frames_dropped_repeated_and_shuffled_end_in_the_same_fold(tmp_path: Path) -> None:
    """A socket can look healthy and lie; what is at stake is compared with REST now and then."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        traders = await house.traders(20)
        await house.all_live(traders)
        for kind, rate in (("drop_frames", 0.3), ("repeat_frames", 0.3), ("shuffle_frames", 0.5)):
            await house.fault(kind, rate)

        async with trading(house, traders) as placed:
            await more(placed, 200)
        await house.paper("DELETE", "faults")

        await house.agree(traders, timeout_s=60)


async def test_sockets_closed_all_the_time_lose_nothing(tmp_path: Path) -> None:
    """Each reconnect is a gap that is said and filled."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        traders = await house.traders(20)
        await house.all_live(traders)
        await house.fault("close_sockets", 0.05, for_s=10)

        async with trading(house, traders) as placed:
            await more(placed, 150)
        await house.paper("DELETE", "faults")

        await house.all_live(traders)
        await house.agree(traders)
        assert sum([len(await house.gaps(trader)) for trader in traders]) > 0


async def test_a_refused_key_is_not_hammered(tmp_path: Path) -> None:
    """An account whose key the venue does not accept says so and waits to be stirred."""
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        trader = await house.trader("mallory")
        wrong = Trader("mallory", trader.account_id, trader.uid, type(trader.credentials)("0" * 32, "1" * 64))
        await house.settle(wrong)

        async def failed() -> bool:
            return await house.states([wrong]) == {"mallory": "auth_failed"}

        await until(failed, "the session says auth_failed")
        await house.start_workers("w2")
        house.signal("w1", signal.SIGTERM)
        await house.ended("w1")

        assert await failed()
        assert trader.credentials.api_secret not in house.log_of("w1")


async def test_an_idle_session_rests_and_comes_back(tmp_path: Path) -> None:
    """Sessions without a reader, an open order or a position cost nothing; the next wish brings them back."""
    async with House(tmp_path, PARK_AFTER_S="1") as house:
        await house.start_workers("w1")
        (trader,) = await house.traders(1)

        async def parked() -> bool:
            return await house.states([trader]) == {trader.user_id: "parked"}

        await until(parked, "the session rests", 60)
        order_id = await house.place(trader, "buy", "1", "60000")
        await house.store.sessions.stir(trader.user_id, 2**45)
        await house.all_live([trader])

        await house.agree([trader])
        assert order_id in str(await house.events(trader))
