"""Position mode: whether an account holds one position of an instrument or two. Read first, written if it differs.

To write it is refused while orders or positions are open, and even where it is so already. Where the venue is told of
it with each order, it is known from the first time on; a refusal makes us look again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from shared.desk.desk import Desk, Seat
from shared.desk.outcome import Answer, outcome_of
from shared.desk.wish import LeverageWish
from shared.errors import VenueBusy, VenueError, VenueUnknown
from shared.exchanges.base import Lane, Leverage, Venue
from shared.model import ENCODER, Outcome, Position, plain

HEDGE, ONE_WAY = "hedge", "one_way"
MODES = (ONE_WAY, HEDGE)


class Manner(NamedTuple):
    """How an order is meant, for a venue that is told with each."""

    margin_mode: str | None = None
    hedged: bool = False


PLAIN = Manner()


def is_pair(venue: Venue, symbol: str) -> bool:
    """Whether coins change hands there, and no contracts."""
    return ":" not in venue.instrument(symbol)


async def manner_of(
    desk: Desk, seat: Seat, symbol: str, margin_mode: str | None = None, *, closes: str | None = None
) -> Manner:
    """What must be said with an order for this symbol. One that `closes` is in the margin mode of what it closes.

    Raises as the venue refuses to tell; then nothing was placed.
    """
    if not seat.venue.limits.modes_with_orders:
        return PLAIN
    if is_pair(seat.venue, symbol):
        return Manner(margin_mode)
    try:
        hedged = desk.leverage.mode_of(seat.account)
        if hedged is None:
            hedged = await is_hedged(desk, seat)
        if margin_mode is None and closes is not None:
            margin_mode = await _margin_mode_of(desk, seat, symbol, closes)
    except VenueUnknown as error:
        why = f"nothing was placed: how positions are held is not known; {error}"
        raise VenueBusy(error.venue, error.venue_code, why, status=503, retry_after_s=1) from None
    return Manner(margin_mode, hedged)


async def _margin_mode_of(desk: Desk, seat: Seat, symbol: str, side: str) -> str | None:
    facts = await desk.ask(seat, seat.wire.positions(symbol), Lane.PLACE)
    held = [fact for fact in facts if isinstance(fact, Position) and fact.side == side and plain(fact.size) != "0"]
    return held[0].margin_mode if held else None


async def settle_leverage(
    desk: Desk, seat: Seat, symbol: str, wanted: LeverageWish, side: str | None = None
) -> Leverage | None:
    """See that the account trades the symbol as wanted; answers how it does then. `side` is of the position; None is
    both. None where there was nothing to settle."""
    if not seat.venue.limits.modes_with_orders:
        return await desk.settle_leverage(seat, symbol, wanted)
    if wanted.leverage is None:
        return None  # the margin mode goes with each order
    manner = await manner_of(desk, seat, symbol, wanted.margin_mode)
    if not (manner.hedged and wanted.margin_mode == "isolated"):
        return await desk.settle_leverage(seat, symbol, wanted, slot=wanted.margin_mode or "")
    for each in ("long", "short") if side is None else (side,):
        settled = await desk.settle_leverage(seat, symbol, wanted, each, slot=f"isolated {each}")
    return settled


async def position_mode(desk: Desk, seat: Seat) -> str:
    """As the venue says now."""
    mode = seat.wire.to_position_mode(await desk.read(seat, seat.wire.position_mode()))
    desk.leverage.know_mode(seat.account, hedged=mode == HEDGE)
    return mode


async def is_hedged(desk: Desk, seat: Seat) -> bool:
    return await position_mode(desk, seat) == HEDGE


async def set_position_mode(desk: Desk, seat: Seat, wanted: str) -> Answer:
    """Accepted when it is so, whether it was written or not: `changed` tells."""
    if await position_mode(desk, seat) == wanted:
        return _answer(wanted, changed=False)
    try:
        await desk.send(seat, seat.wire.set_position_mode(wanted))
    except VenueUnknown as lost:
        return await _look_again(desk, seat, wanted, lost)
    except VenueError as refused:
        return Answer.rejected(refused)
    desk.leverage.know_mode(seat.account, hedged=wanted == HEDGE)
    await desk.store.ledger.turn_leverage(seat.owner.user_id)  # each side has a leverage of its own now
    return _answer(wanted, changed=True)


async def _look_again(desk: Desk, seat: Seat, wanted: str, lost: VenueUnknown) -> Answer:
    """A mode can simply be asked for. As long as it is not as wanted, the write may still be under way."""
    with suppress(VenueError):
        if await position_mode(desk, seat) == wanted:
            return _answer(wanted, changed=True)
    return Answer(outcome_of(lost), 202, ENCODER.encode({"position_mode": None, "wanted": wanted, "changed": None}))


def _answer(mode: str, *, changed: bool) -> Answer:
    return Answer(Outcome.ACCEPTED, 200, ENCODER.encode({"position_mode": mode, "changed": changed}))
