"""What a bad day looks like: answers that are lost, limits, server errors, notices, and money that is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from shared.clock import CLOCK
from shared.errors import VenueBusy, VenueError, VenueUnknown
from shared.exchanges.base import Leverage
from shared.model import Order, Position, text
from tests.venues.contract.bench import Bench
from tests.venues.contract.check import Need, check, expect, same
from tests.venues.contract.follower import follow
from tests.venues.contract.trader import trading

SKEW_MS = 40_000
MOST_LEVERAGE = "50"


@asynccontextmanager
async def broken(bench: Bench, kind: str, **said: object) -> AsyncIterator[None]:
    await bench.paper.fault(kind, **said)
    try:
        yield
    finally:
        await bench.paper.clear_faults()


@check(Need.PAPER_ONLY)
async def an_order_whose_answer_is_lost_is_unknown_and_then_found(bench: Bench) -> None:
    """Never refused and never sent again: by its client order id it is seen that it was placed, once."""
    async with trading(bench) as trader:
        wish = trader.an_order()
        trader.remember(wish)
        async with broken(bench, "cut_reply"):
            error = await bench.refusal(bench.wire.place(wish, None))
        expect(isinstance(error, VenueUnknown), f"a lost answer is {error!r}")
        seen = await trader.look(None, wish.client_order_id)

        same("its status", seen.status, "open")
        same("how many there are", len(await trader.open_orders()), 1)


@check(Need.PAPER_ONLY)
async def a_server_error_leaves_a_write_unknown(bench: Bench) -> None:
    """Whether it was carried out is told by a look-up, and by nothing else; a read may simply be asked again."""
    async with trading(bench) as trader:
        async with broken(bench, "http_5xx"):
            wish = trader.an_order()
            trader.remember(wish)
            error = await bench.refusal(bench.wire.place(wish, None))
            expect(isinstance(error, VenueUnknown), f"a server error on a write is {error!r}")
            read = await bench.refusal(bench.venue.identity())
            expect(isinstance(read, VenueUnknown | VenueBusy) and read.retryable, f"on a read it is {read!r}")
        ask = bench.wire.order(trader.symbol, None, wish.client_order_id)
        try:
            await bench.ask(ask)
        except VenueError as gone:
            expect(ask.absent(gone), f"whether it was placed cannot be told: {gone}")


@check(Need.PAPER_ONLY)
async def too_many_requests_is_not_now(bench: Bench) -> None:
    """Nothing happened; the caller is told for how long to wait."""
    async with broken(bench, "http_429"), trading(bench) as trader:
        wish = trader.an_order()
        error = await bench.refusal(bench.wire.place(wish, None))
        expect(isinstance(error, VenueBusy), f"too many requests are {error!r}")
        assert error is not None
        same("its status", error.status, 429)
        expect(error.retryable and error.retry_after_s, f"it is not said when to ask again: {error.retry_after_s}")
        await bench.paper.clear_faults()

        same("what was placed", await trader.open_orders(), [])


@check(Need.PAPER_ONLY)
async def a_clock_that_is_off_costs_no_call(bench: Bench) -> None:
    """Ours or the venue's: it is measured, and everything is signed by the venue's time."""
    for skew_ms in (SKEW_MS, -SKEW_MS):
        await bench.paper.skew(skew_ms)
        try:
            async with bench.again() as other:
                ahead_ms = other.rest.offset_ms(other.venue, other.endpoints.rest_url)
                expect(abs(ahead_ms - skew_ms) < 2_000, f"a clock that is {skew_ms} ms ahead is measured as {ahead_ms}")
                async with follow(other) as heard, trading(other) as trader:
                    order = await trader.place(trader.an_order(), CLOCK.now_ms() + 10_000)
                    await heard.order(order.id, "open")
        finally:
            await bench.paper.skew(0)


@check(Need.PAPER_ONLY)
async def a_notice_that_a_socket_will_close_is_heard(bench: Bench) -> None:
    """Time enough to open another one first: the end is planned, and no surprise."""
    async with follow(bench) as heard, broken(bench, "maintenance"):
        lost = await heard.lost()

    expect(lost.planned, f"the end was a surprise: {lost}")


@check(Need.PAPER_ONLY)
async def a_socket_that_is_cut_is_noticed(bench: Bench) -> None:
    """At once and as unplanned, so that the time until the next one is said to be blind."""
    async with follow(bench) as heard, broken(bench, "close_sockets"):
        lost = await heard.lost()

    expect(not lost.planned, f"a cut is taken for an announced end: {lost}")


@check(Need.PAPER_ONLY)
async def pushes_that_come_twice_or_in_disorder_end_in_the_same_record(bench: Bench) -> None:
    """Facts only move forward: whatever order they came in, that of the highest rank is what is so."""
    async with follow(bench) as heard, trading(bench) as trader:
        await bench.paper.fault("shuffle_frames")
        await bench.paper.fault("repeat_frames")
        try:
            done = await trader.open_position()
            await heard.order(done.id, "filled")
            await heard.fills(done.id, done.size)
        finally:
            await bench.paper.clear_faults()
        told = [order for order in heard.of(Order) if order.id == done.id]

        same("the fact of the highest rank", max(told, key=lambda order: order.rank()).status, "filled")


@check(Need.PAPER_ONLY)
async def a_liquidation_is_told_with_its_cause(bench: Bench) -> None:
    """Who lost a position must be able to see that it was the venue that took it."""
    await bench.call(bench.wire.set_leverage(bench.symbol, Leverage(MOST_LEVERAGE, "isolated"), hedged=bench.hedged))
    async with follow(bench) as heard, trading(bench) as trader:
        await trader.expect_flat()
        size = trader.terms.size * 100
        done = await trader.final((await trader.place(trader.at_market(size=text(size), margin_mode="isolated"))).id)
        await heard.position(trader.symbol, done.filled, "long")
        price = trader.terms.to_step(trader.terms.last * (1 - 2 / Decimal(MOST_LEVERAGE)))
        await bench.paper.price(bench.symbol, price)
        await heard.position(trader.symbol, "0")
        forced = await heard.until(
            lambda: next((o for o in heard.of(Order) if o.cause == "liquidation"), None), "an order of the liquidation"
        )
        expect(forced.id != done.id, "the user's own order is said to be the liquidation")
        ended = await heard.until(
            lambda: next((p for p in heard.of(Position) if p.closed_at_ms), None), "how the position ended"
        )

        same("the cause of the position's end", ended.cause, "liquidation")
