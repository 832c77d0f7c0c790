"""Order entry over the socket: a choice, with the same outcomes as over REST."""

from __future__ import annotations

from decimal import Decimal

from shared.clock import CLOCK
from shared.errors import KeyRefused, VenueBusy, VenueError, VenueRefused
from shared.exchanges.base import AmendOrder, Request
from shared.model import Order, plain, text
from tests.venues.contract.bench import Bench
from tests.venues.contract.check import CannotTell, Differs, Need, alike, check, equal, expect, same, to_words
from tests.venues.contract.follower import Caller, calling
from tests.venues.contract.trader import Trader, trading

EXPIRED_FOR_MS = 5_000


def _has_calls(trader: Trader) -> None:
    request = trader.bench.wire.place(trader.an_order(), None)
    if trader.bench.venue.to_call(request, "1", trader.bench.venue_now_s()) is None:
        raise CannotTell("this venue takes no orders over the socket")


@check(Need.SMALLEST_SIZE)
async def an_order_placed_over_the_socket_is_the_one_that_rest_shows(bench: Bench) -> None:
    """Placed, amended and cancelled over the socket, with an answer each that reads as REST's does."""
    async with trading(bench) as trader:
        _has_calls(trader)
        async with calling(bench) as caller:
            await caller.login()
            wish = trader.an_order()
            trader.remember(wish)
            placed = await bench.shown(await caller.call(bench.wire.place(wish, CLOCK.now_ms() + 10_000)))
            same("the status", placed.status, "open")
            alike("the answer and the look-up", to_words(placed), to_words(await trader.look(placed.id)))
            more = text(Decimal(placed.size) * 2)
            request = bench.wire.amend(AmendOrder(trader.symbol, placed.id, placed.side, size=more), None)
            amended = await bench.shown(await caller.call(request), lambda order: plain(order.size) == plain(more))
            equal("the size", amended.size, more)
            alike("the amended answer and the look-up", to_words(amended), to_words(await trader.look(placed.id)))
            gone = await bench.shown(await caller.call(bench.wire.cancel(trader.symbol, placed.id)), Order.is_final)
            same("the status in the end", gone.status, "cancelled")
            alike("the last answer and the look-up", to_words(gone), to_words(await trader.look(placed.id)))


@check(Need.SMALLEST_SIZE)
async def many_orders_over_the_socket_have_the_outcomes_of_rest(bench: Bench) -> None:
    """A batch with one that is refused, a batch of cancels with one that had ended, and all of the rest."""
    async with trading(bench) as trader:
        _has_calls(trader)
        await trader.is_alone()
        async with calling(bench) as caller:
            await caller.login()
            wishes = [trader.an_order("buy"), trader.too_large(), trader.an_order("sell"), trader.an_order("buy")]
            trader.remember(*wishes)
            reply = await caller.call(bench.wire.place_batch(wishes, None))
            first, refused, second, third = bench.wire.to_placed(reply, wishes)
            expect(isinstance(refused, VenueRefused), f"the one that is too large is {refused!r}")
            placed = [each for each in (first, second, third) if isinstance(each, Order)]
            same("how many were placed", len(placed), 3)
            await trader.cancel(placed[0])
            ids = [placed[0].id, placed[1].id]
            symbols = [bench.symbol] * len(ids)
            outcomes = bench.wire.to_cancelled(await caller.call(bench.wire.cancel_batch(ids, symbols)), ids)
            expect(isinstance(outcomes[0], VenueRefused), f"the one that had ended is {outcomes[0]!r}")
            same("the outcome of the one that was open", outcomes[1], None)
            cancel_all = bench.wire.cancel_all(trader.symbol)
            if cancel_all is None:
                await caller.call(bench.wire.cancel(trader.symbol, placed[2].id))
            else:
                shown = bench.wire.to_orders(await caller.call(cancel_all))
                same("what cancelling all shows", [order.id for order in shown], [placed[2].id])
            same("what is open in the end", await trader.open_orders(), [])


@check(Need.SMALLEST_SIZE)
async def what_is_refused_over_the_socket_is_refused_as_over_rest(bench: Bench) -> None:
    """The same class and the same label of the venue, whichever way it was asked."""
    async with trading(bench) as trader:
        _has_calls(trader)
        async with calling(bench) as caller:
            await caller.login()
            over_rest, over_socket = trader.too_large(), trader.too_large()
            trader.remember(over_rest, over_socket)
            wire, ended = bench.wire, await trader.cancel(await trader.place(trader.an_order()))
            again = wire.cancel(trader.symbol, ended.id)
            amend = wire.amend(AmendOrder(trader.symbol, ended.id, ended.side, size=ended.size), None)
            for what, by_rest, by_socket in (
                ("an order that is too large", wire.place(over_rest, None), wire.place(over_socket, None)),
                ("a second cancel", again, again),
                ("an amendment of what has ended", amend, amend),
            ):
                first, second = await bench.refusal(by_rest), await _refusal(caller, by_socket)
                same(f"{what} over the socket", _words(second), _words(first))
            late = trader.an_order()
            trader.remember(late)
            error = await _refusal(caller, wire.place(late, CLOCK.now_ms() - EXPIRED_FOR_MS))
            expect(
                isinstance(error, VenueRefused | VenueBusy), f"an order that came too late was answered with {error!r}"
            )


@check(Need.READ_ONLY)
async def a_socket_takes_no_orders_before_it_is_told_who_speaks(bench: Bench) -> None:
    """Without a login a call is refused as a key is, so that the caller goes another way."""
    trader = Trader(bench, await bench.terms())
    _has_calls(trader)
    async with calling(bench) as caller:
        error = await _refusal(caller, bench.wire.cancel(bench.symbol, "581234567890123"))

    expect(isinstance(error, KeyRefused), f"a call without a login was answered with {error!r}")


async def _refusal(caller: Caller, request: Request) -> VenueError:
    try:
        await caller.call(request)
    except VenueError as error:
        return error
    raise Differs("it was taken")


def _words(error: VenueError | None) -> str:
    return "taken" if error is None else f"{type(error).__name__} {error.venue_code}"
