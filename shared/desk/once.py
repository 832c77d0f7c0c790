"""One key, one command: the same key finds the same intent from any process, at any time.

A key that was used gets the first one's answer, or waits a moment for it. Only after a refusal that says "nothing
happened, ask again" does the same key make another attempt, under an intent of its own, so that two who try again at
once still make one order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256

import msgspec

from shared.desk.desk import Desk, Seat
from shared.desk.outcome import ORDER_EXPIRY_MS, Answer
from shared.errors import Conflict, IdempotencyMismatch
from shared.model import Outcome
from shared.store.intents import Intent

ATTEMPTS_MAX = 20
WAIT_S = 3.0
WAIT_STEP_S = 0.03
ABANDONED_AFTER_MS = 2 * ORDER_EXPIRY_MS
"""An intent without any outcome after this long was left by a process that died."""

MakeIntent = Callable[[int], Intent]
TellUnknown = Callable[[Intent], bytes]
CarryOut = Callable[[Intent], Awaitable[Answer]]


async def carry_out_once(
    desk: Desk, key: str, make: MakeIntent, carry_out: CarryOut, unknown: TellUnknown, attempts_max: int = ATTEMPTS_MAX
) -> Answer:
    """Carry it out, or tell how it ended. `unknown` makes the body for an intent that nobody answers for."""
    begun = await begin_once(desk, key, make, unknown, attempts_max)
    return begun if isinstance(begun, Answer) else await carry_out(begun)


async def begin_once(
    desk: Desk, key: str, make: MakeIntent, unknown: TellUnknown, attempts_max: int = ATTEMPTS_MAX
) -> Intent | Answer:
    """The intent that is written down now and is the caller's to carry out, or how the same key ended before."""
    answer: Answer | None = None
    for attempt in range(attempts_max):
        intent = make(attempt)
        standing = await desk.store.ledger.intend(intent)
        if standing is None:
            return intent
        if standing.digest != intent.digest:
            raise IdempotencyMismatch(key)
        answer = await _answer_of(desk, standing, unknown)
        if not (answer.outcome is Outcome.REJECTED and answer.retryable):
            return answer
    assert answer is not None
    return answer


def id_of(seat: Seat, own: str | None, key: str, attempt: int = 0) -> str:
    """The client order id of this attempt: the caller's own, else one that every process makes alike from the key."""
    again = f"\0{attempt}" if attempt else ""
    return seat.venue.client_order_id(own, f"{seat.owner.user_id}\0{key}{again}")


def attempts_of(own: str | None) -> int:
    """A caller's own client order id names one order; there is no other for another attempt."""
    return ATTEMPTS_MAX if own is None else 1


async def _answer_of(desk: Desk, intent: Intent, unknown: TellUnknown) -> Answer:
    deadline_s = desk.clock.monotonic_s() + WAIT_S
    while True:
        said = to_answer(intent, desk.clock.now_ms(), unknown)
        if said is not None:
            return said
        if desk.clock.monotonic_s() >= deadline_s:
            raise Conflict("the same order is being carried out right now; ask again in a moment", retryable=True)
        await asyncio.sleep(WAIT_STEP_S)
        intent = await desk.store.intents.get(intent.user_id, intent.id) or intent


def to_answer(intent: Intent, now_ms: int, unknown: TellUnknown) -> Answer | None:
    """What a standing intent says; None while it may still be under way."""
    if intent.outcome is not None and intent.answer is not None:
        body = str(intent.answer["body"]).encode()
        return Answer(Outcome(intent.outcome), intent.status, body, bool(intent.answer.get("retryable")))
    if now_ms - intent.created_at_ms > ABANDONED_AFTER_MS:
        return Answer(Outcome.UNKNOWN, 202, unknown(intent))
    return None


def digest_of(*wish: object) -> str:
    return sha256(msgspec.json.encode(wish)).hexdigest()
