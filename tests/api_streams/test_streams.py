"""The stream as a caller sees it: what is sent first, what a cursor brings back, and what is refused."""

from __future__ import annotations

import asyncio
from itertools import count

import orjson
import pytest

from shared.model import Order
from shared.store.events import to_place
from tests.api_streams.conftest import Api, MakeApi, until
from tests.api_streams.sse import Follower
from tests.facts import a_fill, an_order

_numbers = count(1)


@pytest.fixture
def user() -> str:
    """A user whom no other test knows: Redis is shared."""
    return f"user-{next(_numbers)}"


def orders(user: str, first: int, how_many: int) -> list[Order]:
    return [an_order(id=str(number), user_id=user) for number in range(first, first + how_many)]


async def get(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    follower = await Follower.connect(port, path, Connection="close")
    size = int(follower.headers["content-length"])
    await until(lambda: len(follower.body) >= size)
    await follower.close()
    return follower.status, follower.headers, bytes(follower.body)


async def test_a_first_connect_gets_a_snapshot_and_then_what_happens(api: Api, user: str) -> None:
    """Section 5.4: headers, `retry` at once, the snapshot with its cursor, then each event as it is recorded."""
    known = await api.store.events.record(orders(user, 1, 2), user)
    follower = await api.follow(user)
    await follower.until_told(1)
    live = await api.store.events.record([*orders(user, 3, 1), a_fill(id="f1", user_id=user)], user)
    snapshot, order, fill = await follower.until_told(3)

    assert follower.status == 200
    assert follower.headers["content-type"] == "text/event-stream"
    assert follower.headers["cache-control"] == "no-store, no-transform"
    assert follower.headers["x-accel-buffering"] == "no"
    assert follower.body.startswith(b"retry: 2000\n\nevent: snapshot\nid: ")
    assert snapshot.id == snapshot.data["cursor"] == known[-1]
    assert {shown["id"] for shown in snapshot.data["orders"]} == {"1", "2"}
    assert (order.id, order.name, order.data["id"]) == (live[0], "", "3")
    assert (fill.id, fill.name, fill.data["id"]) == (live[1], "fill", "f1")
    await follower.close()


async def test_a_cursor_resumes_byte_for_byte_on_any_process(make_api: MakeApi, user: str) -> None:
    """A reader that comes back, even to another process, reads exactly the bytes that others saw."""
    here, there = await make_api(), await make_api()
    witness = await here.follow(user)
    await witness.until_told(1)
    await here.store.events.record(orders(user, 1, 6), user)
    told = await witness.until_told(7)
    place = told[3].id
    resumed = [
        await here.follow(user, Last_Event_ID=place),
        await there.follow(user, Last_Event_ID=place),
        await there.follow(user, f"?last_event_id={place}"),
        await there.follow(user, "?last_event_id=1-1", Last_Event_ID=place),
    ]
    await there.store.events.record(orders(user, 7, 2), user)
    await witness.until_told(9)
    after = bytes(witness.body).split(f"id: {place}\n".encode())[1].partition(b"\n\n")[2]

    for follower in resumed:
        await follower.until_told(5)
        assert bytes(follower.body) == b"retry: 2000\n\n" + after
        await follower.close()
    await witness.close()


async def test_a_cursor_at_the_newest_event_is_told_nothing_twice(api: Api, user: str) -> None:
    last = (await api.store.events.record(orders(user, 1, 3), user))[-1]
    follower = await api.follow(user, Last_Event_ID=last)
    await api.store.events.record(orders(user, 4, 1), user)
    told = await follower.until_told(1)

    assert [event.data["id"] for event in told] == ["4"]
    await follower.close()


@pytest.mark.parametrize("what", ["malformed", "too new", "trimmed", "foreign", "the beginning"])
async def test_a_cursor_that_cannot_resume_gets_a_reset_and_a_snapshot(api: Api, user: str, what: str) -> None:
    """Never silently blind: the stream says that it cannot, and the snapshot's own cursor always resumes."""
    ids = await api.store.events.record(orders(user, 1, 5), user)
    ms, _ = to_place(ids[-1])
    cursor = {"malformed": "yesterday", "too new": f"{ms + 60_000}-0", "trimmed": ids[0], "foreign": f"{ms - 1}-77"}
    cursor["the beginning"] = "0-0"
    if what == "trimmed":
        await api.store.redis("XTRIM", api.store.events.channel(user), "MAXLEN", 2)
    follower = await api.follow(user, Last_Event_ID=cursor[what])
    reset, snapshot = await follower.until_told(2)
    again = await api.follow(user, Last_Event_ID=snapshot.id)
    await api.store.events.record(orders(user, 6, 1), user)

    assert (reset.id, reset.name) == ("", "reset")
    assert reset.data["reason"] == ("malformed" if what == "malformed" else "not_kept")
    assert (snapshot.name, snapshot.id, len(snapshot.data["orders"])) == ("snapshot", ids[-1], 5)
    assert [event.data["id"] for event in await again.until_told(1)] == ["6"]
    await follower.close()
    await again.close()


async def test_a_snapshot_of_a_user_without_events_resumes_too(api: Api, user: str) -> None:
    first = await api.follow(user)
    (snapshot,) = await first.until_told(1)
    again = await api.follow(user, Last_Event_ID=snapshot.id)
    await api.store.events.record(orders(user, 1, 1), user)

    assert snapshot.id == "0-0"
    assert [event.data["id"] for event in await again.until_told(1)] == ["1"]
    await first.close()
    await again.close()


async def test_channels_narrow_the_events_and_the_snapshots_lists(api: Api, user: str) -> None:
    """A list that was not asked for is there and empty, so that the snapshot's shape never changes."""
    await api.store.events.record(orders(user, 1, 1), user)
    fills = await api.follow(user, "?channels=fills,positions")
    everything = await api.follow(user)
    await everything.until_told(1)
    (snapshot,) = await fills.until_told(1)
    await api.store.events.record([*orders(user, 2, 1), a_fill(id="f1", user_id=user)], user)
    await everything.until_told(3)

    assert snapshot.data["orders"] == [] and snapshot.data["sessions"] == []
    assert [event.name for event in await fills.until_told(2)] == ["snapshot", "fill"]
    assert everything.names == ["snapshot", "", "fill"]
    await fills.close()
    await everything.close()


async def test_an_unknown_channel_is_refused_by_name(api: Api, user: str) -> None:
    status, _, body = await get(api.port, f"/sse/orders/{user}?channels=orders,rumours")
    (field,) = orjson.loads(body)["error"]["fields"]

    assert (status, field["field"]) == (400, "channels")
    assert "rumours" in field["message"]


@pytest.mark.parametrize(("who", "status"), [("stranger", 401), ("nobody", 404)])
async def test_the_door_is_asked_before_anything_else(api: Api, who: str, status: int) -> None:
    for path in (f"/sse/orders/{who}?channels=rumours", f"/sse/sse/orders/{who}", f"/api/v1/events?user_id={who}"):
        assert (await get(api.port, path))[0] == status


async def test_the_old_path_works_and_a_ticket_becomes_a_cookie(api: Api, user: str) -> None:
    follower = await Follower.connect(api.port, f"/sse/sse/orders/{user}?ticket=once")
    await follower.until_told(1)

    assert follower.headers["set-cookie"].startswith(f"ow={user};")
    await follower.close()


async def test_an_http_1_0_caller_gets_bare_bytes(api: Api, user: str) -> None:
    follower = await api.follow(user, version="1.0")
    await follower.until_told(1)
    await api.store.events.record(orders(user, 1, 1), user)
    await follower.until_told(2)

    assert "transfer-encoding" not in follower.headers
    assert follower.body.startswith(b"retry: 2000\n\n") and follower.order_ids == ["1"]
    await follower.close()


async def test_a_comment_comes_whether_or_not_anything_happens(make_api: MakeApi, user: str) -> None:
    api = await make_api(heartbeat_s=0.3)
    follower = await api.follow(user)
    await follower.until_told(1)
    await until(lambda: bytes(follower.body).count(b"\n: heartbeat\n\n") >= 3, 3)

    assert follower.names == ["snapshot"]
    await follower.close()


async def test_a_reader_that_leaves_is_forgotten_at_once_and_its_feed_soon(make_api: MakeApi, user: str) -> None:
    """Nothing of a reader stays: not in the fan-out, and not as a subscription at Redis."""
    api = await make_api(linger_s=0.0, sweep_s=0.05)
    followers = [await api.follow(user) for _ in range(3)]
    assert api.fanout.readers == 3
    for follower in followers:
        await follower.close()
    await until(lambda: api.fanout.readers == 0, 1)
    await until(lambda: api.fanout.followed == 0, 1)
    async with asyncio.timeout(2):
        while await api.store.redis("PUBSUB", "CHANNELS", api.store.events.channel(user)):
            await asyncio.sleep(0.005)


async def test_a_reader_keeps_its_users_sessions_awake(api: Api, user: str) -> None:
    follower = await api.follow(user)
    async with asyncio.timeout(5):
        while not await api.store.sessions.has_reader(user):
            await asyncio.sleep(0.005)
    await follower.close()


async def test_a_stopping_process_ends_its_streams_promptly(make_api: MakeApi, user: str) -> None:
    """Browsers reconnect elsewhere; the process does not wait for readers that would never leave."""
    api = await make_api()
    followers = [await api.follow(user) for _ in range(20)]
    await asyncio.gather(*(follower.until_told(1) for follower in followers))
    async with asyncio.timeout(1.5):
        await api.runner.cleanup()
        for follower in followers:
            await follower.ended.wait()
            await follower.close()


async def test_events_are_told_as_plain_json_too(api: Api, user: str) -> None:
    ids = await api.store.events.record([*orders(user, 1, 3), a_fill(id="f1", user_id=user)], user)
    status, _, first = await get(api.port, f"/api/v1/events?user_id={user}&limit=2")
    _, _, rest = await get(api.port, f"/api/v1/events?user_id={user}&after={ids[1]}")
    _, _, none = await get(api.port, f"/api/v1/events?user_id={user}&after={ids[-1]}")
    gone_status, _, gone = await get(api.port, f"/api/v1/events?user_id={user}&after=1-1")
    bad_status, _, _ = await get(api.port, f"/api/v1/events?user_id={user}&limit=-3")

    assert status == 200 and orjson.loads(first)["cursor"] == ids[1]
    assert [event["id"] for event in orjson.loads(rest)["events"]] == ids[2:]
    assert [event["kind"] for event in orjson.loads(rest)["events"]] == ["order", "fill"]
    assert orjson.loads(none) == {"events": [], "cursor": ids[-1]}
    assert (gone_status, orjson.loads(gone)["error"]["code"], bad_status) == (410, "cursor_gone", 400)
