"""Insist: deletions that outlive a Redis that loses its last second.

Redis puts its file on disk once a second, so what was revoked just before a crash would be back after it. Whoever
deletes says so again for a while, through restarts too, until it has surely been on disk. What is insisted on must bear
being said again. Should this process end in that time as well, that crash alone can bring it back.
"""

from __future__ import annotations

import asyncio

from shared.errors import StoreUnavailable
from shared.store.connection import Redis

ON_DISK_WITHIN_S = 3.0
AGAIN_EVERY_S = 0.5

Command = tuple[str | bytes | int, ...]


class Insist:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, *commands: Command) -> None:
        """Returns when it is done for the first time. Raises StoreUnavailable when it is not."""
        await self._redis.every(commands)
        task = asyncio.get_running_loop().create_task(self._say_again(commands))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_again(self, commands: tuple[Command, ...]) -> None:
        """Until it was said for ON_DISK_WITHIN_S without a Redis that was away in between."""
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        while loop.time() - since_s < ON_DISK_WITHIN_S:
            await asyncio.sleep(AGAIN_EVERY_S)
            try:
                await self._redis.every(commands)
            except StoreUnavailable:
                since_s = loop.time()

    async def settle(self) -> None:
        """Until all of it has surely been on disk; for a process that is about to end."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
