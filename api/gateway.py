"""What a request handler may use: settings, store, venues, desk and who may do what. One per process."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from api.auth import Auth
from api.instruments import Instruments
from api.metrics import Metrics
from api.papers import Papers
from api.users import Users
from shared.clock import CLOCK, Clock
from shared.desk import Desk
from shared.exchanges.rest import Rest
from shared.settings import Settings
from shared.store import Store
from shared.vault import Vault


@dataclass
class Gateway:
    settings: Settings
    clock: Clock
    store: Store
    rest: Rest
    vault: Vault
    desk: Desk
    auth: Auth
    instruments: Instruments
    users: Users
    papers: Papers
    metrics: Metrics = field(default_factory=Metrics)

    @classmethod
    def make(cls, settings: Settings, clock: Clock = CLOCK) -> Gateway:
        store, vault = Store(settings, clock), Vault(settings.master_keys())
        rest = Rest(clock, store.budgets)
        desk = Desk(settings, store, rest, vault, clock)
        auth, instruments = Auth(settings, desk), Instruments(settings, rest, clock)
        users, papers = Users(store, auth, clock), Papers(settings, store, vault, clock)
        return cls(settings, clock, store, rest, vault, desk, auth, instruments, users, papers)

    async def start(self) -> None:
        self.store.budgets.start()
        self.store.limits.start()
        self.store.audit.start()
        self.auth.start()
        self.papers.start()
        await self.rest.start()
        self.desk.start()

    async def close(self) -> None:
        await self.papers.stop()
        self.users.close()
        await self.auth.close()
        await self.instruments.close()
        await self.desk.stop()
        await self.rest.close()
        await self.store.close()


GATEWAY = web.AppKey("gateway", Gateway)
