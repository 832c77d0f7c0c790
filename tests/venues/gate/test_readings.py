"""What Gate says, in our words: our own frames, and every row that can be made up."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import KeyRefused, UnknownWord, VenueBusy, VenueError, VenueRefused
from shared.exchanges.base import Ack, Goodbye, PartlyRead, Pong, Refusal
from shared.model import Balance, Fact, Fill, Order, Position, Times
from tests.venues.gate.frames import AT_MS, WIRE, facts_of, frame, push, reply


def pushed_order(name: str) -> Order:
    (fact,) = push(name)
    assert isinstance(fact, Order)
    return fact


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


CCXT_STATUS = {"closed": {"filled"}, "canceled": {"cancelled", "expired"}, "open": {"open", "partially_filled"}}


@pytest.mark.parametrize(
    "name", ["rest_order_open", "rest_order_filled", "rest_order_cancelled", "rest_order_open_2024"]
)
def test_our_own_rows_are_what_ccxt_takes_them_for(name: str) -> None:
    """ccxt's parser, run here on our frames: a second reader of every form that nobody captured."""
    ccxt = pytest.importorskip("ccxt")
    row = json.loads(frame(name))
    ours, theirs = WIRE.to_order(reply(row)), ccxt.gate().parse_order(row)

    assert (ours.id, ours.side, ours.type) == (theirs["id"], theirs["side"], theirs["type"])
    assert ours.status in CCXT_STATUS[theirs["status"]]
    assert Decimal(ours.filled) == Decimal(str(theirs["filled"]))
    assert Decimal(ours.remaining) == Decimal(str(theirs["remaining"]))
    assert (ours.created_at_ms, ours.client_order_id) == (theirs["timestamp"], theirs["clientOrderId"])


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


def test_margin_that_is_shared_is_not_free_either() -> None:
    """In cross mode the plain fields are 0 and others tell it."""
    row = json.loads(frame("rest_account")) | {"position_margin": "0", "order_margin": "0"}
    row |= {"cross_initial_margin": "16.9", "cross_order_margin": "3.1"}
    (balance,) = WIRE.balances()["futures"].read(reply(row))

    assert isinstance(balance, Balance) and balance.frozen == "20.0"


# How a position came to its end.


def ended(name: str) -> list[Position]:
    facts = push(name)
    assert all(isinstance(fact, Position) for fact in facts)
    return [fact for fact in facts if isinstance(fact, Position)]


@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("position_ended", [None]),
        ("position_ended_liquidation", ["liquidation", "liquidation"]),
        ("position_ended_adl", ["adl"]),
    ],
)
def test_the_end_of_a_position_says_what_forced_it(name: str, causes: list[str | None]) -> None:
    """Nobody wants to learn of a liquidation from a size of 0."""
    assert [position.cause for position in ended(name)] == causes


def test_the_end_of_a_position_is_told_apart_from_the_position() -> None:
    """The position may soon live again; the session joins the end's cause to it."""
    (end,), (living,) = ended("position_ended"), push("position_closed")

    assert isinstance(living, Position) and not living.closed_at_ms
    assert (end.id, end.closed_at_ms) == ("BTC_USDT:closed:1786000002306:long", 1_786_000_002_306)
    assert (end.side, end.size, end.realised_pnl, end.sequence) == ("long", "0", "-0.0388", None)
    assert (end.symbol, end.instrument) == ("BTC_USDT", "BTC/USDT:USDT")
    assert end.key() != living.key()


def test_both_sides_may_end_in_the_same_millisecond() -> None:
    """One liquidation takes long and short of a contract; neither end may cover the other."""
    short, long = ended("position_ended_liquidation")

    assert short.key() != long.key()
    assert (short.realised_pnl, long.realised_pnl) == ("-77.6000000001", "-0.0388")


@pytest.mark.parametrize("name", ["liquidation_told", "deleverage_told"])
def test_what_only_repeats_an_orders_cause_is_known_and_says_nothing(name: str) -> None:
    """Nobody follows these channels; the order that was forced says why."""
    assert WIRE.read(frame(name), AT_MS) is None


# What may come late, twice and out of order.


def test_a_later_change_of_a_position_wins_whatever_the_clock_says() -> None:
    """The venue numbers them; its times of one burst are equal."""
    later, earlier = json.loads(frame("position_isolated_2026")), json.loads(frame("position_isolated_2026"))
    later["result"][0] |= {"update_id": 100, "time_ms": 1_786_000_000_000}
    earlier["result"][0] |= {"update_id": 99, "time_ms": 1_786_000_000_999}
    (new,), (old,) = facts_of(later), facts_of(earlier)

    assert new.rank() > old.rank() and new.key() == old.key()


def test_fills_of_two_contracts_may_have_the_same_number() -> None:
    """The venue counts matches by contract."""
    message = json.loads(frame("fill_2026"))
    message["result"].append(message["result"][0] | {"contract": "ETH_USDT"})

    assert [fact.key() for fact in facts_of(message)] == ["a-1:BTC_USDT:70011226", "a-1:ETH_USDT:70011226"]


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


@pytest.mark.parametrize("name", ["call_place_open", "call_cancel_refused", "call_logged_in"])
def test_an_answer_to_a_call_says_nothing_here(name: str) -> None:
    """Whoever made the call reads it; a session that shares the socket must not take it for an unknown word."""
    assert WIRE.read(frame(name), AT_MS) is None


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
channels = st.sampled_from(
    [
        "orders",
        "usertrades",
        "positions",
        "balances",
        "autoorders",
        "position_closes",
        "liquidates",
        "pong",
        "system",
        "no",
    ]
)
TOLD = [
    "order_filled_2026",
    "fill_2026",
    "position_isolated_2026",
    "positions_hedged",
    "balance_fee",
    "trigger_fired",
    "position_ended_liquidation",
]


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
@given(st.sampled_from(TOLD), st.data())
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


def record_of(facts: list[Fact]) -> dict[str, str]:
    """What a record keeps: of each key, the fact of the highest rank and then gist."""
    kept: dict[str, str] = {}
    for fact in facts:
        head = f"{fact.rank()}\n{fact.gist()}"
        kept[fact.key()] = max(head, kept.get(fact.key(), ""))
    return kept


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(TOLD), st.data())
def test_rows_that_are_shuffled_repeated_and_odd_end_in_the_same_record(name: str, data: st.DataObject) -> None:
    """In whatever order they come: what can be read is the same, and the rest is nothing but an unknown word."""
    message = json.loads(frame(name))
    row = message["result"][0]
    odd = {data.draw(st.sampled_from(sorted(row))): data.draw(garbage | st.integers(1, 2_000_000_000_000))}
    told = [*message["result"], row | odd, row | {"update_id": 3, "size": "1"}]
    once = read_by_row(message, told)
    again = read_by_row(message, data.draw(st.permutations([*told, *told])))

    assert record_of(once) == record_of(again)


def read_by_row(message: dict[str, Any], told: list[Any]) -> list[Fact]:
    try:
        facts = WIRE.read(json.dumps(message | {"result": told}).encode(), AT_MS)
    except PartlyRead as partly:
        return partly.facts
    except UnknownWord:
        return []
    assert isinstance(facts, list)
    return facts
