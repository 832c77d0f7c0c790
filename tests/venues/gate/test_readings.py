"""What Gate says, in our words: our own frames, samples that others captured, and every row that can be made up."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import (
    KeyRefused,
    UnknownWord,
    VenueBusy,
    VenueError,
    VenueRefused,
    VenueUnknown,
)
from shared.exchanges.base import (
    Ack,
    Goodbye,
    Leverage,
    PartlyRead,
    PlaceOrder,
    PlaceTrigger,
    Pong,
    Refusal,
    Reply,
    Request,
)
from shared.exchanges.gate.wire import GateVenue, GateWire
from shared.model import Balance, Fact, Fill, Order, Owner, Position, Times, Trigger

FRAMES = Path(__file__).parents[1] / "frames" / "gate"
SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "gate"
OWNER = Owner("u-1", "a-1", "gate", "paper")
VENUE = GateVenue()
WIRE = GateWire(OWNER, "20000001")
AT_MS = 1_786_000_100_000


def frame(name: str) -> bytes:
    return (FRAMES / f"{name}.json").read_bytes()


def push(name: str) -> list[Fact]:
    message = WIRE.read(frame(name), AT_MS)
    assert isinstance(message, list)
    return message


def pushed_order(name: str) -> Order:
    (fact,) = push(name)
    assert isinstance(fact, Order)
    return fact


def reply(body: bytes | Any, status: int = 200, **headers: str) -> Reply:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, AT_MS)


# Orders.

ORDERS: dict[str, dict[str, Any]] = {
    "order_new_2024": {
        "status": "open",
        "side": "buy",
        "size": "7",
        "filled": "0",
        "remaining": "7",
        "price": "151.25",
    },
    "order_filled_2024": {"status": "filled", "filled": "7", "average_price": "151.25", "fee": None, "cause": None},
    "order_new_2026": {"status": "open", "side": "sell", "size": "40", "remaining": "40", "fee": "0"},
    "order_partly_filled": {
        "status": "partially_filled",
        "filled": "15",
        "remaining": "25",
        "average_price": "97000.5",
        "cause": None,
    },
    "order_filled_2026": {"status": "filled", "filled": "40", "remaining": "0", "fee": "-0.0388"},
    "order_cancelled": {"status": "cancelled", "filled": "15", "remaining": "25", "cause": None},
    "order_ioc_remainder": {
        "status": "cancelled",
        "cause": "ioc",
        "type": "market",
        "price": None,
        "filled": "0.5",
        "size": "0.7",
    },
    "order_post_only_refused": {"status": "cancelled", "cause": "post_only", "time_in_force": "post_only"},
    "order_self_trade": {"status": "cancelled", "cause": "self_trade"},
    "order_liquidation": {
        "status": "filled",
        "cause": "liquidation",
        "client_order_id": "liq-20000001",
        "position_side": "long",
    },
    "order_deleveraged": {"status": "filled", "cause": "adl"},
    "order_position_closed": {"status": "cancelled", "cause": "position_closed", "reduce_only": True},
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_push_says_in_our_words_what_the_venue_said(name: str) -> None:
    """State comes from status and sizes; the word for the end only says why."""
    order = pushed_order(name)

    assert {field: getattr(order, field) for field in ORDERS[name]} == ORDERS[name]


def test_an_order_has_its_ids_owner_times_and_both_names() -> None:
    """An id beyond 2^53 and a time of a millisecond survive as they are."""
    order = pushed_order("order_filled_2026")

    assert order.id == "58828270140077001"
    assert (order.client_order_id, order.origin, order.stop_price) == ("t-owsample26", "external", None)
    assert (order.user_id, order.account_id, order.venue, order.environment) == ("u-1", "a-1", "gate", "paper")
    assert (order.symbol, order.instrument, order.size_unit) == ("BTC_USDT", "BTC/USDT:USDT", "contracts")
    assert (order.created_at_ms, order.updated_at_ms) == (1_786_000_000_100, 1_786_000_002_300)
    assert order.times == Times(1_786_000_002_300, AT_MS, None)


@pytest.mark.parametrize(
    ("by_rest", "by_push"),
    [
        ("rest_order_open", "order_new_2026"),
        ("rest_order_open_2024", "order_new_2024"),
        ("rest_order_filled", "order_filled_2026"),
        ("rest_order_cancelled", "order_cancelled"),
    ],
)
def test_a_reply_and_a_push_about_the_same_state_are_the_same_fact(by_rest: str, by_push: str) -> None:
    """They race; whichever comes second is no event, and what only one of them knows, the fee, is kept."""
    told, pushed = WIRE.to_order(reply(frame(by_rest))), pushed_order(by_push)

    assert told.gist() == pushed.gist()
    assert told.rank().rsplit(" ", 1)[0] == pushed.rank().rsplit(" ", 1)[0]
    assert told.rank() <= pushed.rank()
    assert told.key() == pushed.key()
    unlike = {"times", "fee"}  # a REST row does not tell the fee
    assert {f: v for f, v in msgspec.structs.asdict(told).items() if f not in unlike} == {
        f: v for f, v in msgspec.structs.asdict(pushed).items() if f not in unlike
    }


def test_several_rows_in_a_frame_are_several_facts_in_order() -> None:
    first, second = push("orders_two_rows")

    assert isinstance(first, Order) and isinstance(second, Order)
    assert (first.id, second.id) == ("58828270140077001", "58828270140077002")
    assert second.client_order_id == "web"


def test_an_unknown_word_in_one_row_costs_no_other_row() -> None:
    """The word is reported; the rows that were understood are still handed over."""
    with pytest.raises(PartlyRead) as partly:
        WIRE.read(frame("order_unknown_status"), AT_MS)

    assert "suspended" in str(partly.value)
    assert [fact.key() for fact in partly.value.facts] == ["a-1:58828270140077002"]


def test_an_order_that_the_venue_forgot_ended_with_what_we_knew() -> None:
    """Gate forgets orders without a fill ten minutes after they were cancelled, and no others."""
    known = pushed_order("order_partly_filled")
    gone = WIRE.order_gone(known, AT_MS)

    assert gone is not None
    assert (gone.status, gone.cause, gone.filled, gone.remaining) == ("cancelled", "gone", "15", "25")
    assert gone.rank() > known.rank()
    assert WIRE.order_gone(gone, AT_MS + 1) is None


# Rows in every form. One truth, told as REST does, as pushes did in 2024 and as they do in 2026.

numbers = st.decimals(min_value="0.00000001", max_value="99999999", allow_nan=False, places=8).map(
    lambda d: Decimal(format(d, "f"))
)
at_ms = st.integers(1_600_000_000_000, 1_900_000_000_000)
finishes = st.sampled_from(["filled", "cancelled", "ioc", "fok", "stp", "reduce_only", "liquidated", "brand_new_word"])


@st.composite
def truths(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.integers(1, 10**9).map(Decimal) | numbers)
    filled = draw(st.sampled_from([Decimal(0), size, (size / 2).quantize(Decimal("1e-9"))]))
    created = draw(at_ms)
    return {
        "id": draw(st.integers(1, 2**63 - 1)),
        "sign": draw(st.sampled_from([1, -1])),
        "size": size,
        "left": size - filled,
        "price": draw(st.just(Decimal(0)) | numbers),
        "fill_price": draw(numbers) if filled else Decimal(0),
        "finish_as": draw(finishes) if filled == size or draw(st.booleans()) else None,
        "created": created,
        "updated": created + draw(st.integers(0, 10**9)),
    }


def row_of(truth: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": truth["id"],
        "contract": "ETH_USDT",
        "status": "finished" if truth["finish_as"] else "open",
        "tif": "gtc",
        "text": "t-x",
        "is_liq": False,
        "is_close": False,
        "is_reduce_only": False,
    }


def json_with(row: dict[str, Any], numbers_as: str) -> bytes:
    """The row as JSON text, with each Decimal written as a string or as a number with these very digits."""
    quote = '"' if numbers_as == "strings" else ""
    parts = [
        f'"{name}": {quote}{value:f}{quote}' if isinstance(value, Decimal) else f'"{name}": {json.dumps(value)}'
        for name, value in row.items()
    ]
    return ("{" + ", ".join(parts) + "}").encode()


def told_by_rest(truth: dict[str, Any], numbers_as: str) -> Order:
    row = row_of(truth) | {name: truth[name] * truth["sign"] for name in ("size", "left")}
    row |= {"price": truth["price"], "fill_price": truth["fill_price"]}
    seconds = {"create_time": truth["created"], "update_time": truth["updated"]}
    if truth["finish_as"]:
        row["finish_as"] = truth["finish_as"]
        seconds["finish_time"] = truth["updated"]
    body = json_with(row, numbers_as)[:-1]
    times = b"".join(b', "%b": %d.%03d' % (name.encode(), ms // 1000, ms % 1000) for name, ms in seconds.items())
    return WIRE.to_order(reply(body + times + b"}"))


def told_by_push(truth: dict[str, Any], numbers_as: str) -> Order:
    row = row_of(truth) | {name: truth[name] * truth["sign"] for name in ("size", "left")}
    finish_as = truth["finish_as"] or ("_new" if truth["left"] == truth["size"] else "_update")
    row |= {"price": truth["price"], "fill_price": truth["fill_price"], "finish_as": finish_as}
    row |= {"create_time": truth["created"] // 1000, "create_time_ms": truth["created"]}
    row |= {"update_time": truth["updated"], "update_id": 3, "user": "20000001"}
    row |= {"finish_time": truth["updated"] // 1000, "finish_time_ms": truth["updated"]}
    body = b'{"time":1,"time_ms":1,"channel":"futures.orders","event":"update","result":[%b]}' % json_with(
        row, numbers_as
    )
    message = WIRE.read(body, AT_MS)
    assert isinstance(message, list) and isinstance(message[0], Order)
    return message[0]


@given(truths())
def test_one_truth_is_one_fact_in_whatever_form_it_is_told(truth: dict[str, Any]) -> None:
    """REST or push, numbers or strings, seconds or milliseconds: the same gist, the same rank."""
    told = [told(truth, form) for told in (told_by_rest, told_by_push) for form in ("numbers", "strings")]

    assert len({order.gist() for order in told}) == 1
    assert len({order.rank() for order in told}) == 1
    assert len({order.created_at_ms for order in told}) == 1


@given(truths())
def test_sizes_are_positive_and_add_up_and_the_sign_is_the_side(truth: dict[str, Any]) -> None:
    order = told_by_push(truth, "strings")

    assert order.side == ("buy" if truth["sign"] > 0 else "sell")
    assert Decimal(order.size) == truth["size"]
    assert Decimal(order.filled) + Decimal(order.remaining) == Decimal(order.size)
    assert min(Decimal(order.filled), Decimal(order.remaining)) >= 0
    assert (order.status == "filled") == (truth["finish_as"] is not None and truth["left"] == 0)
    assert order.is_final() == (truth["finish_as"] is not None)
    assert (order.average_price is None) == (order.filled.strip("0.") == "")


def test_thirty_digits_survive_to_the_byte() -> None:
    """No float and no rounding context stands between the venue's text and ours."""
    row = {"size": Decimal("12345678901234567890.123456789012345678"), "left": Decimal("0.000000000000000001")}
    row |= {"price": Decimal("98765432109876543210.000000000000000001")}
    body = json_with(row_of({"id": 2**63 - 1, "finish_as": None}) | row, "numbers")
    order = WIRE.to_order(reply(body))

    assert order.id == "9223372036854775807"
    assert order.size == "12345678901234567890.123456789012345678"
    assert order.filled == "12345678901234567890.123456789012345677"
    assert order.price == "98765432109876543210.000000000000000001"


# Everything else that is pushed.


@pytest.mark.parametrize("name", ["fill_2024", "fill_2026"])
def test_a_fill_is_exact_and_belongs_to_its_order(name: str) -> None:
    (fill,) = push(name)

    assert isinstance(fill, Fill)
    expected = {
        "fill_2024": ("70011225", "611230458801", "buy", "151.25", "7", "-0.0529375", "maker", 1_730_000_002_651),
        "fill_2026": (
            "70011226",
            "58828270140077001",
            "sell",
            "97000.5",
            "15",
            "0.0727503750000000001",
            "taker",
            1_786_000_001_196,
        ),
    }
    said = (fill.id, fill.order_id, fill.side, fill.price, fill.size, fill.fee, fill.role, fill.at_ms)
    assert said == expected[name]
    assert fill.fee_asset == "USDT"


@pytest.mark.parametrize("body", ["rest_fills", "rest_fills_timerange"])
def test_a_fill_told_by_rest_is_the_fill_that_was_pushed(body: str) -> None:
    """The two lists call its id by different names, and give it different types."""
    (pushed,) = push("fill_2026")
    (told,) = WIRE.snapshot(0)[2].read(reply(frame(body)))

    assert told == pushed


POSITIONS: dict[str, list[dict[str, Any]]] = {
    "position_cross_2024": [
        {"id": "SOL_USDT", "side": "long", "mode": "one_way", "size": "7", "leverage": "10", "margin_mode": "cross"}
    ],
    "position_isolated_2026": [
        {"side": "short", "size": "40", "leverage": "5", "margin_mode": "isolated", "sequence": 18, "margin": "77.6"}
    ],
    "positions_hedged": [
        {"id": "BTC_USDT:long", "side": "long", "mode": "hedge", "size": "12"},
        {"id": "BTC_USDT:short", "side": "short", "mode": "hedge", "size": "40"},
    ],
    "position_closed": [{"id": "BTC_USDT", "side": None, "size": "0", "entry_price": None, "liquidation_price": None}],
}


@pytest.mark.parametrize("name", POSITIONS)
def test_a_position_says_its_side_size_and_leverage(name: str) -> None:
    """Leverage 0 is not "none": it means cross, and the multiple stands elsewhere."""
    facts = push(name)

    for fact, expected in zip(facts, POSITIONS[name], strict=True):
        assert isinstance(fact, Position)
        assert {field: getattr(fact, field) for field in expected} == expected


def test_a_balance_push_knows_the_money_and_not_what_is_free_of_it() -> None:
    (balance,) = push("balance_fee")

    assert isinstance(balance, Balance)
    assert (balance.id, balance.asset, balance.total) == ("futures:USDT", "USDT", "10296.16455822737")
    assert (balance.available, balance.frozen) == (None, None)


def test_an_account_reply_knows_all_and_is_dated_by_the_reply() -> None:
    """The row's own time does not move when margins do, so the venue's time of answering is the better one."""
    (ask,) = [ask for ask in WIRE.snapshot(0) if ask.request.path.endswith("/accounts")]
    (dated,) = ask.read(reply(frame("rest_account"), x_out_time="1786000090123456"))
    (undated,) = ask.read(reply(frame("rest_account")))

    assert isinstance(dated, Balance) and isinstance(undated, Balance)
    assert (dated.total, dated.available, dated.frozen) == ("10296.16455822737", "10215.46455822737", "80.7")
    assert (dated.updated_at_ms, undated.updated_at_ms) == (1_786_000_090_123, 1_786_000_002_000)


def test_a_trigger_says_what_it_protects_and_how_it_ended() -> None:
    (waiting,) = push("trigger_open")
    (fired,) = push("trigger_fired")
    (failed,) = push("trigger_failed")

    assert isinstance(waiting, Trigger) and isinstance(fired, Trigger) and isinstance(failed, Trigger)
    assert (waiting.id, waiting.status, waiting.purpose, waiting.side) == (
        "2007047737421336577",
        "open",
        "stop_loss",
        "buy",
    )
    assert (waiting.price, waiting.price_type, waiting.rule, waiting.size) == ("99500", "mark", "at_or_above", "0")
    assert (waiting.order_price, waiting.parent_id, waiting.child_id) == (None, None, None)
    assert (fired.status, fired.child_id, fired.updated_at_ms) == ("fired", "58828270140077099", 1_786_000_055_000)
    assert (failed.status, failed.reason) == ("failed", "INCREASE_POSITION")
    assert fired.rank() > waiting.rank()


def test_a_trigger_told_by_rest_is_the_trigger_that_was_placed_and_pushed() -> None:
    """Times come in seconds or in microseconds, and a placement only answers with the id."""
    (pushed,) = push("trigger_open")
    (told,) = WIRE.open_triggers(None).read(reply(frame("rest_triggers")))
    wish = PlaceTrigger("BTC_USDT", "short", "stop_loss", "99500", "mark", None, "t-owstop")
    placed = WIRE.to_trigger(reply(frame("rest_trigger_placed"), 201), wish)

    assert isinstance(told, Trigger)
    assert told.created_at_ms == 1_786_000_004_402
    assert told.gist() == pushed.gist() == placed.gist()
    assert (told.purpose, told.side, told.rule) == (placed.purpose, placed.side, placed.rule)


# What frames are for the socket.


@pytest.mark.parametrize("name", ["subscribe_accepted", "subscribe_accepted_old"])
def test_an_accepted_subscription_is_an_ack(name: str) -> None:
    assert WIRE.read(frame(name), AT_MS) == Ack("futures.orders")


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("subscribe_refused_key", KeyRefused, "INVALID_KEY"),
        ("subscribe_refused_expired", VenueBusy, "REQUEST_EXPIRED"),
        ("subscribe_refused_payload", VenueRefused, "WS_2"),
    ],
)
def test_a_refused_subscription_says_whether_it_was_the_key(name: str, kind: type[VenueError], code: str) -> None:
    """A key that is merely late must not be given up."""
    message = WIRE.read(frame(name), AT_MS)

    assert isinstance(message, Refusal)
    assert (message.key, type(message.error), message.error.venue_code) == ("futures.orders", kind, code)


def test_a_pong_and_a_goodbye_are_understood() -> None:
    assert WIRE.read(frame("pong"), AT_MS) == Pong()
    assert isinstance(WIRE.read(frame("goodbye_upgrade"), AT_MS), Goodbye)


garbage = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["NaN", "1e999999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
channels = st.sampled_from(["orders", "usertrades", "positions", "balances", "autoorders", "pong", "system", "nope"])


def read_or_unknown(body: bytes) -> None:
    with contextlib.suppress(UnknownWord):
        WIRE.read(body, AT_MS)


@given(st.binary(max_size=80))
def test_bytes_that_are_no_frame_are_an_unknown_word(body: bytes) -> None:
    read_or_unknown(body)


@given(channels, st.sampled_from(["update", "subscribe", "", "x"]), garbage, garbage)
def test_a_frame_of_odd_types_is_an_unknown_word(channel: str, event: str, result: Any, error: Any) -> None:
    read_or_unknown(
        json.dumps({"channel": f"futures.{channel}", "event": event, "result": result, "error": error}).encode()
    )


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["order_filled_2026", "fill_2026", "position_isolated_2026", "balance_fee", "trigger_fired"]),
    st.data(),
)
def test_a_row_with_one_odd_field_is_read_or_an_unknown_word(name: str, data: st.DataObject) -> None:
    """Never another error, and never a number that is none."""
    message = json.loads(frame(name))
    row = message["result"][0]
    row[data.draw(st.sampled_from(sorted(row)))] = data.draw(garbage)
    try:
        facts = WIRE.read(json.dumps(message).encode(), AT_MS)
    except UnknownWord:
        return
    assert isinstance(facts, list)
    for fact in facts:
        assert len(fact.to_json()) < 4096
        fact.rank(), fact.gist()


# Refusals.

PLACE = WIRE.place(PlaceOrder("BTC_USDT", "buy", "limit", "1", "1", "gtc", False, "t-x"), None)
GET = WIRE.order("BTC_USDT", "1").request

REFUSALS: list[tuple[Request, int, bytes, type[VenueError], int, bool]] = [
    (PLACE, 400, frame("place_refused_margin"), VenueRefused, 400, False),
    (PLACE, 400, frame("place_refused_post_only"), VenueRefused, 400, False),
    (PLACE, 400, b'{"label":"CONTRACT_NO_COUNTER"}', VenueRefused, 400, True),
    (PLACE, 401, frame("refused_key"), KeyRefused, 401, False),
    (PLACE, 401, b'{"label":"READ_ONLY"}', KeyRefused, 403, False),
    (PLACE, 403, b'{"label":"IP_FORBIDDEN"}', KeyRefused, 403, False),
    (PLACE, 401, b'{"label":"REQUEST_EXPIRED"}', VenueBusy, 503, True),
    (GET, 404, frame("refused_order_unknown"), VenueRefused, 404, False),
    (GET, 400, frame("refused_order_unknown"), VenueRefused, 404, False),
    (PLACE, 400, b'{"label":"A_NEW_WORD","message":"m"}', VenueRefused, 400, False),
    (PLACE, 429, b'{"label":"TOO_MANY_REQUESTS"}', VenueBusy, 429, True),
    (PLACE, 429, b"<html>slow down</html>", VenueBusy, 429, True),
    (PLACE, 500, b'{"label":"INTERNAL"}', VenueUnknown, 504, True),
    (PLACE, 400, b'{"label":"SERVER_ERROR"}', VenueUnknown, 504, True),
    (GET, 500, b'{"label":"TOO_BUSY"}', VenueBusy, 503, True),
    (PLACE, 502, b"<html>Bad Gateway</html>", VenueUnknown, 504, True),
    (PLACE, 404, b"", VenueUnknown, 504, True),
    (PLACE, 302, b"", VenueUnknown, 504, True),
]


@pytest.mark.parametrize(("request_", "status", "body", "kind", "shown", "retryable"), REFUSALS)
def test_a_refusal_is_one_of_our_family(
    request_: Request, status: int, body: bytes, kind: type[VenueError], shown: int, retryable: bool
) -> None:
    """A write of which the venue says nothing clear is unknown; all else did not happen."""
    error = VENUE.refusal(request_, reply(body, status))

    assert type(error) is kind
    assert (error.status, error.retryable) == (shown, retryable)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_no_refusal(status: int) -> None:
    assert VENUE.refusal(PLACE, reply(b"{}", status)) is None


def test_the_wait_after_too_many_requests_is_told_by_the_venues_own_clock() -> None:
    """Its header names a second of its day, so the difference is taken to its own time of answering."""
    headers = {"X-Gate-RateLimit-Reset-Timestamp": "2000000004", "x-out-time": "2000000001500000"}
    error = VENUE.refusal(GET, Reply(429, headers, b'{"label":"TOO_MANY_REQUESTS"}', AT_MS))

    assert error is not None and error.retry_after_s == 2.5


def test_only_the_definite_answer_means_that_there_is_no_such_order() -> None:
    ask, trigger = WIRE.order("BTC_USDT", "1"), WIRE.trigger("1")
    unknown = VENUE.refusal(GET, reply(b"", 404))
    absent = VENUE.refusal(GET, reply(frame("refused_order_unknown"), 404))
    no_trigger = VENUE.refusal(GET, reply(b'{"label":"AUTO_ORDER_NOT_FOUND"}', 400))

    assert unknown is not None and absent is not None and no_trigger is not None
    assert [ask.absent(unknown), ask.absent(absent), trigger.absent(no_trigger)] == [False, True, True]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"id":1,"contract":"X_USDT","status":"odd","size":1}']
)
def test_an_accepted_write_with_an_unreadable_answer_is_unknown(body: bytes) -> None:
    """It was carried out, or not: only asking will tell."""
    with pytest.raises(VenueUnknown):
        WIRE.to_order(reply(body, 201))


# Leverage, identity, clock and market data.


@pytest.mark.parametrize(
    ("body", "status", "known"),
    [
        (frame("rest_position"), 200, Leverage("5", "isolated")),
        (frame("rest_position_cross"), 200, Leverage("20", "cross")),
        (frame("rest_positions_hedged"), 200, Leverage("5", "isolated")),
        (b'[{"contract":"X","size":1,"leverage":5},{"contract":"X","size":1,"leverage":6}]', 200, None),
        (b'{"label":"POSITION_NOT_FOUND"}', 400, None),
    ],
)
def test_leverage_is_known_when_the_venue_says_it(body: bytes, status: int, known: Leverage | None) -> None:
    """In hedge mode an array comes where an object was promised; a contract never used has no position to ask."""
    request, answer = WIRE.leverage("BTC_USDT"), reply(body, status)

    assert VENUE.refusal(request, answer) is None
    assert WIRE.to_leverage(answer) == known


def test_a_list_goes_on_while_its_pages_are_full() -> None:
    ask = WIRE.snapshot(0)[0]
    row = json.loads(frame("rest_order_open"))
    following = ask.next_page(reply([row] * 100))

    assert following is not None and dict(following.request.query)["offset"] == "100"
    assert following.next_page(reply([row] * 99)) is None


def test_identity_is_the_uid_and_the_clock_is_in_milliseconds() -> None:
    assert VENUE.to_identity(reply(frame("rest_account"))) == "20000001"
    assert VENUE.to_identity(reply({"user_id": 15564602})) == "15564602"
    assert VENUE.to_clock_ms(reply({"server_time": 1_700_000_000_123})) == 1_700_000_000_123


def test_market_data_is_exact_and_has_both_names() -> None:
    ticker = VENUE.ticker("BTC_USDT")[1](reply(frame("rest_tickers")))
    book = VENUE.orderbook("BTC_USDT", 20)[1](reply(frame("rest_order_book")))
    bitcoin, ether = VENUE.instruments()[1](reply(frame("rest_contracts")))

    assert (ticker["last"], ticker["bid"], ticker["ask"]) == ("97005.1", "97005.1", "97005.2")
    assert (ticker["symbol"], ticker["instrument"]) == ("BTC_USDT", "BTC/USDT:USDT")
    assert (book["asks"], book["bids"]) == ([["97005.2", "12"], ["97006", "3.5"]], [["97005.1", "40"]])
    assert (bitcoin["contract_size"], bitcoin["price_step"], bitcoin["size_step"]) == ("0.0001", "0.1", "1")
    assert (ether["size_step"], ether["size_min"], ether["leverage_max"]) == ("0.1", "0.1", "100")


# Samples that others captured, where they are at hand, and ccxt's reading of them.


def sample(name: str) -> Any:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("the samples are not here")
    return json.loads(path.read_text())["data"]


PUSHED_SAMPLES = {
    "jkorf-gate/sub.Futures.SubscribeToOrderUpdates.json": Order,
    "jkorf-gate/sub.Futures.SubscribeToUserTradeUpdates.json": Fill,
    "jkorf-gate/sub.Futures.SubscribeToPositionUpdates.json": Position,
    "jkorf-gate/sub.Futures.SubscribeToBalanceUpdates.json": Balance,
    "jkorf-gate/sub.Futures.SubscribeToTriggerOrderUpdates.json": Trigger,
    "gct-gate/lit.TestProcessFuturesOrdersPushData.futures.orders.0.json": Order,
    "gct-gate/ws.wsFutures.futures.positions.0.json": Position,
    "gct-gate/ws.wsFutures.futures.autoorders.0.json": Trigger,
}


@pytest.mark.parametrize("name", PUSHED_SAMPLES)
def test_a_captured_push_is_read(name: str) -> None:
    data = sample(name)
    message = next(f["message"] for f in data["frames"] if f["from"] == "server_push") if "frames" in data else data
    facts = WIRE.read(json.dumps(message).encode(), AT_MS)

    assert isinstance(facts, list)
    assert [type(fact) for fact in facts] == [PUSHED_SAMPLES[name]]


@pytest.mark.parametrize("name", ["GetUserTrades", "GetUserTradesByTimestamp"])
def test_a_captured_list_of_fills_is_read(name: str) -> None:
    rows = sample(f"jkorf-gate/rest.PerpetualFutures.Trading.{name}.json")["response"]
    facts = WIRE.snapshot(0)[2].read(reply(rows))

    assert [type(fact) for fact in facts] == [Fill] * len(rows)


OUR_STATUS = {"closed": {"filled"}, "canceled": {"cancelled", "expired"}, "open": {"open", "partially_filled"}}


def test_an_order_is_what_ccxt_takes_it_for() -> None:
    """But for the price of a market order: ccxt shows the average there, we show none and the average beside it."""
    data = sample("ccxt-static/createOrder.0.json")
    order, parsed = WIRE.to_order(reply(data["httpResponse"], 201)), data["parsed"]

    assert (order.id, order.client_order_id) == (parsed["id"], parsed["clientOrderId"])
    assert (order.instrument, order.type, order.side) == (parsed["symbol"], parsed["type"], parsed["side"])
    assert order.status in OUR_STATUS[parsed["status"]]
    assert (order.created_at_ms, order.updated_at_ms) == (parsed["timestamp"], parsed["lastTradeTimestamp"])
    assert Decimal(order.size) == Decimal(str(parsed["amount"]))
    assert Decimal(order.filled) == Decimal(str(parsed["filled"]))
    assert order.price is None and Decimal(order.average_price or 0) == Decimal(str(parsed["average"]))


@pytest.mark.parametrize("name", ["ccxt-static/cancelOrder.0.json", "ccxt-static/fetchOpenOrders.2.json"])
def test_a_trigger_is_what_ccxt_takes_it_for(name: str) -> None:
    data = sample(name)
    rows, parsed = data["httpResponse"], data["parsed"]
    rows, parsed = (rows, parsed) if isinstance(rows, list) else ([rows], [parsed])
    facts = WIRE.open_triggers(None).read(reply(rows))

    for trigger, theirs in zip(facts, parsed, strict=True):
        assert isinstance(trigger, Trigger)
        assert (trigger.id, trigger.instrument, trigger.side) == (theirs["id"], theirs["symbol"], theirs["side"])
        assert trigger.status == {"canceled": "cancelled", "open": "open"}[theirs["status"]]
        assert Decimal(trigger.price or 0) == Decimal(str(theirs["triggerPrice"]))
        assert Decimal(trigger.order_price or 0) == Decimal(str(theirs["price"]))
        assert trigger.created_at_ms == theirs["timestamp"]


@pytest.mark.parametrize(
    "name", ["rest_order_open", "rest_order_filled", "rest_order_cancelled", "rest_order_open_2024"]
)
def test_our_own_rows_are_what_ccxt_takes_them_for(name: str) -> None:
    """ccxt's parser, run here on our frames: a second reader of every form that the samples lack."""
    ccxt = pytest.importorskip("ccxt")
    row = json.loads(frame(name))
    ours, theirs = WIRE.to_order(reply(row)), ccxt.gate().parse_order(row)

    assert (ours.id, ours.side, ours.type) == (theirs["id"], theirs["side"], theirs["type"])
    assert ours.status in OUR_STATUS[theirs["status"]]
    assert Decimal(ours.filled) == Decimal(str(theirs["filled"]))
    assert Decimal(ours.remaining) == Decimal(str(theirs["remaining"]))
    assert (ours.created_at_ms, ours.client_order_id) == (theirs["timestamp"], theirs["clientOrderId"])
