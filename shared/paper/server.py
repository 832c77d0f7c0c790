"""The paper exchange as a server: every venue's paths and the control surface on one port.

This is the thin edge around doors that do no I/O. Besides the reader of each socket there is one task in all: the one
that lets time pass for the market and the doors.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio import Transport
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson
from aiohttp import WSMsgType, web

from shared.paper.control import Control
from shared.paper.exchange import Exchange
from shared.paper.gate.calls import Call, Reply, encode_json
from shared.paper.gate.door import GateDoor
from shared.paper.market import STEP_MS
from shared.paper.okx.calls import Call as OkxCall
from shared.paper.okx.door import UNFILLED_KEPT_MS, OkxDoor
from shared.paper.okx.sockets import PLACES
from shared.paper.tls import make_context

log = logging.getLogger("paper")
BODY_MAX = 1 << 20
BACKLOG = 4096
STOP_WITHIN_S = 0.3


@dataclass(frozen=True, slots=True)
class PaperOptions:
    """How this process behaves, beside where it listens."""

    seed: int = 7
    is_old: bool = False
    in_us: bool = False
    limits_on: bool = True
    unfilled_kept_ms: int = UNFILLED_KEPT_MS
    """How long OKX's door remembers an order that was cancelled without a fill."""


class PaperServer:
    """One exchange and its ports."""

    def __init__(self, options: PaperOptions = PaperOptions()) -> None:
        self.exchange = Exchange(seed=options.seed)
        self.gate = GateDoor(self.exchange, is_old=options.is_old, in_us=options.in_us, limits_on=options.limits_on)
        self.okx = OkxDoor(self.exchange, limits_on=options.limits_on, unfilled_kept_ms=options.unfilled_kept_ms)
        self._runner: web.AppRunner | None = None
        self._passing: asyncio.Task[None] | None = None

    def make_app(self) -> web.Application:
        """Every path."""
        app = web.Application(client_max_size=BODY_MAX)
        app.add_routes(Control(self.exchange).routes())
        app.router.add_route("*", "/api/v4/{path:.*}", self.answer_gate)
        for path in ("/v4/ws/usdt", "/v4/ws/futures/usdt"):
            app.router.add_get(path, self.follow_gate)
            app.router.add_get(path + "/", self.follow_gate)
        app.router.add_route("*", "/api/v5/{path:.*}", self.answer_okx)
        for place in PLACES:
            app.router.add_get(f"/ws/v5/{place}", self.follow_okx)
        return app

    async def start(self, host: str, port: int, tls_port: int | None = None, state_dir: Path | None = None) -> None:
        """Listen. The TLS port shows a certificate for localhost, kept under the state directory."""
        context: ssl.SSLContext | None = None
        if tls_port is not None:
            context = make_context((state_dir or Path("var")) / "paper")
        app = self.make_app()
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=STOP_WITHIN_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, backlog=BACKLOG).start()
        if context is not None:
            await web.TCPSite(self._runner, host, tls_port, ssl_context=context, backlog=BACKLOG).start()
        self._passing = asyncio.create_task(self._let_time_pass())

    async def stop(self) -> None:
        """Close every socket and port."""
        if self._passing is not None:
            self._passing.cancel()
        for socket in [*self.gate.stream.sockets, *self.okx.stream.sockets]:
            socket.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _let_time_pass(self) -> None:
        while True:
            await asyncio.sleep(STEP_MS / 1000)
            try:
                now_ms = self.exchange.now_ms()
                for door in self.exchange.doors.values():
                    door.market.step(now_ms)
                for door in self.exchange.doors.values():
                    door.tick(now_ms)
            except Exception:
                # One bad step must not stop the clock for everybody who is connected.
                log.exception("a step of the market failed")

    # ---- Gate's door

    async def answer_gate(self, request: web.Request) -> web.StreamResponse:
        """Any REST call of Gate's."""
        started_us = self.exchange.now_ms() * 1000
        path, _, query = request.raw_path.partition("?")
        call = Call(
            self.gate, request.method, path, query, await request.read(),
            {name.lower(): value for name, value in request.headers.items()}, request.remote or "",
            self.exchange.now_ms(),
        )  # fmt: skip
        reply = self.gate.handle(call)
        if reply.delay_ms:
            await asyncio.sleep(reply.delay_ms / 1000)
        if reply.is_cut and request.transport is not None:
            request.transport.abort()
        return _to_response(reply, started_us, self.exchange.now_ms() * 1000)

    async def follow_gate(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket of Gate's."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        websocket = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=BODY_MAX)
        if not websocket.can_prepare(request).ok:
            return web.Response(status=400, text="a WebSocket handshake is expected\n")
        stream = self.gate.stream
        socket = stream.connect(cast(Transport, request.transport), headers)
        if socket is None:
            return web.Response(status=503)
        try:
            await websocket.prepare(request)
            async for message in websocket:
                if message.type is WSMsgType.TEXT:
                    stream.hear(socket, message.data)
                elif message.type is WSMsgType.PING:
                    socket.heard_ms = self.exchange.real_ms()
                    await websocket.pong(message.data)
                elif message.type is WSMsgType.BINARY:
                    stream.hear(socket, "")
        finally:
            stream.disconnect(socket)
        return websocket

    # ---- OKX's door

    async def answer_okx(self, request: web.Request) -> web.StreamResponse:
        """Any REST call of OKX's."""
        started_ms = self.exchange.now_ms()
        path, _, query = request.raw_path.partition("?")
        call = OkxCall(
            self.okx, request.method, path, query, await request.read(),
            {name.lower(): value for name, value in request.headers.items()}, request.remote or "", started_ms,
        )  # fmt: skip
        reply = self.okx.handle(call)
        if reply.delay_ms:
            await asyncio.sleep(reply.delay_ms / 1000)
        if reply.is_cut and request.transport is not None:
            request.transport.abort()
        if reply.is_html:
            return web.Response(status=reply.status, text=str(reply.body), content_type="text/html")
        body = orjson.dumps(reply.to_body(started_ms * 1000, self.exchange.now_ms() * 1000 + 100))
        return web.Response(status=reply.status, body=body, content_type="application/json")

    async def follow_okx(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket of OKX's, at one of its three places."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        # The venue's clients found that pings of the protocol are not answered, and none of them is data.
        websocket = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=BODY_MAX)
        if not websocket.can_prepare(request).ok:
            return web.Response(status=400, text="a WebSocket handshake is expected\n")
        stream, place = self.okx.stream, request.path.rpartition("/")[2]
        socket = stream.connect(cast(Transport, request.transport), place, headers)
        if isinstance(socket, int):
            return web.Response(status=socket)
        try:
            await websocket.prepare(request)
            async for message in websocket:
                if message.type is WSMsgType.TEXT:
                    stream.hear(socket, message.data)
                elif message.type is WSMsgType.BINARY:
                    stream.hear(socket, "")
        finally:
            stream.disconnect(socket)
        return websocket


def _to_response(reply: Reply, in_us: int, out_us: int) -> web.Response:
    if reply.is_html:
        return web.Response(status=reply.status, text=str(reply.body), content_type="text/html")
    if reply.body is None:
        return web.Response(status=reply.status, headers=reply.headers)
    headers = reply.headers | {"x-in-time": str(in_us), "x-out-time": str(out_us)}
    body = encode_json(reply.body)
    return web.Response(status=reply.status, body=body, content_type="application/json", headers=headers)
