"""Orders that trade: filled with a fee, told fill by fill, held as a position, and closed again."""

from __future__ import annotations

from decimal import Decimal

from shared.exchanges.base import Page
from shared.model import Fill, Order, Position, text
from tests.venues.contract.bench import Bench, of_kind
from tests.venues.contract.check import (
    CannotTell,
    Need,
    alike,
    check,
    equal,
    expect,
    same,
    to_fill_words,
    to_words,
)
from tests.venues.contract.follower import follow
from tests.venues.contract.trader import OPPOSITE, SIDE_OPENED, Trader, trading


@check(Need.SMALLEST_SIZE)
async def a_market_order_of_the_smallest_size_is_filled(bench: Bench) -> None:
    """At an average price near the market, the same on the stream and over REST; its fee is told by its fills."""
    async with follow(bench) as heard, trading(bench) as trader:
        done = await trader.open_position()
        told = await heard.order(done.id, "filled")
        alike("the push and the look-up", to_words(told), to_words(done))
        equal("what is filled", told.filled, trader.terms.size)
        equal("what remains", told.remaining, "0")
        same("the type", told.type, "market")
        same("the price of a market order", told.price, None)
        average = Decimal(told.average_price or 0)
        near = abs(average - trader.terms.mark) <= trader.terms.mark * trader.terms.band
        expect(near, f"it was filled at {average}, the mark price is {trader.terms.mark}")
        fills = await heard.fills(done.id, done.size)
        expect(all(fill.fee is not None for fill in fills), "a fill has no fee")
        fees = sum(Decimal(fill.fee or 0) for fill in fills)
        expect(told.fee is None or Decimal(told.fee) == fees, f"the order's fee is {told.fee}, its fills' {fees}")
        worth = sum(Decimal(fill.price) * Decimal(fill.size) for fill in fills)
        expect(abs(worth / Decimal(done.size) - average) < trader.terms.price_step, f"its fills average {worth}")


@check(Need.SMALLEST_SIZE)
async def fills_are_told_once_and_alike_by_the_stream_and_over_rest(bench: Bench) -> None:
    """Each joins its order by id; the same fill has the same key wherever it is told."""
    async with follow(bench) as heard, trading(bench) as trader:
        done = await trader.open_position()
        pushed = {fill.key(): to_fill_words(fill) for fill in await heard.fills(done.id, done.size)}
        expect(len(pushed) == len([f for f in heard.of(Fill) if f.order_id == done.id]), "a fill was pushed twice")
        asked = {fill.key(): to_fill_words(fill) for fill in await _fills(trader, done)}
        same("the fills over REST", asked.keys(), pushed.keys())
        for key, words in pushed.items():
            alike(f"fill {key} by push and over REST", words, asked[key])
            same("its order", words["order_id"], done.id)
            same("its client order id", words["client_order_id"], done.client_order_id)
            same("its side", words["side"], done.side)
            same("its role", words["role"], "taker")
        since_ms = (done.created_at_ms or 0) - 1_000
        snapshot = [fact for ask in bench.wire.snapshot(since_ms) for fact in await bench.ask(ask)]
        shown = {fill.key() for fill in of_kind(Fill, snapshot)}
        expect(pushed.keys() <= shown, "a snapshot since before it does not tell its fills")
        expect(done.id in {order.id for order in of_kind(Order, snapshot)}, "a snapshot does not tell the order")


async def _fills(trader: Trader, order: Order) -> list[Fill]:
    """Lists may lag behind pushes."""

    async def look() -> list[Fill] | None:
        ask = trader.bench.wire.fills(trader.symbol, order.id, Page())
        told = of_kind(Fill, await trader.bench.ask(ask))
        return told if sum(Decimal(fill.size) for fill in told) >= Decimal(order.filled) else None

    return await trader.bench.until(look, f"the fills of order {order.id} are listed")


@check(Need.SMALLEST_SIZE)
async def a_position_is_opened_and_closed_on_either_side(bench: Bench) -> None:
    """Told alike by the stream and over REST while it lives, and as nothing once it is closed."""
    async with follow(bench) as heard, trading(bench) as trader:
        for side in ("buy", "sell"):
            held = SIDE_OPENED[side]
            before = len(heard.facts)
            await trader.open_position(side)
            told = await heard.position(trader.symbol, trader.terms.size, held)
            same("the position over REST", await bench.held(), {held: trader.terms.size})
            asked = next(
                p for p in of_kind(Position, await bench.ask(bench.wire.positions(bench.symbol))) if Decimal(p.size)
            )
            same("its record", asked.key(), told.key())
            same("its mode", told.mode, "hedge" if bench.hedged else "one_way")
            same("its entry price", Decimal(asked.entry_price or 0), Decimal(told.entry_price or 0))
            same("its leverage", asked.leverage, told.leverage)
            expect(asked.mark_price is not None, "its mark price is not told")
            heard.facts = heard.facts[before:]
            closed = await trader.final((await trader.close(held)).id)
            same("the order that closes", closed.status, "filled")
            same("its side", closed.side, OPPOSITE[side])
            await heard.position(trader.symbol, "0")
            same("what is held", await bench.held(), {})
            heard.facts.clear()


@check(Need.SMALLEST_SIZE)
async def a_reduce_only_order_never_opens(bench: Bench) -> None:
    """With nothing to reduce it is refused, or ends without a fill."""
    async with trading(bench) as trader:
        await trader.expect_flat()
        wish = trader.at_market(reduce_only=True)
        trader.remember(wish)
        error = await bench.refusal(bench.wire.place(wish, None))
        if error is None:
            seen = await trader.look(None, wish.client_order_id)
            equal("what is filled", (await trader.final(seen.id)).filled, "0")

        same("what is held", await bench.held(), {})


@check(Need.PAPER_ONLY)
async def an_order_filled_in_part_is_told_step_by_step(bench: Bench) -> None:
    """Open, partly filled, filled: what is filled only grows, and the fills add up to it at every step."""
    paper = bench.paper
    async with follow(bench) as heard, trading(bench) as trader:
        await trader.expect_flat()
        terms = trader.terms
        book = await bench.read(bench.venue.orderbook(bench.symbol, 1))
        best, there = (Decimal(each) for each in book["asks"][0])
        size = there + terms.size * 3
        wish = trader.an_order(price=text(best), size=text(size), time_in_force="gtc")
        placed = await trader.place(wish)
        if not 0 < Decimal(placed.filled) < size:
            raise CannotTell(f"{placed.filled} of {size} were filled at once")
        same("the status", placed.status, "partially_filled")
        told = await heard.order(placed.id, "partially_filled")
        alike("the reply and the push", to_words(placed), to_words(told))
        await heard.fills(placed.id, placed.filled)
        await paper.price(bench.symbol, terms.beyond("buy", Decimal("0.001")))
        done = await heard.order(placed.id, "filled")
        alike("the push and the look-up", to_words(done), to_words(await trader.final(placed.id)))
        fills = await heard.fills(placed.id, size)
        equal("the fills together", text(sum((Decimal(f.size) for f in fills), Decimal(0))), size)
        seen = [Decimal(order.filled) for order in heard.of(Order) if order.id == placed.id]
        expect(seen == sorted(seen), f"what is filled went {seen}")
        same("what is held", await bench.held(), {"long": size})


@check(Need.PAPER_ONLY)
async def long_and_short_are_held_side_by_side_in_hedge_mode(bench: Bench) -> None:
    """The mode is set, both sides opened, and each closed without touching the other."""
    await bench.call(bench.wire.set_position_mode("hedge"))
    try:
        same("the mode", await bench.position_mode(), "hedge")
        bench.hedged = True
        async with follow(bench) as heard, trading(bench) as trader:
            await trader.expect_flat()
            size = trader.terms.size
            for side in ("buy", "sell"):
                placed = await trader.place(trader.at_market(side))
                same("the status", (await trader.final(placed.id)).status, "filled")
                await heard.position(trader.symbol, size, SIDE_OPENED[side])
            same("what is held", await bench.held(), {"long": size, "short": size})
            mode = {p.mode for p in heard.of(Position) if not p.closed_at_ms}
            same("the mode that the positions tell", mode, {"hedge"})
            keys = {p.key() for p in heard.of(Position) if not p.closed_at_ms and Decimal(p.size)}
            same("how many records they are", len(keys), 2)
            reducer = trader.at_market("sell", reduce_only=True)
            await trader.final((await trader.place(reducer)).id)
            same("what is held after the long was reduced", await bench.held(), {"short": size})
            await trader.close("short")
            same("what is held in the end", await bench.held(), {})
    finally:
        bench.hedged = False
        await bench.call(bench.wire.set_position_mode("one_way"))
    same("the mode in the end", await bench.position_mode(), "one_way")
