"""A stand-in for the gateway, just wide enough for the first page: its routes, its errors and one honest stream.

It says what the page must survive: streams that drop, cursors that are gone, a user that nobody claimed, a refused
field. It is not a model of the api; that the page works with the real one is another test's business.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

CONSOLE = Path(__file__).parents[2] / "api" / "console"
HEADERS = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-store"}
RETRY_MS = 50
BIG_ID = 2**53 + 1

Row = dict[str, Any]


@dataclass
class Stub:
    """One gateway with one account. What a test wants to happen next stands in its fields."""

    user: str = "demo"
    key: str = "paper-key"
    secret: str = "paper-secret-0123456789"
    claimed: bool = False
    refuse_with: Row | None = None
    loses_replies: bool = False
    answer_after_s: float = 0.0
    stream_status: int = 200
    history: list[tuple[str, str, Row]] = field(default_factory=list)
    orders: dict[str, Row] = field(default_factory=dict)
    extra: Row = field(default_factory=dict)
    placed: list[tuple[str, Row]] = field(default_factory=list)
    resumed_from: list[str | None] = field(default_factory=list)
    tickets: int = 0
    url: str = ""
    trading_env: str = "paper"
    paper_port: int | None = None
    oldest: int = 0
    _bell: asyncio.Condition = field(default_factory=asyncio.Condition)
    _waiting: set[asyncio.Transport] = field(default_factory=set)

    # What a test does.

    async def tell(self, kind: str, data: Row) -> str:
        """An event, to everyone who follows and to those who come later."""
        cursor = f"1763650000000-{len(self.history) + 1}"
        self.history.append((cursor, kind, data))
        if kind == "order":
            self.orders[data["id"]] = data
        async with self._bell:
            self._bell.notify_all()
        return cursor

    async def drop_streams(self) -> None:
        """Every socket of a stream breaks, as when a process is killed."""
        for transport in list(self._waiting):
            transport.abort()

    def order(self, **words: Any) -> Row:
        """An order as the stream shows it."""
        now_ms = time.time_ns() // 1_000_000
        return {
            "id": str(BIG_ID + len(self.orders)), "client_order_id": None, "user_id": self.user, "account_id": "gate-1",
            "venue": "gate", "environment": "paper", "symbol": "BTC_USDT", "instrument": "BTC/USDT:USDT", "side": "buy",
            "position_side": None, "type": "limit", "time_in_force": "gtc", "price": "67432.5", "stop_price": None,
            "size": "10", "size_unit": "contracts", "filled": "0", "remaining": "10", "average_price": None,
            "fee": None, "status": "open", "cause": None, "reduce_only": False, "origin": "gateway", "parent_id": None,
            "created_at_ms": now_ms, "updated_at_ms": now_ms,
            "times": {"venue": now_ms - 9, "received": now_ms - 3, "recorded": now_ms - 2},
        } | words  # fmt: skip

    # What it answers.

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("file") or "index.html"
        return web.FileResponse(CONSOLE / name, headers=HEADERS)

    async def health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "trading_env": self.trading_env, "paper_port": self.paper_port})

    async def paper_account(self, request: web.Request) -> web.Response:
        return web.json_response({"api_key": self.key, "api_secret": self.secret, "passphrase": "x", "uid": "7001"})

    async def ticker(self, request: web.Request) -> web.Response:
        row = {"symbol": "BTC_USDT", "instrument": "BTC/USDT:USDT", "last": "67500.1", "bid": "67500", "ask": "67500.2"}
        return web.json_response(row)

    async def ticket(self, request: web.Request) -> web.Response:
        if request.headers.get("api-secret") != self.secret:
            return refusal(401, "not_authenticated", "who is asking?")
        if not self.claimed:
            return refusal(404, "not_found", "no such user id")
        return web.json_response(self._new_ticket())

    def _new_ticket(self) -> Row:
        self.tickets += 1
        return {"ticket": f"ticket-{self.tickets}", "expires_in": 30}

    async def place(self, request: web.Request) -> web.Response:
        body, key = await request.json(), request.headers["Idempotency-Key"]
        self.placed.append((key, body))
        await asyncio.sleep(self.answer_after_s)
        if self.refuse_with:
            return web.json_response({"error": self.refuse_with}, status=422)
        if self.loses_replies:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        self.claimed = True
        side = "buy" if body["position_type"] == "long" else "sell"
        order = self.order(side=side, size=body["size"], price=body["price"], type=body["market_type"])
        await self.tell("order", order)
        stream = {"url": f"/sse/orders/{self.user}"} | self._new_ticket()
        return web.json_response({"message": "ok", "data": {"order": order, "stream": stream}})

    async def cancel(self, request: web.Request) -> web.Response:
        order = self.orders[request.query["trade_id"]]
        await self.tell("order", order | {"status": "cancelled"})
        return web.json_response({"message": "ok", "data": {}})

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Snapshot or replay, then live. The ticket is spent at first use and leaves a cookie, as the real one does."""
        if self.stream_status != 200:
            return refusal(self.stream_status, "store_unavailable", "Redis is away")
        fresh = request.query.get("ticket") == f"ticket-{self.tickets}"
        if not fresh and request.cookies.get("ow_stream") != "yes":
            return refusal(401, "not_authenticated", "the ticket is spent")
        cursor = request.headers.get("Last-Event-ID") or request.query.get("last_event_id")
        self.resumed_from.append(cursor)
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
        response.set_cookie("ow_stream", "yes", path=request.path, httponly=True)
        await response.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        self._waiting.add(transport)
        with suppress(ConnectionError):
            await self._pour(response, transport, cursor)
        self._waiting.discard(transport)
        return response

    async def _pour(self, response: web.StreamResponse, transport: asyncio.Transport, cursor: str | None) -> None:
        await response.write(b"retry: %d\n\n" % RETRY_MS)
        cursors = [event[0] for event in self.history]
        if cursor in cursors[self.oldest :]:
            place = cursors.index(cursor) + 1
        else:
            place = len(self.history)
            if cursor:
                await response.write(b'event: reset\ndata: {"reason":"too old"}\n\n')
            await response.write(frame(cursors[-1] if cursors else "0-0", "snapshot", self._snapshot()))
        while not transport.is_closing():
            for event in self.history[place:]:
                await response.write(frame(*event))
                place += 1
            async with self._bell:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._bell.wait(), 0.1)

    def _snapshot(self) -> Row:
        cursor = self.history[-1][0] if self.history else "0-0"
        lists: Row = {"orders": list(self.orders.values()), "positions": [], "balances": [], "triggers": []}
        session = {
            "account_id": "gate-1", "venue": "gate", "state": "live", "since_ms": 1_763_650_000_000, "gaps": 0,
            "reason": None,
        }  # fmt: skip
        return {"user_id": self.user, "cursor": cursor, "sessions": [session]} | lists | self.extra

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Stub]:
        """On a free port, until the test ends."""
        app = web.Application()
        app.router.add_get("/", self.page)
        app.router.add_get("/console/{file}", self.page)
        app.router.add_get("/healthz", self.health)
        app.router.add_get("/api/market/ticker/{symbol}", self.ticker)
        app.router.add_post("/api/auth/ticket", self.ticket)
        app.router.add_post("/gate/place-futures-order", self.place)
        app.router.add_delete("/gate/cancel-futures-order", self.cancel)
        app.router.add_post("/paper/accounts", self.paper_account)
        app.router.add_get("/sse/orders/{user}", self.follow)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield self
        finally:
            await self.drop_streams()
            await runner.cleanup()


def frame(cursor: str, kind: str, data: Row) -> bytes:
    """An event as the wire has it; order events have no name."""
    name = "" if kind == "order" else f"event: {kind}\n"
    return f"{name}id: {cursor}\ndata: {json.dumps(data)}\n\n".encode()


def refusal(status: int, code: str, message: str) -> web.Response:
    """The one error shape."""
    return web.json_response({"error": {"code": code, "message": message, "retryable": status >= 500}}, status=status)
