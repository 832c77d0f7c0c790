"""Leases, wishes, claims, tickets and intents: each promise of theirs, tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from shared.errors import BadSetting
from shared.settings import Settings
from shared.store import Store, keys, wire
from shared.store.intents import Intent
from shared.store.leases import Beat
from shared.store.sessions import Wish
from shared.store.users import Claim, Holder


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    yield store
    await store.close()


def an_intent(**words: object) -> Intent:
    said: dict[str, object] = {
        "id": "t-1", "user_id": "alice", "account_id": "gate-1", "venue": "gate", "environment": "paper",
        "action": "place", "symbol": "BTC_USDT", "digest": "d", "created_at_ms": 1, **words,
    }  # fmt: skip
    return msgspec.convert(said, Intent)


async def test_a_shard_has_one_owner(store: Store) -> None:
    """Twenty workers ask at once; one gets it."""
    claims = await asyncio.gather(*(store.leases.claim(5, f"w-{number}") for number in range(20)))

    assert sum(lease is not None for lease in claims) == 1
    assert len(await store.leases.owners()) == 1


async def test_a_shard_is_taken_only_from_the_owner_that_was_meant(store: Store) -> None:
    """A hand-over that was prepared against yesterday's owner must not hit today's."""
    first = await store.leases.claim(5, "w-1")

    assert await store.leases.claim(5, "w-2", taken_from="w-3") is None
    taken = await store.leases.claim(5, "w-2", taken_from="w-1")
    assert first and taken and taken.fence == first.fence + 1
    assert await store.leases.renew("w-1", [first]) == [first]
    assert await store.leases.renew("w-2", [taken]) == []


async def test_a_lease_ends_by_itself(store: Store) -> None:
    """A dead worker's shards become free without anybody's help."""
    store.leases.ttl_s = 0.05
    await store.leases.claim(5, "w-1")

    async with asyncio.timeout(5):
        while await store.leases.claim(5, "w-2") is None:
            pass


async def test_heartbeats_say_who_is_there(store: Store) -> None:
    """Every worker sees the same list, aged by Redis' clock and not by its own."""
    for name in ("w-1", "w-2"):
        await store.leases.beat(Beat(worker_id=name, pid=1, host="h", started_at_ms=1, shards={3: 1}))

    beats = await store.leases.beat(None)
    assert [(beat.worker_id, beat.shards) for beat in beats] == [("w-1", {3: 1}), ("w-2", {3: 1})]
    assert all(0 <= beat.age_s < 5 for beat in beats)
    await store.leases.goodbye("w-1")
    assert [beat.worker_id for beat in await store.leases.beat(None)] == ["w-2"]


async def test_a_wish_turns_the_shard_and_rings_once(store: Store) -> None:
    """Saying the same wish again is no news to anybody."""
    rung: list[bytes] = []
    ears = await wire.connect(store.redis.url, lambda: wire.Ears(lambda many: rung.extend(data for _, data in many)))
    await ears.subscribe(keys.BELL)
    wish = Wish("alice", "gate-1", "gate", "paper")
    shard = keys.shard_of("alice", 256)

    assert [await store.sessions.want(wish), await store.sessions.want(wish)] == [True, False]
    assert await store.sessions.wishes(shard) == [wish]
    await store.sessions.stir("alice", 7)
    assert await store.sessions.turns([shard]) == {shard: 2}
    assert (await store.sessions.wishes_of("alice"))[0].stirred == 7
    assert await store.sessions.unwant(wish)
    await ears.ask("PING")
    ears.close()
    assert rung == [str(shard).encode()] * 3


async def test_a_user_id_belongs_to_who_came_first(store: Store) -> None:
    """Also when two come at once."""
    claims = await asyncio.gather(*(store.users.claim(Claim("alice", f"gate-{n}", n)) for n in range(10)))

    assert len({claim.account_id for claim in claims}) == 1


async def test_a_ticket_opens_once_and_stands_nowhere(store: Store) -> None:
    """A ticket goes through URLs and logs of proxies; what Redis holds is not enough to use it."""
    await store.users.put_ticket("the-ticket", "alice")

    assert not any(b"the-ticket" in key for key in await store.redis("KEYS", "*"))
    opened = [await store.users.take_ticket("the-ticket"), await store.users.take_ticket("the-ticket")]
    assert opened == [Holder("alice", None), None]


async def test_an_intent_is_written_once_and_its_outcome_stays(store: Store) -> None:
    """One command, one outcome: whoever comes second hears of the first."""
    firsts = await asyncio.gather(*(store.intents.intend(an_intent()) for _ in range(10)))
    assert sum(first is None for first in firsts) == 1

    assert [intent.id for intent in await store.intents.unresolved(keys.shard_of("alice", 256), 10**15)] == ["t-1"]
    assert await store.intents.resolve(an_intent(outcome="unknown"))
    assert await store.intents.resolve(an_intent(outcome="accepted", order_id="5"))
    assert not await store.intents.resolve(an_intent(outcome="rejected"))
    known = await store.intents.get("alice", "t-1")
    assert known and (known.outcome, known.order_id) == ("accepted", "5")
    assert await store.intents.unresolved(keys.shard_of("alice", 256), 10**15) == []


async def test_processes_must_agree_on_the_shards(store: Store, redis_url: str) -> None:
    """Two cuts of the users into shards would be two owners of one user."""
    await store.redis.agree()
    other = Store(Settings.from_env({"REDIS_URL": redis_url, "SHARDS": "16"}))

    with pytest.raises(BadSetting, match="SHARDS"):
        await other.redis.agree()
    await other.close()


async def test_every_key_is_declared(store: Store) -> None:
    """A key that nobody declared has no lifetime and no owner."""
    declared = set(keys.KEYS)
    await store.users.claim(Claim("alice", "gate-1", 1))
    await store.sessions.want(Wish("alice", "gate-1", "gate", "paper"))
    await store.intents.intend(an_intent())
    await store.leases.claim(3, "w-1")

    for key in await store.redis("KEYS", "*"):
        name = key.decode()
        shape = name.replace("alice", "USER").replace(":t-1", ":ID")
        for shard in range(256):
            shape = shape.replace(f"{{s{shard}}}", "{sN}")
        assert shape in declared
