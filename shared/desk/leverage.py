"""Leverage: read before an order, written only where it differs.

It can be changed outside of us at any time, so it is read for each order, except where this process read or set it
less than `KNOWN_FOR_S` ago: a burst of orders then costs one read, which the venue allows less often than orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

from shared.errors import VenueBusy, VenueRefused, VenueUnknown
from shared.exchanges.base import Leverage, Reply, Request, Wire

KNOWN_FOR_S = 5.0
KNOWN_MAX = 10_000

Call = Callable[[Request], Awaitable[Reply]]


class _Known:
    __slots__ = ("leverage", "lock", "until_s")

    def __init__(self) -> None:
        self.leverage: Leverage | None = None
        self.until_s = float("-inf")
        self.lock = asyncio.Lock()


class LeverageBook:
    """What this process last knew of each account and symbol."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Known] = {}

    async def settle(self, wire: Wire, call: Call, account: str, symbol: str, wanted: Leverage, now_s: float) -> None:
        """See that the account trades the symbol as wanted. Raises what the venue refused; then nothing was placed."""
        known = self._entry((account, symbol))
        if now_s < known.until_s and known.leverage is not None and is_same(known.leverage, wanted):
            return
        async with known.lock:
            try:
                await _settle(wire, call, symbol, wanted, known, now_s)
            except VenueUnknown as error:
                known.until_s = float("-inf")
                raise VenueBusy(
                    error.venue, error.venue_code, f"nothing was placed: leverage could not be settled; {error}",
                    status=503, retry_after_s=1,
                ) from None  # fmt: skip

    def _entry(self, key: tuple[str, str]) -> _Known:
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= KNOWN_MAX:
                del self._known[next(iter(self._known))]
            known = self._known[key] = _Known()
        return known


async def _settle(wire: Wire, call: Call, symbol: str, wanted: Leverage, known: _Known, now_s: float) -> None:
    if now_s >= known.until_s:
        known.leverage = wire.to_leverage(await call(wire.leverage(symbol)))
        known.until_s = now_s + KNOWN_FOR_S
    if known.leverage is not None and is_same(known.leverage, wanted):
        return
    known.until_s = float("-inf")
    await _set(wire, call, symbol, wanted)
    known.leverage, known.until_s = wanted, now_s + KNOWN_FOR_S


async def _set(wire: Wire, call: Call, symbol: str, wanted: Leverage) -> None:
    try:
        await call(wire.set_leverage(symbol, wanted))
    except VenueRefused as refused:
        # Where long and short are held side by side the venue wants another call. The first refusal says more.
        try:
            await call(wire.set_leverage(symbol, wanted, hedged=True))
        except VenueRefused:
            raise refused from None


def is_same(known: Leverage, wanted: Leverage) -> bool:
    return known.margin_mode == wanted.margin_mode and Decimal(known.leverage) == Decimal(wanted.leverage)
