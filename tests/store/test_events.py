"""The record: one owner writes, facts move forward, and every event can be found again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import msgspec
import orjson
import pytest

from shared.errors import LeaseLost
from shared.model import Order, OutcomeEvent
from shared.settings import Settings
from shared.store import Store, events, keys, wire
from shared.store.events import Recorder, to_message, to_place
from shared.store.scripts import FINISHED_KEPT, RECORD, REMEMBERED, Script
from tests.facts import a_fill, an_order


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    yield store
    await store.close()


def life_of_an_order() -> list[Order]:
    return [
        an_order(updated_at_ms=1),
        an_order(status="partially_filled", filled="2", remaining="8", updated_at_ms=2),
        an_order(status="partially_filled", filled="2", remaining="8", price="30001", updated_at_ms=3),
        an_order(status="partially_filled", filled="7.5", remaining="2.5", updated_at_ms=4),
        an_order(status="cancelled", filled="7.5", remaining="2.5", updated_at_ms=5),
    ]


async def the_order(store: Store, user_id: str) -> Order:
    said = await store.events.record_of(user_id, "order", an_order().key())
    assert said is not None
    return msgspec.json.decode(said, type=Order)


async def test_a_worker_that_lost_its_lease_cannot_write(store: Store) -> None:
    """A second claim raises the fence, so the first worker's late update is refused and nothing is written."""
    shard = keys.shard_of("alice", 256)
    first = await store.leases.claim(shard, "w-1")
    await store.leases.release("w-1", [shard])
    second = await store.leases.claim(shard, "w-2")

    assert first and second and second.fence > first.fence
    with pytest.raises(LeaseLost):
        await store.events.record([an_order()], "alice", first.fence)
    assert (await store.events.snapshot("alice")).records["order"] == []
    assert await store.events.record([an_order()], "alice", second.fence) != [""]


async def test_shuffled_and_repeated_facts_end_in_the_same_record(store: Store) -> None:
    """Promise 3, in the script itself: 60 shuffles of a life with repeats all end as the venue's last word."""
    dice = random.Random(7)
    for turn in range(60):
        facts = life_of_an_order() * 2
        dice.shuffle(facts)
        await store.events.record(facts, f"u{turn}")

        final = await the_order(store, f"u{turn}")
        assert (final.status, final.filled, final.updated_at_ms) == ("cancelled", "7.5", 5)


async def test_facts_of_the_same_moment_end_alike_in_either_order(store: Store) -> None:
    """Two rows of one millisecond have no order of their own, so the script must have one."""
    one, other = an_order(price="30000", updated_at_ms=5), an_order(price="30001", updated_at_ms=5)

    await store.events.record([one, other], "u1")
    await store.events.record([other, one], "u2")

    assert (await the_order(store, "u1")).price == (await the_order(store, "u2")).price


async def test_an_order_told_twice_is_one_event(store: Store) -> None:
    """The REST answer and the WebSocket push say the same thing; readers hear it once."""
    by_rest, by_push = an_order(updated_at_ms=7), an_order(price="30000.0", updated_at_ms=9)

    ids = await store.events.record([by_rest, by_push, by_rest], "alice")

    assert [bool(id_) for id_ in ids] == [True, False, False]
    assert (await the_order(store, "alice")).updated_at_ms == 9


async def test_a_fee_that_comes_later_is_kept_and_is_no_event(store: Store) -> None:
    """The answer to a market order has no fee and the push of the same moment does; the fill told it to readers."""
    filled = {"status": "filled", "filled": "10", "remaining": "0", "updated_at_ms": 7}

    ids = await store.events.record([an_order(**filled), an_order(**filled, fee="0.1"), an_order(**filled)], "alice")

    assert [bool(id_) for id_ in ids] == [True, False, False]
    assert (await the_order(store, "alice")).fee == "0.1"


async def test_a_fill_is_told_once(store: Store) -> None:
    """After a reconnect REST lists fills again."""
    ids = await store.events.record([a_fill(), a_fill(), a_fill(id="2"), a_fill(symbol="ETH_USDT")], "alice")

    assert [bool(id_) for id_ in ids] == [True, False, True, True]


async def test_an_order_with_an_intent_is_ours_whoever_tells_it_first(store: Store) -> None:
    """The push may come before the answer to the POST, from a process that never heard of the command."""
    shard = keys.shard_of("alice", 256)
    await store.redis("SET", keys.of_user(shard, "alice", "intent:t-ours"), "{}")

    await store.events.record([an_order(client_order_id="t-ours")], "alice")
    await store.redis("DEL", keys.of_user(shard, "alice", "intent:t-ours"))
    await store.events.record([an_order(client_order_id="t-ours", filled="1", updated_at_ms=9)], "alice")
    await store.events.record([an_order(id="2", client_order_id="t-theirs")], "alice")

    orders = [orjson.loads(said) for said in await store.events.records("alice", "order")]
    assert {order["id"]: order["origin"] for order in orders} == {an_order().id: "gateway", "2": "external"}


async def test_each_message_names_the_event_before_it(store: Store) -> None:
    """That is how a reader knows that it missed one."""
    heard: list[bytes] = []
    ears = await wire.connect(store.redis.url, lambda: wire.Ears(lambda many: heard.extend(data for _, data in many)))
    await ears.subscribe(store.events.channel("alice"))
    ids = await store.events.record([an_order(), a_fill(), an_order(filled="1", updated_at_ms=9)], "alice")
    async with asyncio.timeout(5):
        while len(heard) < 3:
            await ears.ask("PING")
    ears.close()

    told = [to_message(message) for message in heard]
    assert [event.id for _, event in told] == ids
    assert [previous for previous, _ in told] == ["0-0", *ids[:-1]]
    assert [(event.id, event.kind, event.data) for _, event in told] == await store.events.after("alice", "0-0")


async def test_a_snapshot_and_its_cursor_agree(store: Store) -> None:
    """What follows the cursor is exactly what the snapshot does not show."""
    await store.events.record([an_order(), a_fill()], "alice")
    snapshot = await store.events.snapshot("alice")
    await store.events.record([an_order(id="2")], "alice")

    after = await store.events.after("alice", snapshot.cursor)

    assert [orjson.loads(event.data)["id"] for event in after] == ["2"]
    said = orjson.loads(snapshot.to_json("alice"))
    assert (said["user_id"], said["cursor"], len(said["orders"])) == ("alice", snapshot.cursor, 1)


async def test_only_a_cursor_that_is_kept_can_be_resumed(store: Store) -> None:
    """Malformed, foreign, newer or cut off: each must be told from one that lost nothing."""
    assert await store.events.holds("alice", "0-0")
    ids = await store.events.record([an_order(id=str(number)) for number in range(20)], "alice")
    foreign = await store.events.record([an_order()], "bob")

    assert all([await store.events.holds("alice", id_) for id_ in ids])
    ms, seq = to_place(ids[-1])
    for cursor in ("", "x", "1-1", f"{ms + 9999}-0", f"{ms}-{seq + 1}", "-1-0", "9" * 30 + "-0", "1_0-0", foreign[0]):
        assert not await store.events.holds("alice", cursor) or cursor in ids


async def test_a_cut_stream_says_so(store: Store) -> None:
    """A reader whose place is gone must hear `reset`, also one that started at the beginning."""
    recorder = Recorder(store.redis, events_kept=50)
    task = asyncio.create_task(recorder.run())
    shard = keys.shard_of("alice", 256)
    lease = await store.leases.claim(shard, "w-1")
    assert lease is not None
    async with asyncio.timeout(20):
        while not recorder.ready:
            await asyncio.sleep(0)
        for number in range(501):
            recorder.record(shard, lease.fence, [an_order(id=str(number))], "alice", lambda error: None)
        while recorder.recorded < 501:
            await recorder.drained()
    task.cancel()

    assert await store.redis("XLEN", store.events.channel("alice")) < 60
    assert not await store.events.holds("alice", "0-0")
    assert len((await store.events.snapshot("alice")).records["order"]) == 501


async def test_finished_orders_are_let_go_in_their_order(store: Store) -> None:
    """A user who trades for a year must not have a snapshot of a year; open orders stay however old."""
    await store.events.record([an_order(id="open")], "alice")
    finished = [an_order(id=str(number), status="filled") for number in range(520)]
    for start in range(0, 520, 40):
        await store.events.record(finished[start : start + 40], "alice")

    kept = {orjson.loads(said)["id"] for said in await store.events.records("alice", "order")}
    assert len(kept) == 501
    assert {"open", "519", "20"} <= kept
    assert "19" not in kept


async def test_outcomes_are_events_and_no_records(store: Store) -> None:
    """How a command ended belongs to the stream; the intent keeps it."""
    outcome = OutcomeEvent(
        id="t-1", user_id="alice", account_id="gate-1", venue="gate", environment="paper", client_order_id="t-1",
        outcome="unknown", order_id=None, reason="no answer", at_ms=1,
    )  # fmt: skip

    await store.events.record([outcome], "alice")

    assert [event.kind for event in await store.events.after("alice", "0-0")] == ["outcome"]
    assert all(not records for records in (await store.events.snapshot("alice")).records.values())


async def test_the_recorder_tells_a_zombie(store: Store) -> None:
    """A worker that slept through its lease learns it from its first write."""
    recorder = Recorder(store.redis, 1000)
    task = asyncio.create_task(recorder.run())
    shard = keys.shard_of("alice", 256)
    old = await store.leases.claim(shard, "w-1")
    await store.leases.claim(shard, "w-2", taken_from="w-1")
    refused: list[Exception] = []
    async with asyncio.timeout(5):
        while not recorder.ready:
            await asyncio.sleep(0)
        assert old is not None
        recorder.record(shard, old.fence, [an_order()], "alice", refused.append)
        while not refused:
            await asyncio.sleep(0)
    task.cancel()

    assert isinstance(refused[0], LeaseLost)
    assert await store.events.after("alice", "0-0") == []


async def test_what_was_let_go_is_not_news_when_it_is_told_again(store: Store) -> None:
    """A busy account: the venue tells two minutes anew every ten seconds, and that may be more than is kept."""
    orders = [
        an_order(id=str(number), status="cancelled", updated_at_ms=number) for number in range(1, FINISHED_KEPT + 200)
    ]
    fills = [a_fill(id=str(number)) for number in range(1, 1_500)]
    for facts in (orders, fills):
        assert "" not in await store.events.record(facts, "u1")

    assert set(await store.events.record([*orders, *fills], "u1")) == {""}
    late = an_order(id="1", status="open", updated_at_ms=1)
    assert await store.events.record([late], "u1") == [""]
    assert len((await store.events.snapshot("u1")).records["order"]) == FINISHED_KEPT


async def test_what_was_let_go_may_still_learn_something(store: Store) -> None:
    """A correction that the venue sends late is told, once, and keeps whose the order is."""
    await store.events.record([an_order(id="0", status="cancelled", updated_at_ms=1, origin="gateway")], "u1")
    await store.events.record(
        [an_order(id=str(number), status="cancelled", updated_at_ms=2) for number in range(1, FINISHED_KEPT + 5)], "u1"
    )
    corrected = an_order(id="0", status="cancelled", filled="1", remaining="9", updated_at_ms=3)

    assert await store.events.record([corrected], "u1") != [""]
    assert await store.events.record([corrected], "u1") == [""]
    said = await store.events.record_of("u1", "order", corrected.key())
    assert said is not None and msgspec.json.decode(said, type=Order).origin == "gateway"


async def test_what_is_remembered_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Script(RECORD.source.replace(f"> {REMEMBERED}", "> 30").replace(f"> {FINISHED_KEPT}", "> 10"))
    monkeypatch.setattr(events, "RECORD", small)
    facts = [an_order(id=str(number), status="cancelled", updated_at_ms=number) for number in range(100)]
    await store.events.record([*facts, *(a_fill(id=str(number)) for number in range(100))], "u1")

    base = keys.of_user(keys.shard_of("u1", 256), "u1", "")
    sizes = {name: int(await store.redis(command, base + name)) for name, command in SIZES.items()}
    assert sizes == {"finished": 10, "gone": 30, "gone_list": 30, "fills": 30, "filled": 30}


SIZES = {"finished": "LLEN", "gone": "HLEN", "gone_list": "LLEN", "fills": "HLEN", "filled": "LLEN"}
