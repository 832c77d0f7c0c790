"""Lists of OKX: what a resync asks, how pages follow each other, and what people see of several lists at once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import UnknownWord, VenueUnknown
from shared.exchanges.base import Ask, Page, Request
from shared.exchanges.okx.wire import OkxWire
from shared.model import Fact, Order
from tests.venues.okx.frames import AT_MS, OWNER, WIRE, reply, said

DAY_MS = 86_400_000


def row(order_id: int, created_ms: int = 1_786_000_000_100) -> dict[str, Any]:
    told: dict[str, Any] = dict(said("rest_order_live")["data"][0])
    return told | {"ordId": str(order_id), "cTime": str(created_ms), "uTime": str(created_ms)}


def answer(rows: list[dict[str, Any]]) -> Any:
    return reply({"code": "0", "msg": "", "data": rows})


def walk(ask: Ask, pages: list[list[dict[str, Any]]]) -> tuple[list[Request], list[Fact]]:
    """Asks until there is nothing more to ask, as `Rest.ask` does."""
    requests, facts, at = [], list[Fact](), 0
    step: Ask | None = ask
    while step is not None:
        told = answer(pages[at] if at < len(pages) else [])
        requests.append(step.request)
        facts += step.read(told)
        step, at = step.next_page(told), at + 1
    return requests, facts


def asks_of(since_ms: int) -> dict[str, list[Ask]]:
    by_name: dict[str, list[Ask]] = {}
    for ask in WIRE.snapshot(since_ms):
        by_name.setdefault(ask.request.path.removeprefix("/api/v5/"), []).append(ask)
    return by_name


def test_a_resync_asks_for_everything_that_could_have_changed() -> None:
    since_ms = AT_MS - 60_000
    asks = asks_of(since_ms)

    assert {name: len(of_name) for name, of_name in asks.items()} == {
        "trade/orders-pending": 1,
        "trade/orders-history": 4,
        "trade/fills": 1,
        "trade/orders-algo-pending": 1,
        "trade/orders-algo-history": 9,
        "account/positions": 1,
        "account/balance": 1,
        "asset/balances": 1,
    }
    finished = [dict(ask.request.query) for ask in asks["trade/orders-history"]]
    assert {query["instType"] for query in finished} == {"SPOT", "MARGIN", "SWAP", "FUTURES"}
    assert {query["begin"] for query in finished} == {str(since_ms)}
    ended = [dict(ask.request.query) for ask in asks["trade/orders-algo-history"]]
    assert {query["state"] for query in ended} == {"effective", "canceled", "order_failed"}


def test_open_orders_are_paged_by_the_last_id_until_a_page_is_short() -> None:
    (ask,) = asks_of(AT_MS)["trade/orders-pending"]
    requests, facts = walk(ask, [[row(n) for n in range(200, 100, -1)], [row(7)]])

    assert [dict(request.query).get("after") for request in requests] == [None, "101"]
    assert len(facts) == 101


def test_triggers_of_every_kind_are_asked_for_one_kind_after_the_other() -> None:
    """Only two of the kinds may be asked for together."""
    requests, _ = walk(WIRE.open_triggers("BTC-USDT-SWAP"), [])

    assert [dict(request.query)["ordType"] for request in requests] == ["conditional,oco", "trigger", "move_order_stop"]
    assert all(dict(request.query)["instId"] == "BTC-USDT-SWAP" for request in requests)


@pytest.mark.parametrize(
    ("days", "names"), [(1, ["orders-history"]), (8, ["orders-history", "orders-history-archive"])]
)
def test_what_is_older_than_a_list_goes_back_is_found_in_its_archive(days: int, names: list[str]) -> None:
    """By the time of the answer, since nothing here has a clock."""
    since_ms = AT_MS - days * DAY_MS
    requests, _ = walk(asks_of(since_ms)["trade/orders-history"][0], [])

    assert [request.path.rpartition("/")[2] for request in requests] == names
    assert {dict(request.query)["begin"] for request in requests} == {str(since_ms)}


@pytest.mark.parametrize(("days", "archives"), [(1, 0), (4, 4)])
def test_older_fills_are_found_in_an_archive_for_each_kind_of_instrument(days: int, archives: int) -> None:
    requests, _ = walk(asks_of(AT_MS - days * DAY_MS)["trade/fills"][0], [])

    assert [request.path.rpartition("/")[2] for request in requests] == ["fills", *["fills-history"] * archives]


def test_triggers_that_ended_before_are_left_out() -> None:
    ask = asks_of(1_786_000_000_000)["trade/orders-algo-history"][0]
    rows = [
        dict(said("rest_algo_stop")["data"][0]) | {"state": "canceled", "uTime": at}
        for at in ("1785999999999", "1786000000000")
    ]

    assert [getattr(fact, "updated_at_ms", 0) for fact in ask.read(answer(rows))] == [1_786_000_000_000]


def test_a_row_that_says_something_new_is_an_unknown_word_and_garbage_is_not_known() -> None:
    ask = asks_of(0)["trade/orders-pending"][0]
    with pytest.raises(UnknownWord):
        ask.read(answer([row(1) | {"state": "paused"}]))
    with pytest.raises(UnknownWord):
        ask.read(answer([{"ordId": 1}]))
    with pytest.raises(VenueUnknown):
        ask.read(reply(b"<html>"))


# What people ask.


def test_a_page_for_people_has_rows_beside_its_facts_newest_first() -> None:
    rows = [row(3, 1_786_000_003_000), row(1, 1_786_000_001_000), row(2, 1_786_000_002_000)]
    _, facts = walk(WIRE.orders("BTC-USDT-SWAP", "open", Page(2)), [rows])

    assert [fact.id for fact in facts if isinstance(fact, Order)] == ["3", "2"]
    assert all(isinstance(fact.raw, type(facts[0].raw)) and b'"ordId"' in bytes(fact.raw) for fact in facts)  # type: ignore[arg-type]


def test_finished_orders_of_all_kinds_are_one_list() -> None:
    """The venue keeps them by kind of instrument; each is read far enough to have its share."""
    pages = [[row(40 + kind, 1_786_000_000_000 + kind)] for kind in range(4)]
    requests, facts = walk(WIRE.orders(None, "finished", Page(2, 1)), pages)

    assert [dict(request.query)["instType"] for request in requests] == ["SWAP", "FUTURES", "MARGIN", "SPOT"]
    assert [fact.id for fact in facts if isinstance(fact, Order)] == ["42", "41"]


@pytest.mark.parametrize(
    ("symbol", "kinds"),
    [("BTC-USDT", ["SPOT", "MARGIN"]), ("BTC-USDT-SWAP", ["SWAP"]), ("BTC-USDT-251226", ["FUTURES"])],
)
def test_of_one_instrument_only_its_kinds_are_asked_for(symbol: str, kinds: list[str]) -> None:
    requests, _ = walk(WIRE.orders(symbol, "finished", Page()), [])

    assert [dict(request.query)["instType"] for request in requests] == kinds


def test_a_page_that_begins_later_is_reached_through_the_ones_before() -> None:
    """The venue has no offsets, only the last id of a page."""
    pages = [
        [row(n, 1_786_000_000_000 + n) for n in range(300, 200, -1)],
        [row(n, 1_786_000_000_000 + n) for n in range(200, 170, -1)],
    ]
    requests, facts = walk(WIRE.orders("BTC-USDT-SWAP", "open", Page(20, 110)), pages)

    assert [(dict(request.query)["limit"], dict(request.query).get("after")) for request in requests] == [
        ("100", None), ("30", "201"),
    ]  # fmt: skip
    assert [fact.id for fact in facts if isinstance(fact, Order)] == [str(n) for n in range(190, 170, -1)]


def test_a_fill_that_two_lists_show_is_told_once() -> None:
    fills = said("rest_fills")["data"]
    requests, facts = walk(WIRE.fills("BTC-USDT-SWAP", None, Page()), [fills, fills])

    assert [request.path.rpartition("/")[2] for request in requests] == ["fills", "fills-history"]
    assert len(facts) == 2


def test_triggers_that_ended_are_asked_for_by_kind_and_by_end() -> None:
    requests, _ = walk(WIRE.triggers(None, "finished", Page()), [])

    assert len({request.query for request in requests}) == 9


def test_a_wire_of_another_account_remembers_nothing_of_this_one() -> None:
    first, second = OkxWire(OWNER, "1"), OkxWire(OWNER, "2")
    first.balances()["trading"].read(reply(said("rest_balance")))
    trading = {ask.request.path: ask for ask in second.snapshot(0)}["/api/v5/account/balance"]
    told = trading.read(reply({"code": "0", "msg": "", "data": [{"uTime": "1786000000500", "details": []}]}))

    assert told == []
