"""Leverage: read before an order, written only where it differs.

It can be changed outside of us at any time, so it is read for each order, except where this process read or set it
less than `KNOWN_FOR_S` ago and nobody changed anything since: a burst of orders then costs one read, which the venue
allows less often than orders. `turn` is the store's count of the changes that any process made, or saw on a position.

An order must leave while the leverage it wants stands: `held` keeps it until then, and lets in who wants the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

from shared.desk.wish import LeverageWish
from shared.errors import BadRequest, VenueBusy, VenueRefused, VenueUnknown
from shared.exchanges.base import Leverage, Reply, Request, Wire
from shared.model import Number

KNOWN_FOR_S = 2.0
KNOWN_MAX = 10_000
USUAL_MODE = "cross"
"""Where the venue does not tell the present one, as for an instrument that was never used."""

Call = Callable[[Request], Awaitable[Reply]]


class _Known:
    __slots__ = ("door", "held", "holders", "idle", "leverage", "lock", "turn", "until_s")

    def __init__(self) -> None:
        self.leverage: Leverage | None = None
        self.until_s = float("-inf")
        self.turn: int | None = None
        self.lock = asyncio.Lock()
        self.door = asyncio.Lock()
        self.idle = asyncio.Event()
        self.held: LeverageWish | None = None
        self.holders = 0

    def is_good(self, now_s: float, turn: int | None) -> bool:
        return turn is not None and turn == self.turn and now_s < self.until_s


class LeverageBook:
    """What this process last knew of each account and symbol, and of each account's position mode."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], _Known] = {}
        self._hedged: dict[str, bool] = {}

    async def settle(
        self,
        wire: Wire,
        call: Call,
        account: str,
        symbol: str,
        wanted: LeverageWish,
        now_s: float,
        side: str | None = None,
        slot: str = "",
        turn: int | None = None,
        turned: Callable[[], Awaitable[int | None]] | None = None,
    ) -> Leverage:
        """See that the account trades the symbol as wanted. Raises what the venue refused; then nothing was placed.

        Where a symbol has several leverages, `slot` tells them apart, and `side` is said where each side has its own.
        """
        known = self._entry((account, symbol, slot))
        if known.is_good(now_s, turn) and known.leverage is not None and fits(known.leverage, wanted):
            return known.leverage
        async with known.lock:
            try:
                return await self._settle(wire, call, account, symbol, wanted, known, now_s, side, turn, turned)
            except VenueUnknown as error:
                known.until_s = float("-inf")
                raise VenueBusy(
                    error.venue, error.venue_code, f"nothing was placed: leverage could not be settled; {error}",
                    status=503, retry_after_s=1,
                ) from None  # fmt: skip

    async def read(
        self, wire: Wire, call: Call, account: str, symbol: str, margin_mode: str | None = None
    ) -> Leverage | None:
        """As the venue tells it now. Where both sides are held, the plain question may have no answer."""
        first = self._hedged.get(account, False)
        said = wire.to_leverage(await call(wire.leverage(symbol, hedged=first, margin_mode=margin_mode)))
        if said is None and account not in self._hedged:
            said = wire.to_leverage(await call(wire.leverage(symbol, hedged=True, margin_mode=margin_mode)))
        return said

    def know_mode(self, account: str, *, hedged: bool) -> None:
        """The account's position mode was seen; calls that differ by it begin with the right one."""
        if len(self._hedged) >= KNOWN_MAX:
            self._hedged.clear()
        self._hedged[account] = hedged

    def mode_of(self, account: str) -> bool | None:
        """Whether it was last seen to hold long and short side by side; None when nobody looked."""
        return self._hedged.get(account)

    def doubt_mode(self, account: str) -> None:
        """The venue refused something that may be about it: it is looked at again before it is next relied on."""
        self._hedged.pop(account, None)

    async def _settle(
        self,
        wire: Wire,
        call: Call,
        account: str,
        symbol: str,
        wanted: LeverageWish,
        known: _Known,
        now_s: float,
        side: str | None,
        turn: int | None,
        turned: Callable[[], Awaitable[int | None]] | None,
    ) -> Leverage:
        if not known.is_good(now_s, turn):
            hedged = self._hedged.get(account, False)
            request = wire.leverage(symbol, hedged=hedged, margin_mode=wanted.margin_mode)
            known.leverage = wire.to_leverage(await call(request))
            known.until_s, known.turn = now_s + KNOWN_FOR_S, turn
        if known.leverage is not None and fits(known.leverage, wanted):
            return known.leverage
        whole = whole_of(wanted, known.leverage)
        known.until_s = float("-inf")
        await self._set(wire, call, account, symbol, whole, side)
        known.leverage, known.until_s = whole, now_s + KNOWN_FOR_S
        known.turn = await turned() if turned is not None else None
        return whole

    @asynccontextmanager
    async def held(self, account: str, symbol: str, wanted: LeverageWish) -> AsyncIterator[None]:
        """While here, nobody of this process settles another leverage for the symbol. First come, first served."""
        known = self._entry((account, symbol, ""))
        async with known.door:
            while known.holders and known.held != wanted:
                await known.idle.wait()
            known.held, known.holders = wanted, known.holders + 1
            known.idle.clear()
        try:
            yield
        finally:
            known.holders -= 1
            if not known.holders:
                known.idle.set()

    async def _set(self, wire: Wire, call: Call, account: str, symbol: str, wanted: Leverage, side: str | None) -> None:
        """Where long and short are held side by side the venue wants another call. The first refusal says more."""
        first = self._hedged.get(account, False)
        request = wire.set_leverage(symbol, wanted, hedged=first, position_side=side)
        try:
            await call(request)
        except VenueRefused as refused:
            other = wire.set_leverage(symbol, wanted, hedged=not first, position_side=side)
            if other == request:
                raise
            try:
                await call(other)
            except VenueRefused:
                raise refused from None
            self.know_mode(account, hedged=not first)

    def _entry(self, key: tuple[str, str, str]) -> _Known:
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= KNOWN_MAX:
                del self._known[next(iter(self._known))]
            known = self._known[key] = _Known()
        return known


def fits(known: Leverage, wanted: LeverageWish) -> bool:
    is_mode = wanted.margin_mode in (None, known.margin_mode)
    return is_mode and (wanted.leverage is None or is_same(known.leverage, wanted.leverage))


def whole_of(wanted: LeverageWish, known: Leverage | None) -> Leverage:
    """What is to be written: what was not said stays as it stands."""
    leverage = wanted.leverage or (known.leverage if known else None)
    if leverage is None:
        problem = "must be said: the venue does not tell the present one"
        raise BadRequest(f"leverage {problem}", (("leverage", problem),), status=422)
    return Leverage(leverage, wanted.margin_mode or (known.margin_mode if known else USUAL_MODE))


def is_same(one: Number, other: Number) -> bool:
    return Decimal(one) == Decimal(other)
