"""The listening side: the application behind connections that speak our errors, with limits on what they may send."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from api.problems import ProblemServer

STOP_WITHIN_S = 3.0
LINGER_S = 2.0
BACKLOG = 4096


class Runner(web.AppRunner):
    """aiohttp's runner with our connections."""

    __slots__ = ()

    def __init__(self, app: web.Application) -> None:
        super().__init__(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=STOP_WITHIN_S,
            lingering_time=LINGER_S,
            keepalive_timeout=75,
        )

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        # The library offers no way to choose the connection's class; this one adds no state, so it may take its place.
        made.__class__ = ProblemServer
        return made  # type: ignore[no-any-return]


async def listen(app: web.Application, host: str, port: int) -> Runner:
    """Start to answer. Raises OSError when the port cannot be had."""
    runner = Runner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    except (OSError, asyncio.CancelledError):
        await runner.cleanup()
        raise
    return runner
