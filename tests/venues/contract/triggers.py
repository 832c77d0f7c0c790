"""Triggers: orders that wait at the venue for a price."""

from __future__ import annotations

from decimal import Decimal

from shared.errors import VenueRefused
from shared.exchanges.base import RULES_OF_GUARDS, AmendTrigger, Page, PlaceTrigger
from shared.model import Trigger, plain, text
from tests.venues.contract.bench import Bench, of_kind
from tests.venues.contract.check import CannotTell, Need, alike, check, equal, expect, same
from tests.venues.contract.follower import Follower, follow
from tests.venues.contract.trader import OPPOSITE, SIDE_OPENED, Trader, trading

PRICE_TYPES = ("last", "mark", "index")
MOVE = Decimal("0.01")
"""How far a price is moved to fire what waits for it."""
SAID = ("id", "client_order_id", "symbol", "purpose", "side", "price_type", "rule", "status", "child_id")
NUMBERS = ("price", "order_price", "size")


def to_words(trigger: Trigger) -> dict[str, object]:
    words: dict[str, object] = {name: getattr(trigger, name) for name in SAID}
    return words | {name: plain(getattr(trigger, name)) for name in NUMBERS}


@check(Need.SMALLEST_SIZE)
async def a_trigger_is_told_alike_from_its_placement_to_its_end(bench: Bench) -> None:
    """Reply, push, look-up and lists tell one trigger; amended it keeps its id, cancelled it is final."""
    async with follow(bench) as heard, trading(bench) as trader:
        await trader.open_position()
        for wish in (trader.a_trigger(), trader.a_trigger(size=text(trader.terms.size))):
            placed = await trader.place_trigger(wish)
            _check_placed(placed, wish)
            told = await heard.trigger(placed.id, "open")
            alike("the push and the look-up", to_words(told), to_words(await trader.look_at_trigger(placed.id)))
            alike("what was placed and the push", to_words(placed), to_words(told))
            expect(placed.id in {each.id for each in await trader.open_triggers()}, "it is not listed as open")
            await _amend(heard, trader, told)
            await _cancel(heard, trader, placed.id)


def _check_placed(placed: Trigger, wish: PlaceTrigger) -> None:
    same("the status", placed.status, "open")
    same("the rule", placed.rule, wish.rule)
    same("the price type", placed.price_type, wish.price_type)
    same("the purpose", placed.purpose, "take_profit")
    equal("the price", placed.price, wish.price)


async def _amend(heard: Follower, trader: Trader, trigger: Trigger) -> None:
    bench = trader.bench
    price = text(trader.terms.beyond(trigger.side or "", trader.terms.band / 3))
    amended = AmendTrigger(trigger, price=price, hedged=bench.hedged)
    await bench.call(bench.wire.amend_trigger(amended))

    def is_new(seen: Trigger) -> bool:
        return Decimal(seen.price or 0) == Decimal(price)

    told = await heard.trigger(trigger.id, "open", is_new)
    seen = await trader.look_at_trigger(trigger.id)
    equal("the price after it was amended", seen.price, price)
    alike("the push and the look-up of an amended trigger", to_words(told), to_words(seen))
    same("what else is told of it", to_words(seen) | {"price": ""}, to_words(trigger) | {"price": ""})
    expect(seen.rank() > trigger.rank(), "what is told of an amended trigger is no newer than what was told before")


async def _cancel(heard: Follower, trader: Trader, trigger_id: str) -> None:
    bench = trader.bench
    reply = await bench.call(bench.wire.cancel_trigger(trigger_id, bench.symbol))
    gone = await bench.shown_trigger(reply, trigger_id)
    same("the id of what was cancelled", gone.id, trigger_id)
    told = await heard.trigger(trigger_id, "cancelled")
    seen = await trader.look_at_trigger(trigger_id)
    alike("the push and the look-up of a cancelled trigger", to_words(told), to_words(seen))
    expect(trigger_id not in {each.id for each in await trader.open_triggers()}, "it is still listed as open")
    ended = of_kind(Trigger, await bench.ask(bench.wire.triggers(trader.symbol, "finished", Page(20))))
    expect(trigger_id in {each.id for each in ended}, "it is not listed as finished")
    error = await bench.refusal(bench.wire.cancel_trigger(trigger_id, bench.symbol))
    expect(isinstance(error, VenueRefused), f"a second cancel was answered with {error!r}")


@check(Need.SMALLEST_SIZE)
async def all_triggers_of_an_instrument_are_cancelled_at_once(bench: Bench) -> None:
    """Each that went is shown, and each end is told by the stream."""
    async with follow(bench) as heard, trading(bench) as trader:
        others = await trader.open_triggers()
        if others:
            raise CannotTell(f"the account has {len(others)} other triggers in {bench.symbol}")
        await trader.open_position()
        wishes = trader.a_trigger(size=text(trader.terms.size)), _stop(trader)
        placed = [await trader.place_trigger(wish) for wish in wishes]
        request = bench.wire.cancel_all_triggers(bench.symbol)
        if request is None:
            raise CannotTell("this venue has no such request")
        shown = bench.wire.to_triggers(await bench.call(request))
        same("the triggers that went", {each.id for each in shown}, {each.id for each in placed})
        for each in placed:
            await heard.trigger(each.id, "cancelled")

        same("what is still open", await trader.open_triggers(), [])


def _stop(trader: Trader) -> PlaceTrigger:
    return trader.a_trigger(price=text(trader.terms.beyond("buy")), rule="at_or_below")


@check(Need.SMALLEST_SIZE)
async def a_trigger_on_the_wrong_side_of_the_market_is_refused(bench: Bench) -> None:
    """It would fire at once. The same wish may be taken a moment later, when the market has moved."""
    async with trading(bench) as trader:
        await trader.open_position()
        already_true = trader.a_trigger(rule="at_or_below")
        error = await bench.refusal(bench.wire.place_trigger(already_true))
        if error is None:
            raise CannotTell("this venue takes triggers that are true already")
        expect(isinstance(error, VenueRefused) and error.venue_code, f"it was answered with {error!r}")

        same("what is open", [each.id for each in await trader.open_triggers() if each.rule == "at_or_below"], [])


@check(Need.PAPER_ONLY)
async def a_trigger_fires_by_its_own_price_and_names_the_order_that_it_became(bench: Bench) -> None:
    """Take-profit and stop-loss of either side, by each price: the position is closed, and who did it can be told."""
    for number, ((side, purpose), rule) in enumerate(RULES_OF_GUARDS.items()):
        await _fires(bench, side, purpose, rule, PRICE_TYPES[number % len(PRICE_TYPES)])


async def _fires(bench: Bench, side: str, purpose: str, rule: str, price_type: str) -> None:
    opens = next(each for each, opened in SIDE_OPENED.items() if opened == side)
    async with follow(bench) as heard, trading(bench) as trader:
        await trader.open_position(opens)
        up = rule == "at_or_above"
        price = trader.terms.to_step(trader.terms.last * (1 + (MOVE if up else -MOVE)))
        wish = trader.a_trigger(side, price=text(price), rule=rule, price_type=price_type)
        placed = await trader.place_trigger(wish)
        same("the purpose", placed.purpose, purpose)
        await bench.paper.price(bench.symbol, price + (trader.terms.price_step if up else -trader.terms.price_step))
        fired = await heard.trigger(placed.id, "fired")
        expect(fired.child_id, "the order that it became is not named")
        child = await heard.order(fired.child_id or "", "filled")
        same("the side of the order that it became", child.side, OPPOSITE[opens])
        await heard.position(trader.symbol, "0")
        seen = await trader.look_at_trigger(placed.id)
        alike("the push and the look-up of a fired trigger", to_words(fired), to_words(seen))
        same("what is held", await bench.held(), {})


@check(Need.PAPER_ONLY)
async def a_trigger_with_nothing_left_to_close_does_not_open(bench: Bench) -> None:
    """It fails with a reason, or is gone with its position; never a new position the other way."""
    async with follow(bench) as heard, trading(bench) as trader:
        await trader.open_position()
        price = trader.terms.to_step(trader.terms.last * (1 - MOVE))
        placed = await trader.place_trigger(trader.a_trigger(price=text(price), rule="at_or_below"))
        await trader.close("long")
        await heard.position(trader.symbol, "0")
        await bench.paper.price(bench.symbol, price - trader.terms.price_step)
        seen = await bench.until(lambda: _ended(trader, placed.id), "the trigger ended")
        expect(seen.status in ("failed", "cancelled"), f"it is {seen.status}")
        told = await heard.trigger(placed.id, seen.status)
        expect(seen.status == "cancelled" or told.reason, "it failed and does not say why")

        same("what is held", await bench.held(), {})


async def _ended(trader: Trader, trigger_id: str) -> Trigger | None:
    seen = await trader.look_at_trigger(trigger_id)
    return seen if seen.is_final() else None
