"""The resolver: asks the venue how commands ended whose outcome nobody knows.

Every worker does so for the shards it owns, so each intent has one asker. What a command is and how it is asked about
is the desk's; this is only the clock that comes round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from shared.desk import Desk
from shared.desk.resolve import resolve
from shared.errors import GatewayError
from workers.session import House

log = logging.getLogger("orderwire.resolver")

RESOLVE_EVERY_S = 1.0
RESOLVE_AFTER_S = 1.0
UNDER_WAY_S = 10.0
"""An intent without any outcome is still under way in the api that wrote it, which waits this long for an answer."""


class Resolver:
    def __init__(self, house: House) -> None:
        self.house = house
        self.desk = Desk(house.settings, house.store, house.rest, house.vault, house.clock)

    async def run(self, shards: Callable[[], list[int]]) -> None:
        while True:
            await asyncio.sleep(RESOLVE_EVERY_S)
            try:
                await self.resolve_all(shards())
            except GatewayError as error:
                log.warning("unknown outcomes stay unknown for now: %s", error)

    async def resolve_all(self, shards: list[int]) -> None:
        now_ms = self.house.clock.now_ms()
        before_ms = now_ms - round(RESOLVE_AFTER_S * 1000)
        for shard in await self.house.store.intents.shards_unresolved(shards, before_ms):
            for intent in await self.house.store.intents.unresolved(shard, before_ms):
                if intent.outcome is None and now_ms - intent.created_at_ms < UNDER_WAY_S * 1000:
                    continue
                try:
                    await resolve(self.desk, intent)
                except GatewayError as error:
                    log.warning("intent %s stays unknown for now: %s", intent.id, error)
