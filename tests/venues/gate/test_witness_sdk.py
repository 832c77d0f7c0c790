"""Gate's official REST SDK, unmodified, against the paper exchange: orders of every kind, from placing to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gate_api
import pytest

from tests.paper.process import PaperAccount, PaperProcess, wait_until
from tests.venues.gate.witnesses import BTC, WITHIN_S, Sdk, an_order, refusal_of

Change = gate_api.FuturesOrderAmendment


def standing(paper: PaperProcess, account: PaperAccount) -> list[tuple[str, str, str]]:
    """How each order stands by the engine's own books, oldest first."""
    orders = paper.books(account.uid)["orders"]
    return [(each["text"], each["finish_as"] or "open", each["filled"]) for each in orders]


def test_an_order_is_placed_listed_amended_and_cancelled(sdk: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """By id and by text, and with ids that no float can hold."""
    placed = sdk.place(3, "66000", text="t-sdk-1")
    assert placed.status == "open" and placed.id > 2**53
    assert [each.id for each in sdk.futures.list_futures_orders("usdt", "open", contract=BTC)] == [placed.id]
    change = Change(size="5", price="66001", amend_text="t-more")
    amended = sdk.futures.amend_futures_order("usdt", str(placed.id), change)
    assert (amended.size, amended.left, amended.price, amended.amend_text) == ("5", "5", "66001", "t-more")
    assert sdk.order("t-sdk-1").id == placed.id
    gone = sdk.futures.cancel_futures_order("usdt", "t-sdk-1")
    assert (gone.status, gone.finish_as) == ("finished", "cancelled")
    told = paper.books(account.uid)["orders"]

    assert [(each["id"], each["size"], each["price"]) for each in told] == [(str(placed.id), "5", "66001")]
    assert standing(paper, account) == [("t-sdk-1", "cancelled", "0")]


def test_an_order_fills_in_parts_as_maker_and_as_taker(
    sdk: Sdk, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """The average price, the fills and their fees are the engine's to the last digit."""
    order = sdk.place(100, "67500", text="t-parts")
    other.place(-40, "67500", tif="ioc")
    part = sdk.order(order.id)
    assert (part.status, part.left, part.fill_price, part.finish_as) == ("open", "60", "67500", None)
    sdk.futures.amend_futures_order("usdt", str(order.id), Change(price="67500.1"))
    whole, told = sdk.order(order.id), paper.books(account.uid)["orders"][0]
    fills = sdk.futures.get_my_trades("usdt", contract=BTC, order=order.id)
    timed = sdk.futures.get_my_trades_with_time_range("usdt", contract=BTC, _from=int(order.create_time))

    assert (whole.status, whole.finish_as, whole.left) == ("finished", "filled", "0")
    assert whole.fill_price == told["average_price"] == "67500.06"
    assert [(fill.role, fill.size, fill.price) for fill in fills] == [
        ("taker", "60", "67500.1"), ("maker", "40", "67500"),
    ]  # fmt: skip
    assert [(str(fill.id), fill.size, fill.price, fill.fee) for fill in reversed(fills)] == [
        (fill["id"], fill["size"], fill["price"], fill["fee"]) for fill in told["fills"]
    ]
    assert [(fill.trade_id, fill.order_id, fill.fee) for fill in timed] == [
        (str(fill.id), str(order.id), fill.fee) for fill in fills
    ]


@pytest.mark.parametrize(
    ("said", "finish_as", "left"),
    [
        pytest.param({"size": 7}, "filled", "0", id="market"),
        pytest.param({"size": -7}, "filled", "0", id="market-sell"),
        pytest.param({"size": 7, "price": "67600", "tif": "ioc"}, "filled", "0", id="ioc"),
        pytest.param({"size": 7, "price": "67400", "tif": "ioc"}, "ioc", "7", id="ioc-that-nobody-takes"),
        pytest.param({"size": 7, "price": "67600", "tif": "fok"}, "filled", "0", id="fok"),
        pytest.param({"size": -7, "price": "67500", "tif": "poc"}, None, "-7", id="post-only"),
        pytest.param({"size": 70, "price": "67500", "iceberg": "10"}, None, "70", id="iceberg"),
        pytest.param({"size": 7, "market_order_slip_ratio": "0.01"}, "filled", "0", id="market-with-a-bound"),
    ],
)
def test_an_order_of_every_kind_ends_as_it_should(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount, said: dict[str, Any], finish_as: str | None, left: str
) -> None:
    """The reply, a later look and the books say the same of it."""
    placed = sdk.place(**said, text="t-kind")
    seen, told = sdk.order("t-kind"), paper.books(account.uid)["orders"][0]

    assert (placed.finish_as, placed.left, placed.tif) == (finish_as, left, said.get("tif") or an_order(**said).tif)
    assert (seen.id, seen.finish_as, seen.left, seen.fill_price) == (placed.id, finish_as, left, placed.fill_price)
    assert (told["id"], told["finish_as"], told["left"]) == (str(placed.id), finish_as, left)
    assert seen.iceberg == said.get("iceberg", "0") and seen.fill_price == told["average_price"]


def test_an_iceberg_shows_its_tip_and_the_book_says_so(sdk: Sdk) -> None:
    """Who reads the public book sees ten of seventy contracts."""
    sdk.place(70, "67500", iceberg="10")

    assert [(each.p, each.s) for each in sdk.futures.list_futures_order_book("usdt", BTC, limit=1).bids] == [
        ("67500", "10")
    ]


@pytest.mark.parametrize(
    ("act", "resting", "coming"), [("co", "stp", "open"), ("cn", "open", "stp"), ("cb", "stp", "stp")]
)
def test_two_orders_of_one_group_never_trade(
    paper: PaperProcess, member: Callable[..., PaperAccount], act: str, resting: str, coming: str
) -> None:
    """The older goes, the newer, or both, as the newer one asked."""
    twins = member(stp_group=7)
    sdk = Sdk(paper, twins)
    sdk.place(5, "67500", text="t-older")
    placed = sdk.place(-5, "67500", text="t-newer", stp_act=act)

    assert (placed.stp_act, placed.stp_id) == (act, 7)
    assert standing(paper, twins) == [("t-older", resting, "0"), ("t-newer", coming, "0")]
    assert sdk.futures.get_my_trades("usdt") == []


def test_a_reduce_only_order_reduces_and_ends_with_its_position(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """One that would open something is refused; one whose position is gone goes with it."""
    assert refusal_of(lambda: sdk.place(-4, reduce_only=True)) == (400, "POSITION_EMPTY")
    sdk.place(10, text="t-open")
    assert refusal_of(lambda: sdk.place(4, "66000", reduce_only=True)) == (400, "INCREASE_POSITION")
    assert sdk.place(-4, reduce_only=True, text="t-less").is_reduce_only is True
    sdk.place(-6, "69000", reduce_only=True, text="t-wait")
    closed = sdk.place(0, close=True, text="t-close")

    assert (closed.size, closed.is_close, closed.finish_as) == ("-6", True, "filled")
    assert standing(paper, account) == [
        ("t-open", "filled", "10"), ("t-less", "filled", "4"), ("t-wait", "position_closed", "0"),
        ("t-close", "filled", "6"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "label"),
    [
        pytest.param({"size": 1, "price": "67600", "tif": "poc"}, "ORDER_POC_IMMEDIATE", id="post-only-that-takes"),
        pytest.param({"size": 900_000, "price": "67501", "tif": "fok"}, "ORDER_FOK", id="fok-that-rests"),
        pytest.param({"size": 900_000, "price": "67000"}, "INSUFFICIENT_AVAILABLE", id="no-money"),
        pytest.param({"size": 2_000_000, "price": "67000"}, "SIZE_TOO_LARGE", id="too-large"),
        pytest.param({"size": 1, "price": "90000"}, "PRICE_TOO_DEVIATED", id="far-away"),
        pytest.param({"size": 1, "price": "67000.05"}, "INVALID_PARAM_VALUE", id="off-tick"),
        pytest.param({"size": 1, "contract": "NOPE_USDT"}, "CONTRACT_NOT_FOUND", id="no-such-contract"),
        pytest.param({"size": 1, "price": "66000", "text": "mine"}, "INVALID_PARAM_VALUE", id="bad-text"),
        pytest.param({"size": 1, "price": "66000", "text": "t-" + "x" * 29}, "INVALID_PARAM_VALUE", id="long-text"),
        pytest.param({"size": 1, "tif": "gtc"}, "INVALID_ARGUMENT", id="market-that-rests"),
        pytest.param({"size": 0}, "INVALID_ARGUMENT", id="nothing"),
        pytest.param({"size": 1, "price": "66000", "stp_act": "co"}, "INVALID_PARAM_VALUE", id="stp-without-group"),
        pytest.param({"size": 0, "close": True}, "POSITION_EMPTY", id="nothing-to-close"),
        pytest.param({"size": 0, "auto_size": "close_long"}, "INVALID_PARAM_VALUE", id="dual-close-in-single-mode"),
    ],
)
def test_a_refused_order_raises_with_the_venues_label_and_leaves_nothing(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount, said: dict[str, Any], label: str
) -> None:
    """The SDK's exception carries status and label; the books have no order."""
    assert refusal_of(lambda: sdk.place(**said)) == (400, label)
    assert paper.books(account.uid)["orders"] == []


def test_what_has_ended_or_never_was_is_refused_by_name(sdk: Sdk) -> None:
    """A cancel that comes too late and an order that nobody knows are not found; an amendment says finished."""
    order = sdk.place(3, "66000", text="t-gone")
    assert refusal_of(
        lambda: sdk.futures.amend_futures_order("usdt", "t-gone", Change(size="3", price="66000"))
    ) == (400, "NO_CHANGE")  # fmt: skip
    sdk.futures.cancel_futures_order("usdt", str(order.id))

    assert refusal_of(lambda: sdk.futures.cancel_futures_order("usdt", str(order.id))) == (404, "ORDER_NOT_FOUND")
    assert refusal_of(lambda: sdk.futures.amend_futures_order("usdt", "t-gone", Change(size="4"))) == (
        400, "ORDER_FINISHED",
    )  # fmt: skip
    assert refusal_of(lambda: sdk.order("t-never")) == (404, "ORDER_NOT_FOUND")
    assert refusal_of(lambda: sdk.order("12345")) == (404, "ORDER_NOT_FOUND")


def test_an_amendment_at_or_below_what_has_filled_ends_the_order(
    sdk: Sdk, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """The size of an amendment is the whole size, what has traded included."""
    order = sdk.place(10, "67500", text="t-shrink")
    other.place(-4, "67500", tif="ioc")
    assert sdk.futures.amend_futures_order("usdt", str(order.id), Change(size="7")).left == "3"
    ended = sdk.futures.amend_futures_order("usdt", str(order.id), Change(size="4"))

    assert (ended.status, ended.finish_as) == ("finished", "cancelled")
    assert standing(paper, account) == [("t-shrink", "cancelled", "4")]


# ---- many at once


def test_a_batch_places_amends_and_cancels_with_an_outcome_for_each(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """A bad item of three costs the other two nothing, in each of the three batches."""
    wishes = [
        an_order(1, "66000", text="t-b1"), an_order(1, contract="NOPE_USDT"), an_order(-2, "69000", text="t-b2"),
    ]  # fmt: skip
    placed = sdk.futures.create_batch_futures_order("usdt", wishes)
    assert [(each.succeeded, each.label, each.text, each.status) for each in placed] == [
        (True, None, "t-b1", "open"), (False, "CONTRACT_NOT_FOUND", None, None), (True, None, "t-b2", "open"),
    ]  # fmt: skip
    changes = [
        gate_api.BatchAmendOrderReq(order_id=placed[0].id, size="4"),
        gate_api.BatchAmendOrderReq(text="t-never", size="4"),
        gate_api.BatchAmendOrderReq(text="t-b2", price="69001"),
    ]
    amended = sdk.futures.amend_batch_future_orders("usdt", changes)
    assert [(each.succeeded, each.label, each.size, each.price) for each in amended] == [
        (True, None, "4", "66000"), (False, "ORDER_NOT_FOUND", None, None), (True, None, "-2", "69001"),
    ]  # fmt: skip
    ids = [str(placed[0].id), str(placed[2].id)]
    sdk.futures.cancel_futures_order("usdt", ids[0])
    cancelled = sdk.futures.cancel_batch_future_orders("usdt", ids)

    assert [(each.id, each.succeeded, each.message) for each in cancelled] == [
        (ids[0], False, "ORDER_NOT_FOUND"), (ids[1], True, ""),
    ]  # fmt: skip
    assert standing(paper, account) == [("t-b1", "cancelled", "0"), ("t-b2", "cancelled", "0")]


def test_a_malformed_item_refuses_its_whole_batch(sdk: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """As the venue's gateway does before any order is looked at."""
    wishes = [an_order(1, "66000"), an_order(1, "66000", text="mine")]

    assert refusal_of(lambda: sdk.futures.create_batch_futures_order("usdt", wishes)) == (400, "INVALID_PARAM_VALUE")
    assert paper.books(account.uid)["orders"] == []


def test_all_orders_are_cancelled_of_a_side_and_then_of_a_contract(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Those that only reduce may be left out."""
    sdk.place(5)
    for text, size, price, said in (
        ("t-bid", 1, "66000", {}), ("t-ask", -1, "69000", {}), ("t-less", -1, "69500", {"reduce_only": True}),
        ("t-bid2", 1, "65000", {}),
    ):  # fmt: skip
        sdk.place(size, price, text=text, **said)
    bids = sdk.futures.cancel_futures_orders("usdt", contract=BTC, side="bid")
    asks = sdk.futures.cancel_futures_orders("usdt", contract=BTC, exclude_reduce_only=True)
    assert [each.text for each in bids + asks] == ["t-bid", "t-bid2", "t-ask"]
    assert [each.text for each in sdk.futures.cancel_futures_orders("usdt")] == ["t-less"]

    assert {state for _, state, _ in standing(paper, account)} == {"filled", "cancelled"}


def test_a_countdown_cancels_what_is_open_unless_it_is_taken_back(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """The venue's clock is moved on; nobody waits."""

    def arm(timeout: int) -> Any:
        task = gate_api.CountdownCancelAllFuturesTask(timeout=timeout, contract=BTC)
        return sdk.futures.countdown_cancel_all_futures("usdt", task)

    order = sdk.place(3, "66000")
    assert refusal_of(lambda: arm(3)) == (400, "INVALID_PARAM_VALUE")
    assert arm(30).trigger_time > order.create_time * 1000 + 25_000
    assert arm(0).trigger_time == 0
    arm(5)
    try:
        paper.skew(10_000)
        wait_until(lambda: paper.books(account.uid)["orders"][0]["status"] == "finished", WITHIN_S)
    finally:
        paper.skew(0)

    assert sdk.order(order.id).finish_as == "cancelled"


# ---- lists


def test_finished_orders_are_found_by_status_and_by_time_a_page_at_a_time(sdk: Sdk) -> None:
    """Newest first, by offset and by the last id seen."""
    ids = [sdk.place(1).id for _ in range(3)] + [sdk.place(1, "66000").id]
    sdk.futures.cancel_futures_order("usdt", str(ids[3]))
    first = sdk.futures.list_futures_orders("usdt", "finished", contract=BTC, limit=2)
    second = sdk.futures.list_futures_orders("usdt", "finished", contract=BTC, limit=2, last_id=str(first[-1].id))
    offset = sdk.futures.list_futures_orders("usdt", "finished", contract=BTC, limit=2, offset=2)
    since = int(sdk.order(ids[0]).create_time)
    timed = sdk.futures.get_orders_with_time_range("usdt", contract=BTC, _from=since, to=since + 60)

    assert [each.id for each in first + second] == ids[::-1] and [each.id for each in offset] == ids[1::-1]
    assert [each.id for each in timed] == ids[::-1]
    assert sdk.futures.get_orders_with_time_range("usdt", contract=BTC, to=since - 60) == []
    assert [each.order_id for each in sdk.futures.get_my_trades("usdt", limit=1, offset=1)] == [str(ids[1])]
