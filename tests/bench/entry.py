"""E3: order entry over the account's socket beside the same entry over REST, both ours, against the paper exchange."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

import uvloop

from shared.exchanges.base import Endpoints, PlaceOrder, Reply, Request
from shared.exchanges.calls import Calls
from shared.exchanges.gate.wire import GateVenue
from shared.exchanges.rest import Rest
from shared.model import Credentials, Owner
from tests.bench.plan import Plan
from tests.bench.processes import median, percentile
from tests.bench.table import Result, Row
from tests.paper.process import PaperProcess

BLOCKS = 10
"""The two ways take turns this often, so that a moment of load is no one's alone."""
VENUE = GateVenue()
WIRE = VENUE.wire(Owner("bench", "bench", "gate", "paper"), "")


def run_entry(plan: Plan) -> Result:
    with PaperProcess.running("--no-limits") as paper:
        took_ms = uvloop.run(_measure(paper, plan.orders))
    rest, socket = sorted(took_ms["rest"]), sorted(took_ms["socket"])
    tail = f"p99 {percentile(rest, 0.99):.2f} over REST, {percentile(socket, 0.99):.2f} over the socket"
    what = "a placement over the socket beside REST, one at a time, p50"
    return Result([Row("E3", what, "ms", median(rest), median(socket), 1.0, note=tail)])


async def _measure(paper: PaperProcess, count: int) -> dict[str, list[float]]:
    paper.price("BTC_USDT", "67500", hold=True)
    account, endpoints = paper.account(), Endpoints(paper.rest_url, paper.ws_url)
    keys = Credentials(account.api_key, account.api_secret)
    rest = Rest()
    await rest.start()
    calls = Calls(rest)
    try:
        await calls.call(VENUE, endpoints, an_order("first"), keys)
        await _until_ready(calls)
        ways: dict[str, Callable[[Request], Awaitable[Reply]]] = {
            "rest": lambda request: rest.call(VENUE, endpoints.rest_url, request, keys),
            "socket": lambda request: calls.call(VENUE, endpoints, request, keys),
        }
        took_ms = defaultdict[str, list[float]](list)
        for block in range(BLOCKS):
            for name, way in ways.items():
                for number in range(count // BLOCKS):
                    begun_s = time.perf_counter()
                    await way(an_order(f"{name}{block}.{number}"))
                    took_ms[name].append((time.perf_counter() - begun_s) * 1e3)
        return took_ms
    finally:
        await calls.stop()
        await rest.close()


async def _until_ready(calls: Calls) -> None:
    async with asyncio.timeout(10):
        while ": ready" not in repr(calls):
            await asyncio.sleep(0.01)


def an_order(name: str) -> Request:
    """Takes nothing and leaves nothing."""
    order = PlaceOrder("BTC_USDT", "buy", "limit", "1", "60000", "ioc", False, f"t-{name}")
    return WIRE.place(order, int(time.time() * 1000) + 10_000)
