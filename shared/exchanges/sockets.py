"""A session's sockets as one: opened together, live together, lost together. Most venues need one; some need more.

Each says who it is where the venue wants that, then subscribes, and only when every one is acknowledged are they ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shared.clock import Clock
from shared.errors import ConnectionLost, UnknownWord
from shared.exchanges.base import Endpoints, Venue, Wire
from shared.exchanges.socket import Socket
from shared.model import Credentials, Fact


class Sockets:
    """What a session follows. It holds facts until `release`, as each of its sockets does."""

    def __init__(self, sockets: Sequence[Socket]) -> None:
        self._sockets = sockets

    def __repr__(self) -> str:
        return f"<Sockets {list(self._sockets)}>"

    @classmethod
    async def open(
        cls,
        endpoints: Endpoints,
        venue: Venue,
        wire: Wire,
        credentials: Credentials,
        on_facts: Callable[[list[Fact]], None],
        venue_now_s: Callable[[], float],
        *,
        clock: Clock,
        on_unknown: Callable[[UnknownWord], None],
    ) -> Sockets:
        """Raises ConnectionLost, or the venue's refusal; then none of them is left open."""

        async def open_one(line: int, url: str) -> Socket:
            headers, limits = venue.connect_headers(), venue.limits
            socket = await Socket.connect(url, headers, wire, limits, on_facts, clock=clock, on_unknown=on_unknown)
            try:
                login = wire.login(credentials, venue_now_s())
                if login is not None:
                    await socket.subscribe([login])
                await socket.subscribe(wire.subscriptions(credentials, venue_now_s(), line))
            except BaseException:
                await socket.close()
                raise
            return socket

        urls = (endpoints.ws_url, *endpoints.more_ws_urls)
        if len(urls) == 1:
            return cls([await open_one(0, urls[0])])
        opening = [asyncio.ensure_future(open_one(line, url)) for line, url in enumerate(urls)]
        try:
            return cls(await asyncio.gather(*opening))
        except BaseException:
            for task in opening:
                task.cancel()
            for ended in await asyncio.gather(*opening, return_exceptions=True):
                if isinstance(ended, Socket):
                    await ended.close()
            raise

    @property
    def last_frame_at_ms(self) -> int:
        """Until when all of them were seen to work."""
        return min(socket.last_frame_at_ms for socket in self._sockets)

    @property
    def are_open(self) -> bool:
        """Whether frames can still come on all of them, as they do for a while after a venue's notice."""
        return all(socket.is_open for socket in self._sockets)

    def release(self) -> None:
        for socket in self._sockets:
            socket.release()

    async def lost(self) -> ConnectionLost:
        """Waits until the first of them ends, and says why."""
        if len(self._sockets) == 1:
            return await self._sockets[0].lost()
        waiting = [asyncio.ensure_future(socket.lost()) for socket in self._sockets]
        try:
            ended, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return ended.pop().result()
        finally:
            for task in waiting:
                task.cancel()

    async def close(self) -> None:
        await asyncio.gather(*(socket.close() for socket in self._sockets))
