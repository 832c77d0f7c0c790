"""The fold by itself: facts in, state out, run where it will run."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.browser.stub import Stub

FOLD = """async (events) => {
  const { empty, fold } = await import('/console/fold.js');
  const state = events.reduce(fold, empty());
  return { ...state, orders: [...state.orders.values()], log: state.log.map((entry) => entry.kind) };
}"""


async def folded(page: Page, stub: Stub, *events: dict[str, Any]) -> Any:
    await page.goto(stub.url)
    return await page.evaluate(FOLD, list(events))


def event(kind: str, place: str | None, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "id": place, "at_ms": 0, "data": {"account_id": "gate-1"} | data}


async def test_an_event_that_was_told_before_changes_nothing(page: Page, stub: Stub) -> None:
    """Cursors are compared as numbers: `9-9` comes before `9-10`, and the repeat of either is dropped."""
    first, second = event("order", "9-9", id="1", status="open"), event("order", "9-10", id="1", status="filled")
    state = await folded(page, stub, first, second, first, second)

    assert [order["status"] for order in state["orders"]] == ["filled"]
    assert state["log"] == ["order", "order"]
    assert state["cursor"] == "9-10"


async def test_a_snapshot_replaces_everything_even_when_its_cursor_is_older(page: Page, stub: Stub) -> None:
    """After a reset the record may have begun anew; the snapshot is the truth and its cursor counts."""
    old = event("order", "900-0", id="1", status="open")
    told = event("snapshot", "5-0", cursor="5-0", orders=[{"account_id": "gate-1", "id": "2", "status": "open"}])
    state = await folded(page, stub, old, told, event("order", "5-1", id="3", status="open"))

    assert [order["id"] for order in state["orders"]] == ["2", "3"]
    assert state["cursor"] == "5-1"


async def test_fills_are_kept_newest_first_and_survive_a_snapshot(page: Page, stub: Stub) -> None:
    """A snapshot lists no fills, so what was seen stays seen."""
    fills = [event("fill", f"{n}-0", id=str(n), symbol="BTC_USDT") for n in (1, 2)]
    state = await folded(page, stub, *fills, event("snapshot", "3-0", cursor="3-0"))

    assert [fill["id"] for fill in state["fills"]] == ["2", "1"]


async def test_only_finished_orders_are_let_go_when_there_are_too_many(page: Page, stub: Stub) -> None:
    """A page that is open for days forgets the oldest finished orders, never one that still stands."""
    standing = event("order", "1-0", id="standing", status="open")
    finished = [event("order", f"{n}-0", id=str(n), status="filled") for n in range(2, 600)]
    state = await folded(page, stub, standing, *finished)

    ids = [order["id"] for order in state["orders"]]
    assert len(ids) == 500
    assert "standing" in ids and "599" in ids and "2" not in ids
