"""All of Redis and nothing but Redis. Each file is one noun; `Store` holds them together."""

from __future__ import annotations

from shared.clock import CLOCK, Clock
from shared.settings import Settings
from shared.store.accounts import Accounts
from shared.store.audit import Audit
from shared.store.budgets import Budgets
from shared.store.connection import Redis
from shared.store.events import Events
from shared.store.gateway_keys import GatewayKeys
from shared.store.insist import Insist
from shared.store.intents import Intents
from shared.store.leases import Leases
from shared.store.ledger import Ledger
from shared.store.limits import Limits
from shared.store.logins import Logins
from shared.store.papers import Papers
from shared.store.sealed import Sealed
from shared.store.sessions import Sessions
from shared.store.users import Users

__all__ = ["Store"]


class Store:
    def __init__(self, settings: Settings, clock: Clock = CLOCK) -> None:
        self.redis = Redis(settings.redis_url, settings.shards)
        self.accounts = Accounts(self.redis)
        self.audit = Audit(self.redis, settings.audit_kept, clock)
        self.budgets = Budgets(self.redis, clock)
        self.events = Events(self.redis, clock)
        self.intents = Intents(self.redis, clock)
        self.leases = Leases(self.redis)
        self.sessions = Sessions(self.redis)
        self.users = Users(self.redis)
        self.insist = Insist(self.redis)
        self.logins = Logins(self.redis, self.insist)
        self.gateway_keys = GatewayKeys(self.redis, self.insist)
        self.papers = Papers(self.redis, clock)
        self.sealed = Sealed(self.redis)
        self.limits = Limits(self.redis, settings.limits, clock)
        self.ledger = Ledger(self.redis, self.events, self.intents, self.users, clock)

    async def close(self) -> None:
        await self.audit.stop()
        await self.limits.stop()
        await self.insist.close()
        await self.budgets.stop()
        await self.redis.close()
