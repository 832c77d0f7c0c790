"""Orders that wait: placed, told alike by the stream and over REST, amended, cancelled, in ones and in many."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from decimal import Decimal

from shared.clock import CLOCK
from shared.errors import VenueBusy, VenueError, VenueRefused
from shared.exchanges.base import AmendOrder, Guards, Page
from shared.model import Order, plain, text
from tests.venues.contract.bench import Bench, of_kind
from tests.venues.contract.check import (
    CannotTell,
    Need,
    alike,
    check,
    equal,
    expect,
    same,
    to_words,
)
from tests.venues.contract.follower import follow
from tests.venues.contract.trader import Trader, a_step_away, trading

BATCH = 3
SOCKETS = 2
EXPIRED_FOR_MS = 5_000


@check(Need.SMALLEST_SIZE)
async def an_order_that_waits_is_told_alike_by_the_stream_and_over_rest(bench: Bench) -> None:
    """The reply, the push, the look-up by either id and the list must be one and the same order."""
    async with follow(bench) as heard, trading(bench) as trader:
        for side in ("buy", "sell"):
            wish = trader.an_order(side)
            placed = await trader.place(wish)
            same("the status", placed.status, "open")
            same("the side", placed.side, side)
            same("the client order id", placed.client_order_id, wish.client_order_id)
            same("the time in force", placed.time_in_force, "post_only")
            equal("the size", placed.size, wish.size)
            equal("the price", placed.price, wish.price or "")
            equal("what is filled", placed.filled, "0")
            told = await heard.order(placed.id, "open")
            alike("the reply and the push", to_words(placed), to_words(told))
            await _check_rest(trader, placed)
            listed = [order for order in await trader.open_orders() if order.id == placed.id]
            same("how often it is listed as open", len(listed), 1)
            alike("the reply and the list", to_words(placed), to_words(listed[0]))


async def _check_rest(trader: Trader, order: Order) -> None:
    for what, seen in (
        ("its id", await trader.look(order.id)),
        ("its client order id", await trader.look(None, order.client_order_id)),
    ):
        alike(f"the order and its look-up by {what}", to_words(order), to_words(seen))


@check(Need.SMALLEST_SIZE)
async def an_amended_order_is_told_with_its_new_price_and_size(bench: Bench) -> None:
    """One field at a time, then both; the size is the new total. The order keeps its id."""
    async with follow(bench) as heard, trading(bench) as trader:
        for side in ("buy", "sell"):
            order = await trader.place(trader.an_order(side))
            more = text(Decimal(order.size) * 2)
            most = text(Decimal(order.size) * 3)
            nearer, further = order.price, a_step_away(trader.terms, side, order.price)
            for price, size in ((further, None), (None, more), (nearer, most)):
                amended = AmendOrder(trader.symbol, order.id, side, size, price)
                price, size = price or order.price, size or order.size
                reply = await bench.call(bench.wire.amend(amended, None))
                seen = await bench.shown(reply, _has(price, size))
                same("the order's id", seen.id, order.id)
                equal("the price", seen.price, price or "")
                equal("the size", seen.size, size)
                same("the status", seen.status, "open")
                order = await heard.order(order.id, "open", _is(seen))
                await _check_rest(trader, order)


def _has(price: str | None, size: str) -> Callable[[Order], bool]:
    return lambda order: (plain(order.price), plain(order.size)) == (plain(price), plain(size))


def _is(wanted: Order) -> Callable[[Order], bool]:
    return lambda order: to_words(order) == to_words(wanted)


@check(Need.SMALLEST_SIZE)
async def a_cancelled_order_is_final_on_the_stream_and_over_rest(bench: Bench) -> None:
    """And stays so: a second cancel is refused and changes nothing."""
    async with follow(bench) as heard, trading(bench) as trader:
        order = await trader.place(trader.an_order())
        gone = await trader.cancel(order)
        same("the status in the reply", gone.status, "cancelled")
        told = await heard.order(order.id, "cancelled")
        alike("the reply and the push", to_words(gone), to_words(told))
        equal("what is filled", told.filled, "0")
        same("the cause of a plain cancel", told.cause, None)
        alike("the push and the look-up", to_words(told), to_words(await trader.final(order.id)))
        expect(order.id not in {each.id for each in await trader.open_orders()}, "it is still listed as open")

        error = await bench.refusal(bench.wire.cancel(trader.symbol, order.id))
        expect(isinstance(error, VenueRefused), f"a second cancel was answered with {error!r}")
        expect(error is not None and not error.retryable, f"a second cancel is said to help: {error}")
        same("the status after it", (await trader.look(order.id)).status, "cancelled")


@check(Need.SMALLEST_SIZE)
async def a_finished_order_is_found_by_its_client_order_id(bench: Bench) -> None:
    """How an unknown outcome is resolved: right after it ended the venue must still know it."""
    async with trading(bench) as trader:
        order = await trader.cancel(await trader.place(trader.an_order()))
        seen = await trader.look(None, order.client_order_id)
        finished = of_kind(Order, await bench.ask(bench.wire.orders(trader.symbol, "finished", Page(20))))

        alike("the order and its look-up", to_words(order), to_words(seen))
        expect(order.id in {each.id for each in finished}, "it is not listed as finished")


@check(Need.SMALLEST_SIZE)
async def an_ioc_that_cannot_fill_is_cancelled_at_once(bench: Bench) -> None:
    """It ends without a fill, and with a cause that is not the user's."""
    await _ends_at_once(bench, "ioc")


@check(Need.SMALLEST_SIZE)
async def a_fok_that_cannot_fill_is_not_there(bench: Bench) -> None:
    """Refused, or cancelled without a fill: either says that nothing was traded."""
    await _ends_at_once(bench, "fok")


async def _ends_at_once(bench: Bench, time_in_force: str) -> None:
    async with follow(bench) as heard, trading(bench) as trader:
        try:
            placed = await trader.place(trader.an_order(time_in_force=time_in_force))
        except VenueRefused:
            expect(time_in_force == "fok", f"{time_in_force} is refused")
            return
        final = await trader.final(placed.id)
        same("the status", final.status, "cancelled")
        equal("what is filled", final.filled, "0")
        expect(final.cause, "it has no cause, as if the user had cancelled it")
        alike("the push and the look-up", to_words(await heard.order(placed.id, "cancelled")), to_words(final))


@check(Need.SMALLEST_SIZE)
async def a_post_only_order_that_would_trade_does_not(bench: Bench) -> None:
    """Venues say it in two ways, refused or cancelled; both mean that nothing was placed."""
    async with trading(bench) as trader:
        await trader.expect_flat()
        crossing = text(trader.terms.beyond("sell", trader.terms.band / 10))
        wish = trader.an_order("buy", price=crossing)
        try:
            placed = await trader.place(wish)
        except VenueRefused as refused:
            expect(not refused.retryable, f"it is said that trying again helps: {refused}")
        else:
            final = await trader.final(placed.id)
            same("the status", final.status, "cancelled")
            same("the cause", final.cause, "post_only")
        same("what is held", await bench.held(), {})


@check(Need.SMALLEST_SIZE)
async def an_order_that_came_too_late_is_not_placed(bench: Bench) -> None:
    """With an expiry that has passed the venue refuses; that nothing happened must be certain, not unknown."""
    async with trading(bench) as trader:
        wish = trader.an_order()
        request = bench.wire.place(wish, CLOCK.now_ms() - EXPIRED_FOR_MS)
        if request.expires_at_ms is None:
            raise CannotTell("this venue takes no expiry with an order")
        trader.remember(wish)
        error = await bench.refusal(request)
        expect(error is not None, "an order was taken after its time")
        expect(isinstance(error, VenueRefused | VenueBusy), f"it was answered with {type(error).__name__}: {error}")
        await _expect_absent(trader, wish.client_order_id)
        in_time = await trader.place(trader.an_order(), CLOCK.now_ms() + 10_000)
        same("the status of one that is in time", in_time.status, "open")


async def _expect_absent(trader: Trader, client_order_id: str) -> None:
    ask = trader.bench.wire.order(trader.symbol, None, client_order_id)
    try:
        facts = await trader.bench.ask(ask)
    except VenueError as error:
        expect(ask.absent(error), f"whether it was placed cannot be told: {error}")
    else:
        expect(not facts, f"it was placed: {facts}")


@check(Need.SMALLEST_SIZE)
async def a_refused_order_was_never_there(bench: Bench) -> None:
    """The refusal carries the venue's label, and no look-up finds it afterwards."""
    async with trading(bench) as trader:
        wish = trader.too_large()
        trader.remember(wish)
        error = await bench.refusal(bench.wire.place(wish, None))
        expect(isinstance(error, VenueRefused), f"an order that is too large was answered with {error!r}")
        expect(error is not None and error.venue_code, "the refusal has no label")

        await _expect_absent(trader, wish.client_order_id)


@check(Need.SMALLEST_SIZE)
async def two_sockets_at_once_hear_the_same(bench: Bench) -> None:
    """What make-before-break stands on: while one session takes over from another, both hear everything."""
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(follow(bench)) for _ in range(SOCKETS)]
        trader = await stack.enter_async_context(trading(bench))
        order = await trader.place(trader.an_order())
        opened = [to_words(await heard.order(order.id, "open")) for heard in both]
        await trader.cancel(order)
        ended = [to_words(await heard.order(order.id, "cancelled")) for heard in both]

        alike("what two sockets heard of an open order", *opened)
        alike("what two sockets heard of its end", *ended)


# Many at once.


@check(Need.SMALLEST_SIZE)
async def each_order_of_a_batch_has_its_own_outcome(bench: Bench) -> None:
    """One that is refused must not hide what became of the others, nor take another one's place."""
    if bench.venue.limits.batch_place_max < BATCH:
        raise CannotTell("this venue places no batches")
    async with follow(bench) as heard, trading(bench) as trader:
        wishes = [trader.an_order("buy"), trader.too_large(), trader.an_order("sell")]
        trader.remember(*wishes)
        reply = await bench.call(bench.wire.place_batch(wishes, None))
        outcomes = bench.wire.to_placed(reply, wishes)
        same("how many outcomes there are", len(outcomes), BATCH)
        first, refused, last = outcomes
        expect(isinstance(refused, VenueRefused) and refused.venue_code, f"the one that is too large is {refused!r}")
        for wish, placed in ((wishes[0], first), (wishes[2], last)):
            expect(isinstance(placed, Order), f"a good one was answered with {placed!r}")
            assert isinstance(placed, Order)
            same("the client order id", placed.client_order_id, wish.client_order_id)
            alike("the outcome and the push", to_words(placed), to_words(await heard.order(placed.id, "open")))
        await _expect_absent(trader, wishes[1].client_order_id)


@check(Need.SMALLEST_SIZE)
async def cancelling_many_tells_the_outcome_of_each(bench: Bench) -> None:
    """One that had ended before is refused by itself, and the others are gone."""
    if bench.venue.limits.batch_cancel_max < BATCH:
        raise CannotTell("this venue cancels no batches")
    async with follow(bench) as heard, trading(bench) as trader:
        orders = [await trader.place(trader.an_order()) for _ in range(BATCH)]
        await trader.cancel(orders[1])
        ids = [order.id for order in orders]
        outcomes = bench.wire.to_cancelled(await bench.call(bench.wire.cancel_batch(ids, [bench.symbol] * BATCH)), ids)
        same("how many outcomes there are", len(outcomes), BATCH)
        same("the outcomes of those that were open", [outcomes[0], outcomes[2]], [None, None])
        expect(isinstance(outcomes[1], VenueRefused), f"the one that had ended is {outcomes[1]!r}")
        for order_id in ids:
            await heard.order(order_id, "cancelled")
        same("what is still open", [order.id for order in await trader.open_orders() if order.id in ids], [])


@check(Need.SMALLEST_SIZE)
async def cancelling_all_takes_what_is_meant_and_no_more(bench: Bench) -> None:
    """First one side of an instrument, then the rest of it; each order that went is shown."""
    async with follow(bench) as heard, trading(bench) as trader:
        await trader.is_alone()
        buys = [await trader.place(trader.an_order("buy")) for _ in range(2)]
        sell = await trader.place(trader.an_order("sell"))
        shown = await _cancel_all(bench, "buy")
        _check_shown(shown, {order.id for order in buys})
        for order in buys:
            await heard.order(order.id, "cancelled")
        same("what is open after the buys went", [order.id for order in await trader.open_orders()], [sell.id])

        shown = await _cancel_all(bench)
        _check_shown(shown, {sell.id})
        await heard.order(sell.id, "cancelled")
        same("what is open in the end", await trader.open_orders(), [])
        again = await _cancel_all(bench)
        same("what a second time shows", again, [])


async def _cancel_all(bench: Bench, side: str | None = None) -> list[Order]:
    request = bench.wire.cancel_all(bench.symbol, side)
    if request is None:
        raise CannotTell("this venue has no such request")
    return bench.wire.to_orders(await bench.call(request))


def _check_shown(orders: list[Order], wanted: set[str]) -> None:
    same("the orders that went", {order.id for order in orders}, wanted)
    same("their states", {order.status for order in orders}, {"cancelled"})


# What a venue may attach.


@check(Need.SMALLEST_SIZE)
async def attached_guards_are_echoed_or_refused(bench: Bench) -> None:
    """A take-profit that was asked for and is not there must be noticed, or a position stands unprotected."""
    async with trading(bench) as trader:
        order = trader.an_order()
        price = Decimal(order.price or 0)
        up, down = trader.terms.to_step(price * Decimal("1.02")), trader.terms.to_step(price * Decimal("0.98"))
        wanted = Guards(text(up), text(down))
        wish = trader.an_order(guards=wanted)
        trader.remember(wish)
        request = bench.wire.place(wish, None)
        try:
            reply = await bench.call(request)
        except VenueRefused as refused:
            await _expect_absent(trader, wish.client_order_id)
            raise CannotTell(f"attached take-profit and stop-loss are refused here: {refused}") from None
        placed = await bench.shown(reply)
        told = bench.wire.guards_told(reply) or Guards()
        if told == Guards():
            reply = await bench.call(bench.wire.order(trader.symbol, placed.id).request)
            told = bench.wire.guards_told(reply) or Guards()
        for what, seen, asked in (
            ("the take-profit", told.take_profit, wanted.take_profit),
            ("the stop-loss", told.stop_loss, wanted.stop_loss),
        ):
            same(f"{what} that is attached", plain(seen), plain(asked))
