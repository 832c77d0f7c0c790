"""What the engine offers beyond plain orders: icebergs, self-trade prevention, slippage bounds, attached triggers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.paper.contracts import LISTED
from shared.paper.engine import Engine
from shared.paper.facts import OrderChanged, TriggerChanged
from shared.paper.orders import Refusal, Stp, Tif, Why
from tests.paper.trading import BTC, NOW, an_account, facts, place, placed


def offered(engine: Engine) -> dict[str, str]:
    """What the public sees of the asks."""
    return {f"{price}": f"{size}" for price, size in engine.listings[BTC].book.asks.walk()}


def test_an_iceberg_shows_a_part_and_queues_again_with_each_next_one(engine: Engine) -> None:
    """Hiding costs the place in the queue: who shows everything trades before the hidden rest."""
    seller, other, buyer = an_account(engine), an_account(engine), an_account(engine)
    hidden = placed(engine, seller, -10, "67500", iceberg=3)
    plain = placed(engine, other, -4, "67500")
    assert offered(engine) == {"67500": "7"}
    placed(engine, buyer, 5, "67500")

    assert (hidden.left, plain.left, offered(engine)) == (Decimal(-7), Decimal(-2), {"67500": "5"})
    placed(engine, buyer, 9, "67500")
    assert (hidden.finish_as, plain.finish_as, offered(engine)) == ("filled", "filled", {})


def test_the_hidden_part_of_an_iceberg_pays_the_takers_fee(engine: Engine) -> None:
    """Only what was shown from the start earns the maker's rate."""
    seller, buyer = an_account(engine), an_account(engine)
    order = placed(engine, seller, -10, "67500", iceberg=4)
    placed(engine, buyer, 10, "67500")
    btc = LISTED[0]
    value = btc.value(Decimal(1), Decimal(67500))

    assert [fill.size for fill in order.fills] == [-4, -4, -2] and {fill.role for fill in order.fills} == {"maker"}
    assert order.fee == 4 * value * btc.maker_rate + 6 * value * btc.taker_rate


def test_a_fill_or_kill_reaches_what_is_hidden(engine: Engine) -> None:
    """All at once means all that is there, seen or not."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -10, "67500", iceberg=1)

    assert place(engine, buyer, 11, "67500", tif=Tif.FOK) == Refusal(Why.FOK_WOULD_REST)
    assert placed(engine, buyer, 10, "67500", tif=Tif.FOK).finish_as == "filled"


def test_an_iceberg_that_shrinks_keeps_its_place_and_never_shows_more_than_is_left(engine: Engine) -> None:
    """What the public counts must be there."""
    seller, other, buyer = an_account(engine), an_account(engine), an_account(engine)
    hidden = placed(engine, seller, -10, "67500", iceberg=6)
    placed(engine, other, -5, "67500")
    assert engine.amend(hidden, Decimal(-4), None, "-", NOW) is None
    assert offered(engine) == {"67500": "9"}
    placed(engine, buyer, 4, "67500")

    assert hidden.finish_as == "filled" and offered(engine) == {"67500": "5"}


@pytest.mark.parametrize(
    ("stp", "resting", "coming"),
    [
        (None, "", "stp"),
        (Stp.NEWEST, "", "stp"),
        (Stp.OLDEST, "stp", ""),
        (Stp.BOTH, "stp", "stp"),
    ],
)
def test_two_orders_of_one_group_never_trade_and_the_taker_says_which_goes(
    engine: Engine, stp: Stp | None, resting: str, coming: str
) -> None:
    """A wash trade is the one thing that a group must not be able to do."""
    one, two = an_account(engine, stp_group=7), an_account(engine, stp_group=7)
    maker = placed(engine, one, -5, "67500")
    taker = placed(engine, two, 8, "67500", stp=stp)

    assert (maker.finish_as, taker.finish_as) == (resting, coming)
    assert not one.fills and not two.fills


def test_who_is_in_no_group_or_another_one_trades(engine: Engine) -> None:
    """Prevention that hits strangers would be an outage."""
    seller = an_account(engine, stp_group=7)
    placed(engine, seller, -10, "67500")
    for group in (0, 8):
        assert placed(engine, an_account(engine, stp_group=group), 5, "67500").finish_as == "filled"


def test_a_fill_or_kill_that_would_meet_its_own_group_does_not_trade_in_part(engine: Engine) -> None:
    """All or nothing holds here too."""
    stranger, own, buyer = an_account(engine), an_account(engine, stp_group=7), an_account(engine, stp_group=7)
    placed(engine, stranger, -5, "67499")
    placed(engine, own, -5, "67500")
    order = placed(engine, buyer, 8, "67500", tif=Tif.FOK)

    assert (order.finish_as, order.filled) == ("stp", Decimal(0))


def test_a_market_order_goes_no_further_than_its_own_slippage(engine: Engine) -> None:
    """Who names a bound gets what is within it, and the rest is cancelled."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -5, "67500")
    placed(engine, seller, -5, "67600")
    order = placed(engine, buyer, 10, slip="0.001")

    assert (order.finish_as, order.filled) == ("ioc", Decimal(5))


# ---- attached take-profit and stop-loss


def test_what_is_attached_sleeps_until_its_order_fills_and_then_waits_for_as_much(engine: Engine) -> None:
    """A stop that is awake before there is a position could open one; one that is too small leaves a rest."""
    seller, buyer = an_account(engine), an_account(engine)
    order = placed(engine, buyer, 10, "67500", take_profit=70000, stop_loss=65000)
    profit, loss = order.attached
    assert [(each.status, each.rises) for each in order.attached] == [("inactive", True), ("inactive", False)]
    placed(engine, seller, -4, "67500")
    assert [(each.status, each.request.size) for each in (profit, loss)] == [("open", Decimal(-4))] * 2
    heard = facts(engine)
    placed(engine, seller, -6, "67500")

    assert [each.request.size for each in (profit, loss)] == [-10, -10]
    assert [fact.trigger for fact in heard if isinstance(fact, TriggerChanged)] == [profit, loss]


def test_what_is_attached_goes_with_an_order_that_ends_unfilled(engine: Engine) -> None:
    """It protects nothing any more."""
    order = placed(engine, an_account(engine), 10, "67500", take_profit=70000, stop_loss=65000)
    engine.cancel(order, NOW)

    assert [each.finish_as for each in order.attached] == ["cancelled", "cancelled"]
    assert not order.account.guards


def test_the_first_of_a_pair_that_fires_closes_what_filled_and_cancels_the_other(engine: Engine) -> None:
    """Otherwise the second would open a position the other way."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -10, "67500")
    order = placed(engine, buyer, 10, take_profit=70000, stop_loss=65000)
    profit, loss = order.attached
    placed(engine, seller, 10, "64900")
    engine.reprice(BTC, Decimal(64990), NOW)
    spawned = buyer.orders[loss.order_id]

    assert (profit.finish_as, loss.finish_as) == ("cancelled", "succeeded")
    assert (spawned.finish_as, spawned.size, spawned.text) == ("filled", Decimal(-10), f"ao-{loss.id}")
    assert buyer.held(LISTED[0], "single") == 0 and not buyer.guards


def test_the_twin_of_one_that_fired_goes_even_when_some_of_the_position_stays(engine: Engine) -> None:
    """It would take the profit of what another order had opened."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -20, "67500")
    placed(engine, buyer, 10)
    order = placed(engine, buyer, 10, take_profit=70000, stop_loss=65000)
    placed(engine, seller, 20, "64900")
    engine.reprice(BTC, Decimal(64990), NOW)

    assert [each.finish_as for each in order.attached] == ["cancelled", "succeeded"]
    assert buyer.held(LISTED[0], "single") == 10


def test_a_position_that_closes_otherwise_takes_what_is_attached_with_it(engine: Engine) -> None:
    """A stop that outlives its position is an accident that waits."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -10, "67500")
    order = placed(engine, buyer, 10, take_profit=70000)
    placed(engine, seller, 10, "67400")
    placed(engine, buyer, 0, close=True)

    assert [each.finish_as for each in order.attached] == ["cancelled"]


@pytest.mark.parametrize(
    ("size", "said", "why"),
    [
        (10, {"take_profit": 67000}, Why.TRIGGER_TOO_LOW),
        (10, {"stop_loss": 68000}, Why.TRIGGER_TOO_HIGH),
        (-10, {"take_profit": 68000}, Why.TRIGGER_TOO_HIGH),
        (-10, {"stop_loss": 67500}, Why.TRIGGER_TOO_LOW),
        (10, {"stop_loss": "60000.05"}, Why.PRICE),
    ],
)
def test_what_is_attached_on_the_wrong_side_refuses_the_order(
    engine: Engine, size: int, said: dict[str, object], why: Why
) -> None:
    """It would fire at once, and the order with it would be for nothing."""
    refused = place(engine, an_account(engine), size, "67500", **said)

    assert isinstance(refused, Refusal) and refused.why is why


# ---- amending


def test_a_post_only_order_is_not_amended_into_a_taker(engine: Engine) -> None:
    """It promised never to pay the taker's fee."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -10, "67500")
    order = placed(engine, buyer, 10, "67400", tif=Tif.POST)
    refused = engine.amend(order, None, Decimal(67500), "-", NOW)

    assert isinstance(refused, Refusal) and refused.why is Why.POST_WOULD_TAKE
    assert order.is_open and order.price == 67400


def test_an_order_that_closes_a_position_keeps_its_size(engine: Engine) -> None:
    """Its size is the position's."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -10, "67500")
    placed(engine, buyer, 10)
    order = placed(engine, buyer, 0, "68000", close=True)

    assert isinstance(engine.amend(order, Decimal(-4), None, "-", NOW), Refusal)
    assert engine.amend(order, None, Decimal(68100), "-", NOW) is None


def test_an_amended_order_may_trade_at_once_and_is_told_in_order(engine: Engine) -> None:
    """First what it is now, then what became of it."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -4, "67500")
    order = placed(engine, buyer, 10, "67400")
    heard = facts(engine)
    engine.amend(order, None, Decimal(67500), "-", NOW)

    words = [fact.word for fact in heard if isinstance(fact, OrderChanged) and fact.order is order]
    assert words == ["_update", "_update"] and order.left == 6
