"""Outcome: an intent written before a command leaves, and the answer that says how it ended.

An answer's body is made once. Whoever asks with the same key hears the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from shared.errors import GatewayError, VenueError, VenueUnknown
from shared.model import Outcome, OutcomeEvent, Owner
from shared.store.intents import Intent

ORDER_EXPIRY_MS = 10_000
"""How long after it was meant an order may still be carried out; said on the wire where the venue listens."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended. `body` is JSON: what is told of it, or the error; the same bytes at every telling."""

    outcome: Outcome
    status: int
    body: bytes
    retryable: bool = False
    retry_after_s: float | None = None
    venue_code: str | None = None
    is_new: bool = False

    @classmethod
    def rejected(cls, error: GatewayError, status: int | None = None) -> Answer:
        body = msgspec.json.encode(error.to_body())
        code = error.venue_code if isinstance(error, VenueError) else None
        return cls(Outcome.REJECTED, status or error.status, body, error.retryable, error.retry_after_s, code)


def new_intent(owner: Owner, now_ms: int, intent_id: str, action: str, symbol: str, digest: str) -> Intent:
    """`intent_id` is the client order id that goes over the wire, or would if the command had one."""
    return Intent(
        id=intent_id,
        **_whose(owner),
        action=action,
        symbol=symbol,
        digest=digest,
        created_at_ms=now_ms,
        expires_at_ms=now_ms + ORDER_EXPIRY_MS,
    )


def intent_with(intent: Intent, answer: Answer) -> Intent:
    return msgspec.structs.replace(
        intent,
        outcome=answer.outcome.value,
        status=answer.status,
        answer={"body": answer.body.decode(), "retryable": answer.retryable},
    )


def outcome_event(
    intent: Intent, outcome: Outcome, reason: str | None, order_id: str | None, at_ms: int
) -> OutcomeEvent:
    return OutcomeEvent(
        id=intent.id,
        **_whose(intent),
        client_order_id=intent.id,
        outcome=outcome.value,
        order_id=order_id,
        reason=reason,
        at_ms=at_ms,
    )


def outcome_of(error: GatewayError) -> Outcome:
    """A lost answer says nothing; every other error says that nothing happened."""
    return Outcome.UNKNOWN if isinstance(error, VenueUnknown) else Outcome.REJECTED


def words_of(error: VenueError) -> dict[str, str]:
    """The venue's own words, to stand beside an outcome."""
    return {"code": error.venue_code, "message": error.venue_message}


def intent_words(intent: Intent) -> bytes:
    """What every answer to a command tells of its intent."""
    return msgspec.json.encode({"id": intent.id, "action": intent.action})


def _whose(said: Owner | Intent) -> dict[str, Any]:
    return {
        "user_id": said.user_id,
        "account_id": said.account_id,
        "venue": said.venue,
        "environment": said.environment,
    }
