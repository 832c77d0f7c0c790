"""Ledger: what a placement writes to Redis, in two writes on one connection of its own.

The intent before the request leaves; then the facts, the outcome and the caller's ticket together. A placement waits
for both, so they go the fast way (`store.wire`); while that connection is away, the store's ordinary one serves. The
scripts are the store's, so both ways mean the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from shared.clock import Clock
from shared.errors import StoreUnavailable
from shared.model import Fact, Outcome
from shared.store import keys
from shared.store.connection import Redis
from shared.store.events import Events, fact_args
from shared.store.intents import INTENT_TTL_S, Intent, Intents
from shared.store.scripts import INTEND, RECORD, RESOLVE
from shared.store.users import Users, standing_of, to_put_ticket
from shared.store.wire import Line, Pipe

TURNS_MAX = 20_000

_INTENTS = msgspec.json.Decoder(Intent)


class Ledger:
    """The fast way, and the ordinary one behind it."""

    def __init__(self, redis: Redis, events: Events, intents: Intents, users: Users, clock: Clock) -> None:
        self._redis, self._events, self._intents, self._users, self._clock = redis, events, intents, users, clock
        self._line = Line(redis.url, [script.source for script in (INTEND, RECORD, RESOLVE)])
        self._running: asyncio.Task[None] | None = None
        self._turns: dict[str, int] = {}

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._line.run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def intend(self, intent: Intent) -> Intent | None:
        """As `Intents.intend`: None when it is new, else the intent that already stands under this id."""
        pipe, turn_key = self._line.pipe, self._leverage_turn(intent.user_id)
        if pipe is None:
            self._heard_turn(intent.user_id, await self._redis("GET", turn_key))
            return await self._intents.intend(intent)
        pipe.send(("GET", turn_key), partial(self._heard_turn, intent.user_id))  # in the same write
        names, member = self._names(intent)
        said = await self._ask(
            pipe,
            "EVALSHA", INTEND.sha, 2, *names, msgspec.json.encode(intent), INTENT_TTL_S * 1000, member,
            self._clock.now_ms(),
        )  # fmt: skip
        return _INTENTS.decode(said) if said else None

    def leverage_turn(self, user_id: str) -> int | None:
        """As it was when the user's last intent of this process was written down; None when nobody looked."""
        return self._turns.get(user_id)

    async def turn_leverage(self, user_id: str) -> int | None:
        """Leverage or position mode was changed by us: what any process knows of it is old. None when Redis is away."""
        self._turns.pop(user_id, None)
        with suppress(StoreUnavailable):
            self._heard_turn(user_id, await self._redis("INCR", self._leverage_turn(user_id)))
        return self._turns.get(user_id)

    def _leverage_turn(self, user_id: str) -> str:
        return keys.of_user(self._shard(user_id), user_id, "leverage_turn")

    def _heard_turn(self, user_id: str, said: Any) -> None:
        if len(self._turns) >= TURNS_MAX:
            self._turns.clear()
        if not isinstance(said, Exception):
            self._turns[user_id] = int(said or 0)

    async def conclude(self, intent: Intent, facts: Sequence[Fact], ticket: str | None = None) -> None:
        """The facts, how the intent ended, and the ticket. Raises StoreUnavailable when not all of it was written."""
        pipe = self._line.pipe
        if pipe is None:
            await self._conclude_slowly(intent, facts, ticket)
            return
        args: list[str | bytes] = []
        now_ms = self._clock.now_ms()
        for fact in facts:
            args.extend(fact_args(fact, intent.user_id, now_ms))
        fence = keys.of_shard(self._shard(intent.user_id), "fence")
        known = "1" if intent.outcome in (Outcome.ACCEPTED, Outcome.REJECTED) else "0"
        names, member = self._names(intent)
        refusals: list[Exception] = []

        def hear(reply: Any) -> None:
            if isinstance(reply, Exception):
                refusals.append(reply)

        pipe.send(("EVALSHA", RECORD.sha, 1, fence, "", *args), hear)
        if ticket is not None:
            pipe.send(to_put_ticket(ticket, intent.user_id, _standing(intent)), hear)
        await self._ask(
            pipe, "EVALSHA", RESOLVE.sha, 2, *names, msgspec.json.encode(intent), INTENT_TTL_S * 1000, member, known
        )
        if refusals:
            raise StoreUnavailable(f"Redis: {str(refusals[0])[:200]}")

    async def _conclude_slowly(self, intent: Intent, facts: Sequence[Fact], ticket: str | None) -> None:
        await self._events.record(facts, intent.user_id)
        await self._intents.resolve(intent)
        if ticket is not None:
            await self._users.put_ticket(ticket, intent.user_id, _standing(intent))

    async def _ask(self, pipe: Pipe, *command: str | bytes | int) -> Any:
        """A Redis that has forgotten the scripts is left, and found again with them."""
        try:
            return await pipe.ask(*command)
        except StoreUnavailable:
            pipe.close()
            raise

    def _names(self, intent: Intent) -> tuple[tuple[str, str], str]:
        shard = self._shard(intent.user_id)
        intent_name = keys.of_user(shard, intent.user_id, f"intent:{intent.id}")
        return (intent_name, keys.of_shard(shard, "unresolved")), f"{intent.user_id}/{intent.id}"

    def _shard(self, user_id: str) -> int:
        return keys.shard_of(user_id, self._redis.shards)


def _standing(intent: Intent) -> str:
    """A ticket opens no longer than the account's keys do."""
    return standing_of(intent.user_id, intent.account_id)
