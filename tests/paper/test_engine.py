"""The matching engine, alone: what must hold whatever anybody does to it."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.paper.accounts import SINGLE, Account
from shared.paper.contracts import LISTED
from shared.paper.engine import Engine
from shared.paper.facts import Filled, OrderChanged, PositionClosed, TriggerChanged
from shared.paper.market import Market
from shared.paper.orders import OrderRequest, Refusal, Tif, Why
from shared.paper.triggers import Trigger
from tests.paper.trading import BTC, NOW, an_account, facts, place, placed

ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(
            [
                "limit",
                "limit",
                "limit",
                "iceberg",
                "fill_or_kill",
                "market",
                "reduce",
                "close",
                "cancel",
                "amend",
                "move",
                "pin",
                "isolate",
                "protect",
                "fund",
                "deleverage",
            ]
        ),
        st.integers(-3000, 3000).filter(bool),
        st.integers(-60, 60),
    ),
    max_size=40,
)


def act(engine: Engine, market: Market, accounts: list[Account], action: tuple[int, str, int, int]) -> None:
    who, kind, size, offset = action
    account, price = accounts[who], f"{67500 + offset * 3}.0"
    resting = list(account.open_orders.values())
    if kind == "limit":
        place(engine, account, size, price)
    elif kind == "iceberg":
        place(engine, account, size, price, iceberg=abs(offset) + 1)
    elif kind == "fill_or_kill":
        place(engine, account, size, price, tif=Tif.FOK)
    elif kind == "protect":
        above, below = Decimal(70000), Decimal(65000)
        profit, loss = (above, below) if size > 0 else (below, above)
        place(engine, account, size, price, take_profit=profit, stop_loss=loss)
    elif kind == "fund":
        engine.funding.charge(engine.listings[BTC], Decimal(offset) / 10_000, NOW)
    elif kind == "deleverage":
        engine.liquidations.deleverage(account.position(LISTED[0], SINGLE), Decimal(abs(size)), NOW)
    elif kind == "pin":
        market.pin(BTC, "mark", Decimal(67500 + offset * 200), NOW)
    elif kind in ("market", "reduce"):
        place(engine, account, size, reduce_only=kind == "reduce")
    elif kind == "close":
        place(engine, account, 0, close=True)
    elif kind == "cancel" and resting:
        engine.cancel(resting[size % len(resting)], NOW)
    elif kind == "amend" and resting:
        engine.amend(resting[size % len(resting)], Decimal(size), Decimal(price), "-", NOW)
    elif kind == "move":
        market.set_price(BTC, Decimal(67500 + offset * 400), NOW, hold=False)
    elif kind == "isolate":
        held = account.position(LISTED[0], SINGLE)
        if not held.size:
            held.is_cross, held.leverage = False, Decimal(20)


def check(engine: Engine, deposits: Decimal) -> None:
    listing = engine.listings[BTC]
    book = listing.book
    assert not book.is_crossed()
    for side in (book.bids, book.asks):
        assert side.prices == sorted(side.levels)
        for price, level in side.levels.items():
            assert side.totals[price] == sum(order.shown for order in level.values()) > 0
            assert side.hidden.get(price, 0) == sum(abs(order.left) - order.shown for order in level.values())
    held = [account.position(listing.contract, SINGLE) for account in engine.accounts]
    assert sum(position.size for position in held) == 0
    worth = sum(account.balance + account.unrealised(engine.marks()) for account in engine.accounts)
    assert worth + engine.fees + engine.insurance == deposits
    for account in engine.accounts:
        for order in account.orders.values():
            assert 0 <= order.filled <= abs(order.size) and (order.left == 0 or (order.left > 0) == order.is_buy)
            assert sum(abs(fill.size) for fill in order.fills) == order.filled
            assert order.is_open == (order.id in account.open_orders)
            assert order.tif is not Tif.FOK or order.filled in (0, abs(order.size))
            for trigger in order.attached:
                assert trigger.is_waiting == (trigger.id in account.guards)
                assert trigger.status != "inactive" or (order.is_open and not order.filled)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_no_order_of_events_makes_money_or_crosses_a_book_or_overfills(
    actions: list[tuple[int, str, int, int]],
) -> None:
    """Everybody checks their books against these: they must be right even when a market crashes."""
    engine = Engine(LISTED)
    market = Market(engine, seed=3, now_ms=NOW)
    accounts = [
        an_account(engine, money, stp_group=group) for money, group in (("500", 0), ("10000", 7), ("1000000", 7))
    ]

    for action in actions:
        act(engine, market, accounts, action)
        check(engine, Decimal("1010500"))
    assert not trades_within_a_group(accounts)


def trades_within_a_group(accounts: list[Account]) -> set[int]:
    """The trades that two accounts of one group made with each other."""
    one, other = ({fill.id for fill in account.fills} for account in accounts[1:])
    return one & other


def test_the_best_price_trades_first_and_within_it_the_oldest(engine: Engine) -> None:
    """Price-time priority is what makes a queue position worth anything."""
    seller, buyer = an_account(engine), an_account(engine)
    late_but_better = ["67500.2", "67500.2", "67500.1"]
    second, third, first = (placed(engine, seller, -10, price) for price in late_but_better)
    placed(engine, buyer, 15, "67500.2")

    assert [first.left, second.left, third.left] == [Decimal(0), Decimal(-5), Decimal(-10)]


def test_only_a_smaller_size_keeps_its_place_in_the_queue(engine: Engine) -> None:
    """Otherwise an amend would be a way to jump the queue, or smaller orders would be punished."""
    seller, buyer = an_account(engine), an_account(engine)
    shrunk, grown, other = (placed(engine, seller, -10, "67500") for _ in range(3))
    assert engine.amend(shrunk, Decimal(-5), None, "-", NOW) is None
    assert engine.amend(grown, Decimal(-20), None, "-", NOW) is None
    placed(engine, buyer, 15, "67500")

    assert [shrunk.left, other.left, grown.left] == [Decimal(0), Decimal(0), Decimal(-20)]


def test_an_order_that_fills_at_once_is_told_once(engine: Engine) -> None:
    """A client must not wait for a `_new` that the venue never sends."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -10, "67500")
    heard = facts(engine)
    order = placed(engine, buyer, 10)

    told = [
        (fact.word, fact.order.update_id) for fact in heard if isinstance(fact, OrderChanged) and fact.order is order
    ]
    assert told == [("filled", 1)]


def test_an_order_that_fills_in_part_is_told_new_then_updated_then_filled(engine: Engine) -> None:
    """The life that every connector must be able to follow."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -4, "67500")
    heard = facts(engine)
    order = placed(engine, buyer, 10, "67500")
    placed(engine, seller, -6)

    told = [
        (fact.word, fact.order.update_id) for fact in heard if isinstance(fact, OrderChanged) and fact.order is order
    ]
    assert [word for word, _ in told] == ["_new", "_update", "filled"]
    assert [(fill.size, fill.role) for fill in order.fills] == [(Decimal(4), "taker"), (Decimal(6), "maker")]


def test_what_a_market_order_cannot_fill_is_cancelled(engine: Engine) -> None:
    """An `ioc` with a remainder ends with its fills, and the remainder never rests."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -4, "67500")
    order = placed(engine, buyer, 10)

    assert (order.finish_as, order.filled, order.left) == ("ioc", Decimal(4), Decimal(6))
    assert not buyer.open_orders


def test_margin_is_checked_before_an_order_may_bind_it(engine: Engine) -> None:
    """One contract is 6.75 USDT: with leverage 10 and 100 USDT about 148 can be bought, not 200."""
    buyer = an_account(engine, "100")

    assert place(engine, buyer, 200, "67500") == Refusal(Why.MARGIN)
    first = placed(engine, buyer, 100, "67500")
    assert place(engine, buyer, 100, "67500") == Refusal(Why.MARGIN)
    engine.cancel(first, NOW)
    placed(engine, buyer, 100, "67500")


def test_a_reduce_only_order_never_opens_a_position(engine: Engine) -> None:
    """It stands for a stop: turning round a position is the accident it must prevent."""
    seller, buyer = an_account(engine), an_account(engine)
    assert place(engine, seller, -5, "67500", reduce_only=True) == Refusal(Why.NO_POSITION)
    placed(engine, seller, -5, "67500")
    placed(engine, buyer, 5)
    assert place(engine, buyer, 5, "67400", reduce_only=True) == Refusal(Why.WOULD_INCREASE)
    placed(engine, seller, 20, "67300")
    stop = placed(engine, buyer, -12, reduce_only=True)

    assert (stop.finish_as, stop.filled) == ("reduce_only", Decimal(5))
    assert buyer.position(LISTED[0], SINGLE).size == 0


def test_orders_that_could_only_reduce_go_with_their_position(engine: Engine) -> None:
    """A take-profit that outlives its position would open one the other way."""
    seller, buyer = an_account(engine), an_account(engine)
    placed(engine, seller, -5, "67500")
    placed(engine, buyer, 5)
    profit = placed(engine, buyer, -5, "68000", reduce_only=True)
    placed(engine, seller, 5, "67400")
    heard = facts(engine)
    placed(engine, buyer, 0, close=True)

    assert profit.finish_as == "position_closed"
    closed = [fact for fact in heard if isinstance(fact, PositionClosed) and fact.position.account is buyer]
    assert [(fact.side, fact.pnl) for fact in closed] == [("long", Decimal("-0.05") - closed_fees())]


def closed_fees() -> Decimal:
    """The fees of the holding: of getting in, which was before, and of getting out."""
    taker = LISTED[0].taker_rate
    return LISTED[0].value(Decimal(5), Decimal(67500)) * taker + LISTED[0].value(Decimal(5), Decimal(67400)) * taker


def test_a_trigger_fires_once_when_its_price_is_reached_and_not_before(engine: Engine) -> None:
    """A stop that fires early or twice costs as much as one that never fires."""
    market = Market(engine, seed=1, now_ms=NOW)
    buyer = an_account(engine)
    placed(engine, buyer, 10)
    request = OrderRequest(BTC, Decimal(-10), tif=Tif.IOC, reduce_only=True)
    stop = Trigger(engine.triggers.next_id(), buyer, LISTED[0], request, Decimal(67000), "mark", False, NOW)
    engine.triggers.set(stop)
    market.set_price(BTC, Decimal("67000.1"), NOW, hold=True)
    assert stop.status == "open"
    heard = facts(engine)
    market.set_price(BTC, Decimal(67000), NOW, hold=True)
    market.set_price(BTC, Decimal(66000), NOW, hold=True)

    assert (stop.finish_as, buyer.orders[stop.order_id].finish_as) == ("succeeded", "filled")
    assert len([fact for fact in heard if isinstance(fact, TriggerChanged)]) == 1


def test_a_trigger_whose_position_is_gone_fails_and_says_why(engine: Engine) -> None:
    """It was not checked when it was set, so it must be told when it fires."""
    market = Market(engine, seed=1, now_ms=NOW)
    buyer = an_account(engine)
    request = OrderRequest(BTC, Decimal(0), tif=Tif.IOC, close=True)
    stop = Trigger(engine.triggers.next_id(), buyer, LISTED[0], request, Decimal(67000), "last", False, NOW)
    engine.triggers.set(stop)
    market.set_price(BTC, Decimal(66000), NOW, hold=True)

    assert (stop.finish_as, stop.reason) == ("failed", "no_position")


def test_a_position_that_cannot_be_held_is_taken_away(engine: Engine) -> None:
    """Liquidation is the only system fill, and clients must see it as one."""
    market = Market(engine, seed=1, now_ms=NOW)
    gambler = an_account(engine, "1000")
    held = gambler.position(LISTED[0], SINGLE)
    held.leverage = Decimal(100)
    placed(engine, gambler, 10000)
    resting = placed(engine, gambler, 10, "60000")
    market.set_price(BTC, Decimal(66500), NOW, hold=True)

    assert held.size == 0 and resting.finish_as == "liquidated"
    last = list(gambler.orders.values())[-1]
    assert (last.is_liquidation, last.text, last.finish_as) == (True, "liquidation", "filled")
    assert gambler.balance >= 0


def test_a_price_that_moves_through_a_resting_order_fills_it(engine: Engine) -> None:
    """People test their fills with `POST /paper/price`, and trust that crossed means filled."""
    market = Market(engine, seed=1, now_ms=NOW)
    buyer = an_account(engine)
    heard = facts(engine)
    order = placed(engine, buyer, 100, "67000")
    market.set_price(BTC, Decimal(67000), NOW, hold=True)

    assert order.finish_as == "filled" and order.fill_price == Decimal(67000)
    assert [fact.fill.role for fact in heard if isinstance(fact, Filled)] == ["maker"]


def test_a_held_market_leaves_a_half_filled_order_alone(engine: Engine) -> None:
    """A partial fill can be forced, looked at for as long as one likes, and then finished."""
    market = Market(engine, seed=1, now_ms=NOW)
    buyer = an_account(engine, "1000000")
    market.set_price(BTC, Decimal(67000), NOW, hold=True)
    order = placed(engine, buyer, 5000, "67000.1")
    filled = order.filled
    assert 0 < filled < 5000
    for _ in range(20):
        market.step(NOW)

    assert order.filled == filled
    market.set_price(BTC, Decimal(66990), NOW, hold=True)
    assert order.finish_as == "filled"


def test_the_seeded_market_moves_but_less_than_four_percent_a_minute(engine: Engine) -> None:
    """It must neither stand still nor run away, and the same seed must tell the same story."""
    market = Market(engine, seed=5, now_ms=NOW)
    seen = []
    for i in range(1200):
        market.step(NOW + i * 500)
        seen.append(engine.listings[BTC].last)

    assert len(set(seen)) > 300
    for start in range(0, len(seen) - 120, 40):
        minute = seen[start : start + 120]
        assert (max(minute) - min(minute)) / min(minute) < Decimal("0.04")
    again = Engine(LISTED)
    other = Market(again, seed=5, now_ms=NOW)
    for i in range(50):
        other.step(NOW + i * 500)
    assert again.listings[BTC].last == seen[49]
