"""Lists and wallets: page after page for a resync, one page for people, with the venue's own row beside each fact."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from shared.errors import UnknownWord, VenueUnknown
from shared.exchanges.base import Ask, Leverage, Page
from shared.model import Balance, Fact, Fill, Order, Position, Trigger
from tests.venues.gate.frames import AT_MS, VENUE, WIRE, frame, reply


def test_a_list_goes_on_while_its_pages_are_full() -> None:
    ask = WIRE.snapshot(0)[0]
    row = json.loads(frame("rest_order_open"))
    following = ask.next_page(reply([row] * 100))

    assert following is not None and dict(following.request.query)["offset"] == "100"
    assert following.next_page(reply([row] * 99)) is None


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        (Page(), [("100", "0")]),
        (Page(1, 7), [("1", "7")]),
        (Page(250, 10), [("100", "10"), ("100", "110"), ("50", "210")]),
    ],
)
def test_a_page_has_as_many_rows_as_were_asked_for(page: Page, asked: list[tuple[str, str]]) -> None:
    """The venue gives a hundred at a time."""
    row = json.loads(frame("rest_order_open"))
    ask: Ask | None = WIRE.orders("BTC_USDT", "open", page)
    queries = []
    while ask is not None:
        query = dict(ask.request.query)
        queries.append((query["limit"], query["offset"]))
        ask = ask.next_page(reply([row] * int(query["limit"])))

    assert queries == asked


def test_a_page_that_is_not_full_is_the_last() -> None:
    ask = WIRE.orders(None, "finished", Page(250))

    assert ask.next_page(reply([json.loads(frame("rest_order_open"))] * 99)) is None


SHOWN: dict[str, tuple[Callable[[], Ask], str, type[Fact]]] = {
    "orders": (lambda: WIRE.orders("BTC_USDT", "finished", Page()), "rest_orders_cancelled", Order),
    "fills": (lambda: WIRE.fills("BTC_USDT", None, Page()), "rest_fills", Fill),
    "triggers": (lambda: WIRE.triggers("BTC_USDT", "open", Page()), "rest_triggers", Trigger),
    "positions": (lambda: WIRE.positions("BTC_USDT"), "rest_positions_hedged", Position),
    "spot": (lambda: WIRE.balances()["spot"], "rest_spot_accounts", Balance),
}


@pytest.mark.parametrize("what", SHOWN)
def test_what_people_read_has_the_venues_own_row_beside_it(what: str) -> None:
    """Byte for byte: whoever misses a field of ours finds it there."""
    ask, name, kind = SHOWN[what]
    facts, rows = ask().read(reply(frame(name))), json.loads(frame(name))

    assert [type(fact) for fact in facts] == [kind] * len(rows)
    assert [json.loads(bytes(raw_of(fact))) for fact in facts] == rows
    assert json.loads(facts[0].to_json())["raw"] == rows[0]


def raw_of(fact: Fact) -> msgspec.Raw:
    assert isinstance(fact.raw, msgspec.Raw)
    return fact.raw


def test_the_newest_stands_first() -> None:
    old, new = json.loads(frame("rest_order_open")), json.loads(frame("rest_order_open"))
    new |= {"id": 2, "create_time": 1_786_000_009.5}
    orders = WIRE.orders(None, "open", Page()).read(reply([old, new]))

    assert [fact.id for fact in orders if isinstance(fact, Order)] == ["2", str(old["id"])]
    assert [json.loads(bytes(raw_of(fact)))["id"] for fact in orders] == [2, old["id"]]


def test_what_a_resync_reads_carries_no_row() -> None:
    """It is recorded by the thousand."""
    (order,) = WIRE.snapshot(0)[0].read(reply([json.loads(frame("rest_order_open"))]))

    assert order.raw is msgspec.UNSET and b'"raw"' not in order.to_json()


@pytest.mark.parametrize("what", SHOWN)
def test_a_list_that_cannot_be_read_says_so(what: str) -> None:
    ask, name, _kind = SHOWN[what]
    row = json.loads(frame(name))[0]
    numbers = [field for field in ("size", "available") if field in row]
    odd = row | ({"initial": 5} if "initial" in row else dict.fromkeys(numbers, "NaN"))
    for body in (reply(b"<html>"), reply(b"{}")):
        with pytest.raises(VenueUnknown):
            ask().read(body)
    with pytest.raises((UnknownWord, VenueUnknown)):
        ask().read(reply([odd]))


# Wallets.


def wallet(name: str, body: bytes, x_out_time: str = "") -> list[Balance]:
    facts = WIRE.balances()[name].read(reply(body, x_out_time=x_out_time))
    assert all(isinstance(fact, Balance) for fact in facts)
    return [fact for fact in facts if isinstance(fact, Balance)]


def test_the_futures_wallet_is_the_one_that_a_resync_reads() -> None:
    """With the row beside it."""
    (balance,) = wallet("futures", frame("rest_account"), x_out_time="1786000090123456")

    assert (balance.id, balance.total, balance.available) == ("futures:USDT", "10296.16455822737", "10215.46455822737")
    assert json.loads(bytes(raw_of(balance)))["position_mode"] == "single"


def test_the_spot_wallet_has_all_that_is_there_and_says_what_is_free() -> None:
    """Exact to the last digit, and dated by the reply, since its rows have no time."""
    tether, empty = wallet("spot", frame("rest_spot_accounts"), x_out_time="1786000090123456")

    assert (tether.id, tether.total) == ("spot:USDT", "13.000000000000000001")
    assert (tether.available, tether.frozen) == ("12.500000000000000001", "0.5")
    assert (tether.updated_at_ms, empty.total) == (1_786_000_090_123, "0")
    assert wallet("spot", frame("rest_spot_accounts"))[0].updated_at_ms == AT_MS


def test_the_unified_wallet_is_worth_its_equity() -> None:
    """What is owed of a currency counts against it."""
    tether, ether = wallet("unified", frame("rest_unified_accounts"))

    assert (tether.id, tether.total, tether.available) == ("unified:USDT", "10296.16455822737", "10215.46455822737")
    assert (tether.frozen, tether.updated_at_ms) == ("80.7", 1_786_000_003_000)
    assert (ether.wallet, ether.asset, ether.total) == ("unified", "ETH", "-0.075393666654")
    assert json.loads(bytes(raw_of(ether)))["borrowed"] == "0.075393666654"


def test_a_wallet_without_an_equity_has_what_is_free_and_what_is_not() -> None:
    (balance,) = wallet("unified", b'{"balances":{"usdt":{"available":"1.5","freeze":"0.25"}}}')

    assert (balance.asset, balance.total, balance.available, balance.frozen) == ("USDT", "1.75", "1.5", "0.25")


@pytest.mark.parametrize("name", ["futures", "spot", "unified"])
def test_no_wallet_yet_is_a_definite_answer(name: str) -> None:
    """A futures account comes to be with the first transfer into it; that is no wrong key."""
    ask = WIRE.balances()[name]
    none_yet = VENUE.refusal(ask.request, reply(b'{"label":"USER_NOT_FOUND"}', 400))
    forbidden = VENUE.refusal(ask.request, reply(b'{"label":"FORBIDDEN"}', 403))

    assert none_yet is not None and forbidden is not None
    assert (ask.absent(none_yet), ask.absent(forbidden)) == (True, False)


# Leverage, modes and identity.


@pytest.mark.parametrize(
    ("body", "status", "known"),
    [
        (frame("rest_position"), 200, Leverage("5", "isolated")),
        (frame("rest_position_cross"), 200, Leverage("20", "cross")),
        (frame("rest_positions_hedged"), 200, Leverage("5", "isolated")),
        (b'[{"contract":"X","size":1,"leverage":5},{"contract":"X","size":1,"leverage":6}]', 200, None),
        (b'{"label":"POSITION_NOT_FOUND"}', 400, None),
        (b'{"label":"POSITION_DUAL_MODE"}', 400, None),
    ],
)
def test_leverage_is_known_when_the_venue_says_it(body: bytes, status: int, known: Leverage | None) -> None:
    """In hedge mode an array comes where an object was promised; a contract never used has no position to ask."""
    request, answer = WIRE.leverage("BTC_USDT"), reply(body, status)

    assert VENUE.refusal(request, answer) is None
    assert WIRE.to_leverage(answer) == known


@pytest.mark.parametrize(
    ("body", "mode"),
    [
        (frame("rest_account"), "one_way"),
        (frame("rest_account_dual"), "hedge"),
        (b'{"in_dual_mode":true}', "hedge"),
        (b'{"in_dual_mode":false,"position_mode":""}', "one_way"),
    ],
)
def test_the_position_mode_is_read_in_its_new_and_its_old_form(body: bytes, mode: str) -> None:
    assert WIRE.to_position_mode(reply(body)) == mode


@pytest.mark.parametrize("body", [b'{"position_mode":"dual_plus","in_dual_mode":true}', b"{}"])
def test_a_position_mode_that_we_do_not_know_is_not_guessed(body: bytes) -> None:
    """In split mode there are more positions on a side than one."""
    with pytest.raises(UnknownWord):
        WIRE.to_position_mode(reply(body))


def test_identity_is_the_uid_and_the_clock_is_in_milliseconds() -> None:
    assert VENUE.to_identity(reply(frame("rest_account"))) == "20000001"
    assert VENUE.to_identity(reply({"user_id": 15564602})) == "15564602"
    assert VENUE.to_clock_ms(reply({"server_time": 1_700_000_000_123})) == 1_700_000_000_123


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"id":1,"contract":"X_USDT","status":"odd","size":1}']
)
def test_an_accepted_write_with_an_unreadable_answer_is_unknown(body: bytes) -> None:
    """It was carried out, or not: only asking will tell."""
    with pytest.raises(VenueUnknown):
        WIRE.to_order(reply(body, 201))
