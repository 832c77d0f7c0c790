"""All of Redis and nothing but Redis. Each file is one noun; `Store` holds them together."""

from __future__ import annotations

from shared.clock import CLOCK, Clock
from shared.settings import Settings
from shared.store.accounts import Accounts
from shared.store.connection import Redis
from shared.store.events import Events
from shared.store.intents import Intents
from shared.store.leases import Leases
from shared.store.ledger import Ledger
from shared.store.sessions import Sessions
from shared.store.users import Users

__all__ = ["Store"]


class Store:
    def __init__(self, settings: Settings, clock: Clock = CLOCK) -> None:
        self.redis = Redis(settings.redis_url, settings.shards)
        self.accounts = Accounts(self.redis)
        self.events = Events(self.redis, clock)
        self.intents = Intents(self.redis, clock)
        self.leases = Leases(self.redis)
        self.sessions = Sessions(self.redis)
        self.users = Users(self.redis)
        self.ledger = Ledger(self.redis, self.events, self.intents, self.users, clock)

    async def close(self) -> None:
        await self.redis.close()
