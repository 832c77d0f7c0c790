"""The trader: places the smallest orders there are, remembers each, and leaves the account as it was found.

Whatever happens in between, and when it is interrupted too, the end is the same: its orders and triggers are cancelled
and what they filled is closed. What cannot be put in order is said.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from decimal import ROUND_CEILING, Decimal
from typing import Any

from shared.errors import GatewayError, KeyRefused, VenueRefused
from shared.exchanges.base import Page, PlaceOrder, PlaceTrigger
from shared.model import Order, Trigger, text
from tests.venues.contract.bench import ASK_AGAIN_S, Bench, Terms, of_kind, one_of
from tests.venues.contract.check import expect, same

CLEAN_TRIES = 5
OPPOSITE = {"buy": "sell", "sell": "buy"}
SIDE_OPENED = {"buy": "long", "sell": "short"}


class Trader:
    """Made by `trading`."""

    def __init__(self, bench: Bench, terms: Terms) -> None:
        self.bench, self.terms, self.symbol = bench, terms, bench.symbol
        self.texts: set[str] = set()
        """The client order ids of everything that may have been placed."""
        self.triggers: set[str] = set()
        self.was_flat = False

    # Wishes.

    def an_order(self, side: str = "buy", **changes: Any) -> PlaceOrder:
        """The smallest there is, that only waits: far from the market."""
        wish = PlaceOrder(
            symbol=self.symbol,
            side=side,
            type="limit",
            size=text(self.terms.size),
            price=text(self.terms.beyond(side)),
            time_in_force="post_only",
            reduce_only=False,
            client_order_id=self.bench.client_order_id(),
            hedged=self.bench.hedged,
        )
        return dataclasses.replace(wish, **changes)

    def at_market(self, side: str = "buy", **changes: Any) -> PlaceOrder:
        said: dict[str, Any] = {"type": "market", "price": None, "time_in_force": "ioc"}
        return self.an_order(side, **(said | changes))

    def a_trigger(self, closes: str = "long", **changes: Any) -> PlaceTrigger:
        """Closes a position once the price rose for a long one, or fell for a short one: not soon."""
        side, rule = ("sell", "at_or_above") if closes == "long" else ("buy", "at_or_below")
        wish = PlaceTrigger(
            symbol=self.symbol,
            side=side,
            price=text(self.terms.beyond(side)),
            rule=rule,
            price_type="last",
            size=None,
            client_order_id=self.bench.client_order_id(),
            closes=closes,
            hedged=self.bench.hedged,
        )
        return dataclasses.replace(wish, **changes)

    def too_large(self) -> PlaceOrder:
        """One that no venue takes: beyond the largest size. It would only wait, should it be taken after all."""
        largest = Decimal(self.terms.row.get("size_max") or 10**9)
        return self.an_order(size=text(largest * 10))

    # Commands.

    def remember(self, *orders: PlaceOrder) -> None:
        """Before anything leaves, so that what is placed without an answer is found."""
        self.texts |= {order.client_order_id for order in orders}

    async def place(self, order: PlaceOrder, expires_at_ms: int | None = None) -> Order:
        self.remember(order)
        return await self.bench.shown(await self.bench.call(self.bench.wire.place(order, expires_at_ms)))

    async def place_trigger(self, trigger: PlaceTrigger) -> Trigger:
        self.texts.add(trigger.client_order_id)
        reply = await self.bench.call(self.bench.wire.place_trigger(trigger))
        placed = self.bench.wire.to_trigger(reply, trigger)
        self.triggers.add(placed.id)
        return placed

    async def cancel(self, order: Order) -> Order:
        reply = await self.bench.call(self.bench.wire.cancel(order.symbol, order.id))
        return await self.bench.shown(reply, Order.is_final)

    async def open_position(self, side: str = "buy") -> Order:
        """The smallest position there is; what the market made of it is in the order once it is final."""
        await self.expect_flat()
        placed = await self.place(self.at_market(side))
        done = await self.final(placed.id)
        same("a market order of the smallest size", done.status, "filled")
        return done

    async def expect_flat(self) -> None:
        await self.bench.be_flat()
        self.was_flat = True

    async def close(self, side: str) -> Order:
        """All of the position of this side: long or short."""
        client_id = self.bench.client_order_id()
        request = self.bench.wire.close(self.symbol, side, client_id, None, hedged=self.bench.hedged)
        return await self.bench.shown(await self.bench.call(request))

    # What is so.

    async def look(self, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        return one_of(await self.bench.ask(self.bench.wire.order(self.symbol, order_id, client_order_id)), Order)

    async def look_at_trigger(self, trigger_id: str) -> Trigger:
        return one_of(await self.bench.ask(self.bench.wire.trigger(trigger_id)), Trigger)

    async def final(self, order_id: str) -> Order:
        async def look() -> Order | None:
            order = await self.look(order_id)
            return order if order.is_final() else None

        return await self.bench.until(look, f"order {order_id} is final")

    async def open_orders(self) -> list[Order]:
        return of_kind(Order, await self.bench.ask(self.bench.wire.orders(self.symbol, "open", Page())))

    async def open_triggers(self) -> list[Trigger]:
        return of_kind(Trigger, await self.bench.ask(self.bench.wire.open_triggers(self.symbol)))

    async def is_alone(self) -> None:
        """Nothing of somebody else's is open: for what cancels all of them."""
        others = [order for order in await self.open_orders() if order.client_order_id not in self.texts]
        expect(not others, f"the account has {len(others)} other open orders in {self.symbol}")

    # The end.

    async def leave(self) -> None:
        """Puts everything in order. Each step is tried again for a while: a venue may be busy just now."""
        steps: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("its triggers", self._cancel_triggers),
            ("its orders", self._cancel_orders),
        ]
        if self.was_flat:
            steps.append(("its position", self._close_positions))
        for what, step in steps:
            problem = await self._persist(step)
            if problem:
                self.bench.told.append(f"{what} in {self.symbol} may be left at {self.bench.venue.name}: {problem}")

    async def _persist(self, step: Callable[[], Awaitable[object]]) -> str:
        problem = ""
        for _ in range(CLEAN_TRIES):
            try:
                await step()
            except KeyRefused as error:
                return str(error)
            except (GatewayError, AssertionError) as error:
                problem = str(error)
                await asyncio.sleep(ASK_AGAIN_S)
            else:
                return ""
        return problem

    async def _cancel_triggers(self) -> None:
        if not self.texts:
            return
        for trigger in await self.open_triggers():
            if trigger.id in self.triggers or trigger.client_order_id in self.texts:
                await self._gone(self.bench.wire.cancel_trigger(trigger.id, trigger.symbol))

    async def _cancel_orders(self) -> None:
        if not self.texts:
            return
        for order in await self.open_orders():
            if order.client_order_id in self.texts:
                await self._gone(self.bench.wire.cancel(order.symbol, order.id))

    async def _gone(self, request: Any) -> None:
        """Cancelled by us or ended before: either will do."""
        error = await self.bench.refusal(request)
        if error is not None and not isinstance(error, VenueRefused):
            raise error

    async def _close_positions(self) -> None:
        for side in await self.bench.held():
            await self.close(side)
        expect(not await self.bench.held(), "the position is still there")


@asynccontextmanager
async def trading(bench: Bench) -> AsyncIterator[Trader]:
    trader = Trader(bench, await bench.terms())
    try:
        yield trader
    finally:
        await to_its_end(trader.leave())


async def to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """For what puts things in order: an interruption that comes meanwhile is passed on when it is done."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def a_step_away(terms: Terms, side: str, price: str | None) -> str:
    """Another price, still further from the market."""
    step = terms.price_step if side == "sell" else -terms.price_step
    return text(terms.to_step(Decimal(price or 0) + 10 * step, ROUND_CEILING))
