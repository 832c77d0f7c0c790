"""What the engine takes and what it gives without being asked: funding, liquidation, deleveraging, risk limits."""

from __future__ import annotations

from decimal import Decimal

from shared.paper.accounts import SINGLE, Account, Position
from shared.paper.contracts import LISTED
from shared.paper.engine import Engine
from shared.paper.facts import BalanceChanged, Deleveraged, Liquidated, PositionChanged, PositionClosed
from shared.paper.market import Market
from shared.paper.orders import Refusal, Why
from tests.paper.trading import BTC, NOW, an_account, facts, place, placed

CONTRACT = LISTED[0]
INTERVAL_MS = CONTRACT.funding_interval_s * 1000


def held_by(account: Account) -> Position:
    return account.position(CONTRACT, SINGLE)


def worth(engine: Engine) -> Decimal:
    everybody = sum((a.balance + a.unrealised(engine.marks()) for a in engine.accounts), Decimal(0))
    return everybody + engine.fees + engine.insurance


# ---- funding


def test_longs_pay_shorts_and_no_money_is_made(engine: Engine) -> None:
    """A history whose funding does not add up cannot be reconciled by anybody."""
    long, short = an_account(engine), an_account(engine)
    placed(engine, short, -10, "67500")
    placed(engine, long, 10)
    before, heard = worth(engine), facts(engine)
    engine.funding.charge(engine.listings[BTC], Decimal("0.001"), NOW)

    paid = {fact.account: fact.change for fact in heard if isinstance(fact, BalanceChanged)}
    assert paid == {long: Decimal("-0.0675"), short: Decimal("0.0675")}
    assert {fact.kind for fact in heard if isinstance(fact, BalanceChanged)} == {"fund"}
    assert (held_by(long).funding, worth(engine)) == (Decimal("-0.0675"), before)
    assert len([fact for fact in heard if isinstance(fact, PositionChanged)]) == 2


def test_funding_is_charged_once_an_interval_and_not_for_the_time_before(engine: Engine) -> None:
    """A venue that was just born owes nothing, and a clock that jumps charges once."""
    market = Market(engine, seed=1, now_ms=NOW)
    trader = an_account(engine)
    placed(engine, trader, 10)
    heard = facts(engine)
    for now_ms in (NOW, NOW + 1000, NOW + INTERVAL_MS, NOW + INTERVAL_MS + 1000, NOW + 5 * INTERVAL_MS):
        market.step(now_ms)

    assert len([fact for fact in heard if isinstance(fact, BalanceChanged) and fact.kind == "fund"]) == 2


def test_funding_counts_in_what_a_closed_position_made(engine: Engine) -> None:
    """`pnl` is the sum of its parts."""
    long, short = an_account(engine), an_account(engine)
    placed(engine, short, -10, "67500")
    placed(engine, long, 10)
    engine.funding.charge(engine.listings[BTC], Decimal("0.001"), NOW)
    placed(engine, short, 10, "67500")
    heard = facts(engine)
    placed(engine, long, -10)

    closed = next(f for f in heard if isinstance(f, PositionClosed) and f.position.account is long)
    fees = 2 * CONTRACT.value(Decimal(10), Decimal(67500)) * CONTRACT.taker_rate
    assert closed.pnl == Decimal("-0.0675") - fees and held_by(long).funding == 0


# ---- liquidation and deleveraging


def a_sinking_long(engine: Engine) -> tuple[Account, list[Account]]:
    """A long that cannot be held at 66500, against two shorts of different leverage."""
    gambler, shorts = an_account(engine, "1000"), [an_account(engine, "100000") for _ in range(2)]
    held_by(gambler).leverage = Decimal(100)
    for leverage, short in zip((5, 50), shorts, strict=True):
        held_by(short).leverage = Decimal(leverage)
        placed(engine, short, -5000, "67500")
    placed(engine, gambler, 10000)
    return gambler, shorts


def test_what_the_book_cannot_take_is_closed_against_the_most_profitable(engine: Engine) -> None:
    """The book is empty, so those who won pay for the loss: the one with the higher leverage first."""
    gambler, (slow, fast) = a_sinking_long(engine)
    money, heard = worth(engine), facts(engine)
    engine.reprice(BTC, Decimal(67490), NOW)
    assert [engine.liquidations.rank(held_by(each)) for each in (gambler, slow, fast)] == [1, 3, 1]
    engine.reprice(BTC, Decimal(66500), NOW)

    assert [held_by(each).size for each in (gambler, slow, fast)] == [0, 0, 0]
    told = [fact for fact in heard if isinstance(fact, Deleveraged)]
    assert [fact.position.account for fact in told] == [fast, slow]
    assert [(f.order.text, f.order.finish_as, f.trade_size) for f in told] == [
        ("auto_deleveraging", "auto_deleveraged", Decimal(5000))
    ] * 2
    assert worth(engine) == money


def test_a_liquidation_tells_what_the_position_was(engine: Engine) -> None:
    """It is told after the order that did it, so what was must be kept."""
    Market(engine, seed=1, now_ms=NOW)
    gambler = an_account(engine, "1000")
    held_by(gambler).leverage = Decimal(100)
    placed(engine, gambler, 10000)
    price = held_by(gambler).liquidation_price(gambler.balance)
    entry, heard = held_by(gambler).entry_price, facts(engine)
    engine.reprice(BTC, price - 1, NOW)

    fact = next(fact for fact in heard if isinstance(fact, Liquidated))
    assert (fact.size, fact.entry_price, fact.liq_price, fact.mark) == (Decimal(10000), entry, price, price - 1)
    assert fact.order.is_liquidation and fact.order.finish_as == "filled"


def test_a_position_is_held_down_to_its_liquidation_price_and_no_further(engine: Engine) -> None:
    """The price that is shown must be the price that is meant."""
    Market(engine, seed=1, now_ms=NOW)
    gambler = an_account(engine, "1000")
    held_by(gambler).leverage = Decimal(100)
    placed(engine, gambler, 10000)
    price = held_by(gambler).liquidation_price(gambler.balance)

    engine.reprice(BTC, price + 1, NOW)
    assert held_by(gambler).size == 10000
    engine.reprice(BTC, price - 1, NOW)
    assert held_by(gambler).size == 0


def test_a_pinned_mark_liquidates_while_the_market_stands(engine: Engine) -> None:
    """The mark decides, not the last trade."""
    market = Market(engine, seed=1, now_ms=NOW)
    market.set_price(BTC, Decimal(67500), NOW, hold=True)
    gambler = an_account(engine, "1000")
    held_by(gambler).leverage = Decimal(100)
    placed(engine, gambler, 10000)
    market.pin(BTC, "mark", Decimal(66500), NOW)

    listing = engine.listings[BTC]
    assert held_by(gambler).size == 0 and (listing.last > 67000, listing.mark) == (True, Decimal(66500))
    market.set_price(BTC, Decimal(67500), NOW, hold=True)
    assert listing.mark == 67500


# ---- risk limits


def test_more_leverage_allows_less(engine: Engine) -> None:
    """At 100x a position may be worth 1,000,000 USDT, at 10x ten times that."""
    rich = an_account(engine, "1000000000")
    for leverage, limit in ((100, 1_000_000), (10, 10_000_000)):
        held_by(rich).leverage = Decimal(leverage)
        size = limit // 7  # a contract is worth 6.75
        placed(engine, rich, min(size, 900_000), "67400")
        refused = place(engine, rich, 900_000, "67400")
        assert isinstance(refused, Refusal) and refused.why is Why.RISK_LIMIT
        for order in list(rich.open_orders.values()):
            engine.cancel(order, NOW)


def test_a_lowered_limit_cancels_the_newest_orders_beyond_it(engine: Engine) -> None:
    """What fits may stay."""
    rich = an_account(engine, "1000000")
    first, second = (placed(engine, rich, 10_000, "67400") for _ in range(2))
    engine.liquidations.reduce_risk_limit(held_by(rich), Decimal(100_000), NOW)

    assert first.is_open and second.finish_as == "cancelled"
    refused = place(engine, rich, 10_000, "67400")
    assert isinstance(refused, Refusal) and refused.why is Why.RISK_LIMIT


def test_a_larger_position_needs_more_maintenance_without_a_step(engine: Engine) -> None:
    """The deduction makes the tiers meet: one contract more never costs a jump."""
    for tier in CONTRACT.tiers[:-1]:
        rates = [CONTRACT.tier_of(tier.risk_limit + more) for more in (0, Decimal("0.001"))]
        below, above = (tier.risk_limit * each.maintenance_rate - each.deduction for each in rates)
        assert rates[0].number + 1 == rates[1].number and below == above
