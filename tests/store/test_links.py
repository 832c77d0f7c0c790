"""Links: a trigger keeps the order it protects; the order it became names its trigger, whoever comes first."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import msgspec
import orjson
import pytest

from shared.model import Order, Trigger
from shared.settings import Settings
from shared.store import Store
from shared.store.intents import Intent
from tests.facts import a_trigger, an_order


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store(Settings.from_env({"REDIS_URL": redis_url}))
    yield store
    await store.close()


def the_gateways() -> Trigger:
    """As the desk tells it when the venue has taken it."""
    return a_trigger(origin="gateway", parent_id="11", updated_at_ms=5)


def the_venues(status: str = "open", child_id: str | None = None, updated_at_ms: int = 6) -> Trigger:
    """As a venue's row tells it: nothing of who wanted it."""
    return a_trigger(status=status, child_id=child_id, updated_at_ms=updated_at_ms)


def the_child(status: str = "open", updated_at_ms: int = 7) -> Order:
    filled = "10" if status == "filled" else "0"
    return an_order(id="22", status=status, filled=filled, remaining="0", updated_at_ms=updated_at_ms)


FACTS = (the_gateways, the_venues, lambda: the_venues("fired", "22", 8), the_child, lambda: the_child("filled", 9))


@pytest.mark.parametrize("turns", list(itertools.permutations(range(len(FACTS)))))
async def test_the_links_are_there_whatever_the_order_of_arrival(store: Store, turns: tuple[int, ...]) -> None:
    """The desk's word, the push and the child's rows come by three ways; each may be the first."""
    for turn in turns:
        await store.events.record([FACTS[turn]()], "u1")

    records = (await store.events.snapshot("u1")).records
    trigger, child = orjson.loads(records["trigger"][0]), orjson.loads(records["order"][0])
    assert (trigger["status"], trigger["parent_id"], trigger["child_id"]) == ("fired", "11", "22")
    assert (child["status"], child["parent_id"], child["origin"]) == ("filled", trigger["id"], "gateway")
    assert trigger["origin"] == "gateway"


@pytest.mark.parametrize("turns", list(itertools.permutations(range(len(FACTS)))))
async def test_a_reader_who_only_sees_events_knows_the_links_too(store: Store, turns: tuple[int, ...]) -> None:
    await store.events.record([FACTS[turn]() for turn in turns], "u1")

    folded = {}
    for event in await store.events.after("u1", "0-0", 100):
        folded[event.kind] = event.data
    records = (await store.events.snapshot("u1")).records
    assert [folded["trigger"]] == records["trigger"] or same_but_times(folded["trigger"], records["trigger"][0])
    assert same_but_times(folded["order"], records["order"][0])


async def test_each_link_is_one_event(store: Store) -> None:
    """A child that was told before its trigger is told once more, and only once."""
    await store.events.record([the_child("filled", 9)], "u1")
    await store.events.record([the_venues("fired", "22", 8)], "u1")
    await store.events.record([the_venues("fired", "22", 8), the_child("filled", 9)], "u1")

    told = [(event.kind, orjson.loads(event.data)["parent_id"]) for event in await store.events.after("u1", "0-0", 100)]
    assert told == [("order", None), ("trigger", None), ("order", a_trigger().id)]


async def test_somebody_elses_trigger_makes_no_order_ours(store: Store) -> None:
    await store.events.record([the_venues("fired", "22", 8), the_child()], "u1")

    child = msgspec.json.decode((await store.events.snapshot("u1")).records["order"][0], type=Order)
    assert (child.parent_id, child.origin) == (a_trigger().id, "external")


def same_but_times(one: bytes, other: bytes) -> bool:
    left, right = orjson.loads(one), orjson.loads(other)
    return {**left, "times": None} == {**right, "times": None}


@pytest.mark.parametrize(("action", "parent_id"), [("place", "11"), ("trigger", None)])
async def test_a_trigger_with_the_text_of_an_order_was_attached_to_it(
    store: Store, action: str, parent_id: str | None
) -> None:
    """A venue names what an attached guard has become by its order's text, and by nothing else."""
    intent = Intent(
        id="ow7", user_id="u1", account_id="gate-1", venue="gate", environment="paper", action=action,
        symbol="BTC_USDT", digest="", created_at_ms=1,
    )  # fmt: skip
    await store.intents.intend(intent)
    await store.intents.resolve(
        msgspec.structs.replace(intent, outcome="accepted", order_id="11", answer={"body": "{}"})
    )

    await store.events.record([a_trigger(client_order_id="ow7")], "u1")

    (told,) = map(orjson.loads, (await store.events.snapshot("u1")).records["trigger"])
    assert (told["parent_id"], told["origin"]) == (parent_id, "gateway")
