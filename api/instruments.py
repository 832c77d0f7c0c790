"""Instruments: the terms of what can be traded, read from each venue and kept for a minute.

A check costs a look into a dictionary. What was read before serves while it is read anew, and where nothing can be
read nothing is checked: the venue itself decides then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared.clock import Clock
from shared.desk.instrument import Terms, Wrong, contracts_of, is_outside_band, to_terms, wrong_with
from shared.errors import BadRequest, GatewayError, VenueBusy
from shared.exchanges import registry
from shared.exchanges.base import Reply, Request
from shared.exchanges.rest import Rest
from shared.model import Number
from shared.settings import Settings

KEPT_S = 60.0
FRESH_S = 5.0
"""A contract that is not in the table may be new: a table older than this is read again before it is refused."""
RETRY_S = 30.0
"""How long a venue that could not be read is left alone, unless it is said when to ask again."""
WAIT_S = 1.0
"""Until how long after a reading began an order waits for it, when the table has no answer."""
DEADLINE_S = 5.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Table:
    """One venue's terms as last read; none of them when it could not be read yet."""

    terms: dict[str, Terms] = field(default_factory=dict)
    asked_at_s: float = float("-inf")
    read_at_s: float = float("-inf")
    stale_at_s: float = float("-inf")
    reading: asyncio.Task[None] | None = None


class Instruments:
    """The tables of this process."""

    def __init__(self, settings: Settings, rest: Rest, clock: Clock) -> None:
        self._settings, self._rest, self._clock = settings, rest, clock
        self._tables: dict[str, _Table] = {}

    async def check(
        self, venue: str, symbol: str, size: Number, price: Number | None, leverage: Number | None = None
    ) -> None:
        """Raises BadRequest with a line for each field that the instrument cannot have."""
        terms = await self._terms(venue, symbol)
        if terms is None:
            return
        if price is not None and is_outside_band(terms, price):
            terms = await self._with_mark_price_now(venue, terms)
        wrong = wrong_with(terms, size, price, leverage)
        if wrong:
            raise _refused(wrong)

    async def check_waiting(
        self, venue: str, symbol: str, size: Number | None, order_price: Number | None, price: Number | None
    ) -> None:
        """The same for an order that waits for a price, which may be far from the market's, as may be its own."""
        terms = await self._terms(venue, symbol)
        if terms is None:
            return
        terms = terms._replace(mark_price=None)
        said = wrong_with(terms, size or "0", order_price)
        wrong = [
            ("order_price" if name == "price" else name, problem) for name, problem in said if size or name != "size"
        ]
        wrong += [line for line in wrong_with(terms, size or "0", price) if line[0] == "price"]
        if wrong:
            raise _refused(tuple(wrong))

    async def size_of(self, venue: str, symbol: str, amount: Number, unit: str, price: Number | None) -> Number:
        """The amount in contracts. Raises BadRequest, with the nearest one, when it is not exactly some."""
        if unit == "contracts":
            return amount
        terms = await self._terms(venue, symbol)
        if terms is None:
            raise VenueBusy(venue, "NO_INSTRUMENTS", f"a size in {unit} cannot be converted now", status=503)
        size = contracts_of(terms, amount, unit, price)
        if not isinstance(size, str):
            raise _refused(size)
        return size

    async def _with_mark_price_now(self, venue: str, terms: Terms) -> Terms:
        """The table's mark price may be a minute old: only the one of this moment refuses an order."""
        mark_price = None
        with suppress(GatewayError):
            known = registry.venue(venue, self._settings.trading_env)
            url = registry.endpoints(self._settings, venue, self._settings.trading_env).rest_url
            request, read = known.ticker(terms.symbol)
            said = read(await self._rest.call(known, url, request, None, deadline_s=WAIT_S))["mark_price"]
            mark_price = None if said is None else Decimal(said)
        return terms._replace(mark_price=mark_price)

    async def close(self) -> None:
        reading = [table.reading for table in self._tables.values() if table.reading is not None]
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _terms(self, venue: str, symbol: str) -> Terms | None:
        """None when nothing is known of this venue. Raises BadRequest when it has no such instrument."""
        table, now_s = self._tables.setdefault(venue, _Table()), self._clock.monotonic_s()
        if now_s >= table.stale_at_s:
            self._read(venue, table)
        if symbol in table.terms:
            return table.terms[symbol]
        if table.terms and now_s >= table.asked_at_s + FRESH_S:
            self._read(venue, table)
        patience_s = table.asked_at_s + WAIT_S - now_s
        if table.reading is not None and patience_s > 0:
            await asyncio.wait({table.reading}, timeout=patience_s)
        terms = table.terms.get(symbol)
        if terms is None and self._clock.monotonic_s() < table.read_at_s + KEPT_S:
            problem = f"is not traded at {venue}"
            raise BadRequest(f"contract {symbol} {problem}", (("contract", problem),), status=422)
        return terms

    def _read(self, venue: str, table: _Table) -> None:
        """One reading at a time, whoever asks."""
        if table.reading is None:
            table.asked_at_s = self._clock.monotonic_s()
            table.stale_at_s = table.asked_at_s + RETRY_S
            table.reading = asyncio.get_running_loop().create_task(self._read_once(venue, table))

    async def _read_once(self, venue_name: str, table: _Table) -> None:
        venue = registry.venue(venue_name, self._settings.trading_env)
        url = registry.endpoints(self._settings, venue_name, self._settings.trading_env).rest_url

        async def read_one(request: Request, to_rows: Callable[[Reply], list[dict[str, Any]]]) -> dict[str, Terms]:
            return to_terms(to_rows(await self._rest.call(venue, url, request, None, deadline_s=DEADLINE_S)))

        try:
            listed = await asyncio.gather(*(read_one(*question) for question in venue.listings()))
            terms = {symbol: each for kind in listed for symbol, each in kind.items()}
        except GatewayError as error:
            if error.retry_after_s is not None:
                table.stale_at_s = min(table.stale_at_s, self._clock.monotonic_s() + error.retry_after_s)
            log.warning("the instruments of %s could not be read; orders go to it unchecked: %s", venue_name, error)
        else:
            if terms:  # a venue without instruments says nothing of any
                now_s = self._clock.monotonic_s()
                table.terms, table.read_at_s, table.stale_at_s = terms, now_s, now_s + KEPT_S
        finally:
            table.reading = None


def _refused(wrong: Wrong) -> BadRequest:
    return BadRequest("; ".join(f"{name} {problem}" for name, problem in wrong), wrong, status=422)
