"""C: streams. The rows of `streams`, and how much one api carries when a whole crowd follows one user.

The crowd is told more than can be written one by one, so what counts is how it behaves when it is behind: deliveries a
second on this machine, and CPU for each. The readers are programs of their own, close to their sockets.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from tests.bench import streams
from tests.bench.plan import QUICK, Plan
from tests.bench.processes import Program, RedisServer, Stage, free_port, median, wait_until
from tests.bench.table import Result, Row, Spent

READER_PROGRAMS = 2
DELIVERIES = 300_000
EVENTS_PER_S = 2000
"""Far more than one by one can be written to a thousand readers."""


def run_streams(plan: Plan) -> Result:
    """C1 to C4."""
    return Result([to_row(row) for row in asyncio.run(streams.run(plan is QUICK))])


def to_row(row: streams.Row) -> Row:
    figures = row.figures
    return Row(
        row.name, row.what, row.unit, figures["bare"], figures["ours"], row.goal, absolute=row.name == "C4",
        others={"aiohttp with a queue": figures["plain"]},
    )  # fmt: skip


def run_crowd(plan: Plan) -> Result:
    """C5, with as many readers as the plan says."""
    result = Result()
    for readers in plan.readers:
        with Stage() as stage:
            _crowd(stage, readers, plan.rounds, result)
    return result


class Crowd:
    """One server and everyone who reads it."""

    def __init__(self, stage: Stage, redis: RedisServer, name: str, readers: int) -> None:
        port, self.prefix, self.readers = free_port(), f"{name}-crowd", readers
        env = stage.house(redis, "http://127.0.0.1:9", PORT=str(port)) if name == "ours" else {}
        options = {"url": redis.url, "port": port, "prefix": self.prefix}
        self.server = stage.program(name, f"streams:serve_{name}", env, **options)
        self.server.ask("warm_up", users=1)
        self.programs = [stage.program(f"{name} readers", "streams:read", port=port) for _ in range(READER_PROGRAMS)]
        self._open(20)
        before = self.server.ask("rest")["rss_bytes"]
        self._open(readers // READER_PROGRAMS)
        self.rss_each = (self.server.ask("rest")["rss_bytes"] - before) / (readers // READER_PROGRAMS * READER_PROGRAMS)
        self.everyone = (20 + readers // READER_PROGRAMS) * READER_PROGRAMS

    def _open(self, readers: int) -> None:
        for program in self.programs:
            program.ask("open", prefix=self.prefix, users=1, readers=readers)

    def told(self) -> int:
        return sum(int(program.ask("count")["told"]) for program in self.programs)

    def flood(self, writer: Program) -> tuple[float, float]:
        """Deliveries a second, and the server's CPU for each in us."""
        for program in self.programs:
            program.ask("forget")
        events = max(DELIVERIES // self.everyone, 10)
        before, begun_s = self.server.cpu_s(), time.monotonic()
        writer.ask("write", prefix=self.prefix, users=1, rate=EVENTS_PER_S, events=events)
        wait_until(lambda: self.told() >= events * self.everyone, 30, "the last delivery")
        took_s, spent_s = time.monotonic() - begun_s, self.server.cpu_s() - before
        deliveries = events * self.everyone
        return deliveries / took_s, spent_s / deliveries * 1e6


def _crowd(stage: Stage, readers: int, rounds: int, result: Result) -> None:
    redis = stage.redis()
    writer = stage.program("writer", "streams:write", url=redis.url)
    crowds = {name: Crowd(stage, redis, name, readers) for name in ("bare", "ours")}
    speed, cpu = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for _ in range(rounds):
        for name, crowd in crowds.items():
            per_s, each_us = crowd.flood(writer)
            speed[name].append(per_s)
            cpu[name].append(each_us)
    fast = {name: median(each) for name, each in speed.items()}
    each_us = median(cpu["ours"])
    kib = {name: crowd.rss_each / 1024 for name, crowd in crowds.items()}
    who = f"{readers:,} readers of one user"
    result.rows += [
        Row("C5", f"deliveries a second, {who}", "1/s", fast["bare"], fast["ours"], at_least=True,
            note=f"CPU each {each_us:.1f} us, floor {median(cpu['bare']):.1f}"),
        Row("C5", f"RSS per reader, {who}", "KiB", kib["bare"], kib["ours"], 14.0, absolute=True),
    ]  # fmt: skip
    everyone = crowds["ours"].everyone
    rss = crowds["ours"].server.rss_bytes()
    result.spent.append(Spent("C5", f"api, {readers:,} readers", each_us * everyone / 1e6, 0, everyone, rss))
