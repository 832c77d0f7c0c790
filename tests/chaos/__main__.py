"""`make chaos`: a house of real processes is broken on purpose, again and again, and then asked what it lost.

Users place by POST with idempotency keys through two apis, ask again with the same key when an api dies under them, and
follow their streams by SSE. Every few seconds something dies, sleeps or lies. At the end every reader must believe what
the exchange's books say, no event may have come twice, and no key may have placed two orders.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson

from shared.store.events import to_place
from tests.house.house import House, Trader, fold, truth, until
from tests.house.readers import Reader, place

WORKERS = ("w1", "w2", "w3")
REST_S = 4.0
"""Between two calamities, so that most begin before the last one has healed."""


class Chaos:
    def __init__(self, house: House, seed: int) -> None:
        self.house, self.dice = house, random.Random(seed)
        self.apis: dict[str, str] = {}
        self.traders: list[Trader] = []
        self.readers: list[Reader] = []
        self.done: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.keys = 0

    async def prepare(self, traders: int) -> None:
        await self.house.start_workers(*WORKERS)
        for name in ("api1", "api2"):
            self.apis[name] = await self.house.start_api(name)
        urls = list(self.apis.values())
        self.traders = [await self.house.trader(f"u{number}") for number in range(traders)]
        for number, trader in enumerate(self.traders):
            status = await place(self.house, urls[number % 2], trader, f"first-{number}")
            assert status == 200, f"the first order of {trader.user_id} was answered {status}"
        await self.house.all_live(self.traders)
        self.readers = [Reader(self.house, trader, urls) for trader in self.traders]

    # What users do meanwhile.

    async def trade(self) -> None:
        while True:
            trader, urls = self.dice.choice(self.traders), list(self.apis.values())
            side = self.dice.choice(("long", "short"))
            words = {"position_type": side}
            if self.dice.random() < 0.4:
                words |= {"market_type": "limit", "price": "60000" if side == "long" else "78000"}
            self.keys += 1
            key = f"k{self.keys}"
            for url in self.dice.sample(urls, 2):
                status = await place(self.house, url, trader, key, **words)
                self.answers[status] += 1
                if status != 0:
                    break
            await asyncio.sleep(0.02)

    # What goes wrong.

    async def a_worker_is_killed(self) -> None:
        name = self.dice.choice(WORKERS)
        self.house.signal(name, signal.SIGKILL)
        await self.house.ended(name)
        self.house.start(name, "workers", WORKER_ID=name)

    async def a_worker_sleeps_through_its_lease(self) -> None:
        name = self.dice.choice(WORKERS)
        self.house.signal(name, signal.SIGSTOP)
        await asyncio.sleep(7)
        self.house.signal(name, signal.SIGCONT)

    async def an_api_is_killed(self) -> None:
        name = self.dice.choice(tuple(self.apis))
        self.house.signal(name, signal.SIGKILL)
        await self.house.ended(name)
        self.house.start(name, "api", PORT=self.apis[name].rsplit(":", 1)[1])

    async def redis_is_killed(self) -> None:
        self.house.signal("redis", signal.SIGKILL)
        await self.house.ended("redis")
        await asyncio.sleep(self.dice.uniform(0, 5))
        self.house.start_redis()

    async def frames_are_dropped_repeated_and_shuffled(self) -> None:
        for kind in ("drop_frames", "repeat_frames", "shuffle_frames"):
            await self.house.fault(kind, 0.3, for_s=4)

    async def sockets_are_closed(self) -> None:
        await self.house.fault("close_sockets", 0.5)

    async def answers_are_cut(self) -> None:
        await self.house.fault("cut_reply", 0.2, for_s=3)

    async def answers_are_server_errors(self) -> None:
        await self.house.fault("http_5xx", 0.2, for_s=3)

    @property
    def calamities(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.a_worker_is_killed, self.a_worker_sleeps_through_its_lease, self.an_api_is_killed,
            self.redis_is_killed, self.frames_are_dropped_repeated_and_shuffled, self.sockets_are_closed,
            self.answers_are_cut, self.answers_are_server_errors,
        ]  # fmt: skip

    async def run(self, seconds: float) -> None:
        tasks = [asyncio.create_task(self.trade()), *(asyncio.create_task(reader.run()) for reader in self.readers)]
        ends_s = time.monotonic() + seconds
        waiting: list[Callable[[], Awaitable[None]]] = []
        while time.monotonic() < ends_s:
            waiting = waiting or self.dice.sample(self.calamities, len(self.calamities))
            calamity = waiting.pop()
            name = calamity.__name__.replace("_", " ")
            print(f"  {ends_s - time.monotonic():4.0f} s left · {name}", flush=True)
            await calamity()
            self.done[name] += 1
            await asyncio.sleep(REST_S)
        tasks[0].cancel()
        await self.house.paper("DELETE", "faults")
        healed_s = await self.heal()
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.healed_s = healed_s

    async def heal(self) -> float:
        """Until every reader believes the books; how long that took."""
        began_s = time.monotonic()
        await self.house.all_live(self.traders, 120)

        async def believe() -> bool:
            books = await self.house.books()
            return all(
                fold(reader.events)[what] == truth(books, reader.trader.uid)[what]
                for reader in self.readers
                for what in ("orders", "positions")
            )

        await until(believe, "every reader believes the books", 120, 0.5)
        return time.monotonic() - began_s

    async def findings(self) -> dict[str, int | float]:
        books = await self.house.books()
        texts = [order["text"] for account in books["accounts"].values() for order in account["orders"]]
        seen = [[to_place(event.id) for event in reader.events] for reader in self.readers]
        after_snapshot = [[place for place in places if place > places[0]] for places in seen if places]
        return {
            "calamities": self.done.total(),
            "commands": self.keys,
            "orders at the exchange": len(texts),
            "keys that placed two orders": len(texts) - len(set(texts)),
            "events read by SSE": sum(len(places) for places in seen),
            "events out of order or twice": sum(places != sorted(set(places)) for places in after_snapshot),
            "snapshots beyond the first": sum(reader.snapshots - 1 for reader in self.readers),
            "gaps said": sum([len(await self.house.gaps(trader)) for trader in self.traders]),
            "readers that believe the books": len(self.readers),
            "seconds until they did": round(self.healed_s, 1),
        }


async def main(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="orderwire-chaos-") as folder:
        async with House(Path(folder)) as house:
            chaos = Chaos(house, asked.seed)
            print(
                f"Chaos for {asked.seconds:g} s: 3 workers, 2 apis, {asked.traders} users, seed {asked.seed}.",
                flush=True,
            )
            await chaos.prepare(asked.traders)
            try:
                await chaos.run(asked.seconds)
            except AssertionError as lost:
                print(f"\n✗ {lost}")
                return 1
            found = await chaos.findings()
    print("\n  what went wrong, and how often")
    for name, count in sorted(chaos.done.items()):
        print(f"    {name:45} {count:6}")
    print("\n  what was found")
    for name, figure in found.items():
        print(f"    {name:45} {figure:6}")
    if asked.json:
        _write(Path(asked.json), {"found": found, "calamities": dict(chaos.done)})
    held = not found["keys that placed two orders"] and not found["events out of order or twice"]
    print("\n✓ Nothing was lost, told twice or placed twice." if held else "\n✗ Something did not hold; see above.")
    return 0 if held else 1


def _write(file: Path, figures: dict[str, object]) -> None:
    file.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=90, help="how long things go wrong (default 90)")
    parser.add_argument("--traders", type=int, default=30, help="users who trade (default 30)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed breaks the same things (default 1)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
