"""Gate's official REST SDK, unmodified, against the paper exchange: what waits for a price, alone or with an order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.paper.process import PaperAccount, PaperProcess, wait_until
from tests.venues.gate.witnesses import BTC, WITHIN_S, Sdk, a_stop, refusal_of

RISES, FALLS = 1, 2
LAST, MARK, INDEX = 0, 1, 2


def triggers(paper: PaperProcess, account: PaperAccount) -> list[tuple[str, str]]:
    """Each trigger of the books and how it stands, oldest first."""
    return [(each["id"], each["finish_as"] or each["status"]) for each in paper.books(account.uid)["triggers"]]


def listed(sdk: Sdk, status: str) -> list[int]:
    return [each.id for each in sdk.futures.list_price_triggered_orders("usdt", status, contract=BTC)]


def test_a_trigger_is_set_listed_amended_and_cancelled(sdk: Sdk, paper: PaperProcess, account: PaperAccount) -> None:
    """The rule stays, the price and the size move, and a cancelled one is finished."""
    sdk.place(10)
    made = sdk.set_trigger(a_stop("66500", FALLS, MARK, "plan-close-long-position", size=-5, reduce_only=True))
    waiting = sdk.trigger(made.id)
    assert (waiting.id_string, waiting.status, waiting.finish_as, waiting.trade_id) == (str(made.id), "open", None, 0)
    assert (waiting.trigger.price, waiting.trigger.rule, waiting.trigger.price_type) == ("66500", FALLS, MARK)
    assert (waiting.initial.size, waiting.initial.is_reduce_only, waiting.order_type) == (
        -5, True, "plan-close-long-position",
    )  # fmt: skip
    assert listed(sdk, "open") == [made.id] and listed(sdk, "finished") == []
    sdk.amend_trigger(made.id, size=-4, price="0", trigger_price="66400", price_type=INDEX)
    amended = sdk.trigger(made.id)
    assert (amended.trigger.price, amended.trigger.price_type, amended.initial.size) == ("66400", INDEX, -4)
    gone = sdk.futures.cancel_price_triggered_order("usdt", str(made.id))

    assert (gone.id, gone.status, gone.finish_as) == (made.id, "finished", "cancelled")
    assert listed(sdk, "open") == [] and listed(sdk, "finished") == [made.id]
    assert triggers(paper, account) == [(str(made.id), "cancelled")]


@pytest.mark.parametrize(("kind", "only"), [(LAST, ""), (MARK, "mark"), (INDEX, "index")])
@pytest.mark.parametrize(("rule", "size", "reached"), [(RISES, -6, 68100), (FALLS, 6, 66900)])
def test_a_trigger_fires_at_its_own_price_and_names_the_order_it_became(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount, kind: int, only: str, rule: int, size: int, reached: int
) -> None:  # fmt: skip
    """Last, mark and index, from below and from above; it closes a long or a short."""
    sdk.place(-size)
    made = sdk.set_trigger(a_stop("68000" if rule == RISES else "67000", rule, kind, text="t-exit"))
    move: dict[str, Any] = {"symbol": BTC, "price": reached} | ({"only": only} if only else {"hold": True})
    paper.ask("POST", "/paper/price", move)
    fired = sdk.trigger(made.id)
    child = sdk.order(fired.trade_id)

    assert (fired.status, fired.finish_as, fired.me_order_id) == ("finished", "succeeded", fired.trade_id)
    assert (child.text, child.size, child.finish_as, child.is_close) == ("t-exit", str(size), "filled", True)
    assert sdk.position().size == "0"
    assert triggers(paper, account) == [(str(made.id), "succeeded")]


def test_an_amended_trigger_fires_at_its_new_price_only(sdk: Sdk, paper: PaperProcess) -> None:
    """Its order has a name of its own when none was given."""
    sdk.place(10)
    made = sdk.set_trigger(a_stop("66500"))
    sdk.amend_trigger(made.id, price="0", trigger_price="66000")
    paper.price(BTC, 66400, hold=True)
    assert sdk.trigger(made.id).status == "open"
    paper.price(BTC, 65900, hold=True)

    assert sdk.order(sdk.trigger(made.id).trade_id).text == f"ao-{made.id}"


def test_a_trigger_whose_position_is_gone_fails_and_one_whose_time_is_over_expires(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Both are finished without an order, and the first says why."""
    sdk.place(10)
    late, brief = sdk.set_trigger(a_stop("66500")), a_stop("66000")
    brief.trigger.expiration = 20
    expiring = sdk.set_trigger(brief)
    sdk.place(0, close=True)
    paper.price(BTC, 66400, hold=True)
    try:
        paper.skew(30_000)
        wait_until(lambda: triggers(paper, account)[1][1] == "expired", WITHIN_S)
    finally:
        paper.skew(0)
    failed, expired = sdk.trigger(late.id), sdk.trigger(expiring.id)

    assert (failed.status, failed.finish_as, failed.reason) == ("finished", "failed", "POSITION_EMPTY")
    assert (expired.status, expired.finish_as, expired.trade_id) == ("finished", "expired", 0)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        pytest.param({"price": "67600"}, "AUTO_TRIGGER_PRICE_LESS_LAST", id="already-below"),
        pytest.param({"price": "67400", "rule": RISES}, "AUTO_TRIGGER_PRICE_GREATE_LAST", id="already-above"),
        pytest.param({"price": "67600", "price_type": MARK}, "AUTO_TRIGGER_PRICE_LESS_MARK", id="mark-below"),
        pytest.param(
            {"price": "67400", "rule": RISES, "price_type": MARK}, "AUTO_TRIGGER_PRICE_GREATE_MARK", id="mark-above"
        ),
        pytest.param({"price": "66000.05"}, "AUTO_INVALID_PARAM_TRIGGER_PRICE", id="off-tick"),
        pytest.param({"price": "66000", "order_type": "close-it"}, "AUTO_INVALID_PARAM_ORDER_TYPE", id="no-such-type"),
        pytest.param(
            {"price": "66000", "size": -5, "close": True}, "AUTO_INVALID_PARAM_CLOSE", id="closes-with-a-size"
        ),
        pytest.param({"price": "66000", "contract": "NOPE_USDT"}, "CONTRACT_NOT_FOUND", id="no-such-contract"),
    ],
)
def test_a_refused_trigger_raises_with_the_services_label_and_leaves_nothing(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount, said: dict[str, Any], label: str
) -> None:
    """The trigger service has labels of its own."""
    assert refusal_of(lambda: sdk.set_trigger(a_stop(**said))) == (400, label)
    assert paper.books(account.uid)["triggers"] == []


def test_what_cannot_be_amended_or_is_not_there_is_refused_by_name(sdk: Sdk) -> None:
    """An unknown trigger is 400 and not 404; one that opens something cannot be amended."""
    opening = sdk.set_trigger(a_stop("66500", size=5))
    unknown = (400, "AUTO_ORDER_NOT_FOUND")

    assert refusal_of(lambda: sdk.amend_trigger(opening.id, trigger_price="66000")) == (400, "INVALID_ARGUMENT")
    assert refusal_of(lambda: sdk.trigger(12345)) == unknown
    assert refusal_of(lambda: sdk.amend_trigger(12345, trigger_price="66000")) == unknown
    sdk.futures.cancel_price_triggered_order("usdt", str(opening.id))
    assert refusal_of(lambda: sdk.futures.cancel_price_triggered_order("usdt", str(opening.id))) == unknown


def test_all_triggers_of_a_contract_are_cancelled_together(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """Those of another contract stay until they are named."""
    ids = [sdk.set_trigger(a_stop(price, size=5)).id for price in ("66500", "66000")]
    elsewhere = sdk.set_trigger(a_stop("100", size=5, contract="SOL_USDT"))
    gone = sdk.futures.cancel_price_triggered_order_list("usdt", contract=BTC)
    assert sorted(each.id for each in gone) == ids and {each.finish_as for each in gone} == {"cancelled"}
    assert triggers(paper, account)[-1] == (str(elsewhere.id), "open")

    assert [each.id for each in sdk.futures.cancel_price_triggered_order_list("usdt")] == [elsewhere.id]


def test_attached_exits_are_echoed_wake_with_the_fill_and_the_first_ends_the_other(
    sdk: Sdk, other: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """The echo is what a caller verifies; then the exits are triggers like any, bound to their order."""
    sdk.place(5)
    order = sdk.place(10, "67500", text="t-in", tpsl_tp_trigger_price="68000", tpsl_sl_trigger_price="67000")
    assert (order.tpsl_tp_trigger_price, order.tpsl_sl_trigger_price) == ("68000", "67000")
    profit, loss = listed(sdk, "inactive")[::-1]
    other.place(-4, "67500", tif="ioc")
    assert [each.initial.size for each in sdk.futures.list_price_triggered_orders("usdt", "open")] == [-4, -4]
    other.place(-6, "67500", tif="ioc")
    bound = sdk.trigger(loss)
    assert (bound.initial.size, bound.order_type, bound.me_order_id) == (-10, "close-long-order", order.id)
    paper.price(BTC, 68100, hold=True)
    fired = sdk.trigger(profit)
    child = sdk.order(fired.trade_id)

    assert (child.size, child.is_reduce_only, child.finish_as) == ("-10", True, "filled")
    assert triggers(paper, account) == [(str(profit), "succeeded"), (str(loss), "cancelled")]
    assert sdk.position().size == "5"


def test_attached_exits_on_the_wrong_side_are_refused_with_their_order(
    sdk: Sdk, paper: PaperProcess, account: PaperAccount
) -> None:
    """An order without the exits that it was asked for would be a position without them."""
    wrong = (400, "AUTO_TRIGGER_PRICE_GREATE_LAST")

    assert refusal_of(lambda: sdk.place(10, "67000", tpsl_tp_trigger_price="66000")) == wrong
    assert refusal_of(lambda: sdk.place(-10, "68000", tpsl_sl_trigger_price="67000")) == wrong
    assert paper.books(account.uid)["orders"] == paper.books(account.uid)["triggers"] == []


def test_a_side_of_a_hedge_is_closed_by_its_trigger_and_the_other_stays(sdk: Sdk, paper: PaperProcess) -> None:
    """`auto_size` says which; `close` is the word of single mode and refused."""
    sdk.futures.set_dual_mode("usdt", True)
    sdk.place(10)
    sdk.place(-6)
    assert refusal_of(lambda: sdk.set_trigger(a_stop("66500"))) == (400, "POSITION_DUAL_MODE")
    made = sdk.set_trigger(
        a_stop("66500", FALLS, LAST, "close-long-position", close=False, auto_size="close_long", reduce_only=True)
    )
    paper.price(BTC, 66400, hold=True)

    assert sdk.order(sdk.trigger(made.id).trade_id).auto_size == "close_long"
    assert {mode: each.size for mode, each in sdk.sides().items()} == {"dual_long": "0", "dual_short": "-6"}
