"""Resolve: "not placed" is said only with proof; everything else stays unknown."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from shared.desk.close import has_other_side
from shared.desk.conditional import closes
from shared.desk.once import ABANDONED_AFTER_MS, to_answer
from shared.desk.outcome import ORDER_EXPIRY_MS, Answer, intent_with
from shared.desk.resolve import MARGIN_MS, Verdict, in_proof_window, verdict
from shared.errors import VenueBusy
from shared.model import Outcome, Position, Times, Trigger
from shared.store.intents import Intent
from tests.facts import an_order

PLACED_AT_MS = 1_700_000_000_000


def an_intent(**words: object) -> Intent:
    said: dict[str, object] = {
        "id": "t-1", "user_id": "alice", "account_id": "gate-1", "venue": "gate", "environment": "paper",
        "action": "place", "symbol": "BTC_USDT", "digest": "d", "created_at_ms": PLACED_AT_MS,
        "expires_at_ms": PLACED_AT_MS + ORDER_EXPIRY_MS,
    }  # fmt: skip
    return Intent(**{**said, **words})  # type: ignore[arg-type]  # the test's own words


@dataclass
class Case:
    after_ms: int
    found: bool
    absent: bool
    verdict: Verdict


@pytest.mark.parametrize(
    "case",
    [
        Case(100, True, False, Verdict.ACCEPTED),
        Case(10_000_000, True, False, Verdict.ACCEPTED),
        Case(100, False, True, Verdict.UNKNOWN),  # it may still arrive
        Case(ORDER_EXPIRY_MS + MARGIN_MS, False, True, Verdict.UNKNOWN),
        Case(ORDER_EXPIRY_MS + MARGIN_MS + 1, False, True, Verdict.NOT_PLACED),
        Case(56_000, False, True, Verdict.NOT_PLACED),
        Case(57_000, False, True, Verdict.UNKNOWN),  # it may have come, gone and been forgotten
        Case(20_000, False, False, Verdict.UNKNOWN),  # the venue did not say that there is none
    ],
)
def test_the_verdict_needs_proof(case: Case) -> None:
    found = an_order() if case.found else None
    assert verdict(an_intent(), PLACED_AT_MS + case.after_ms, found, case.absent) is case.verdict


def test_without_an_expiry_on_the_wire_nothing_is_proven() -> None:
    assert not in_proof_window(an_intent(expires_at_ms=None), PLACED_AT_MS + 20_000)
    assert not in_proof_window(an_intent(venue="elsewhere"), PLACED_AT_MS + 20_000)


def test_an_intent_without_an_outcome_is_under_way_and_then_unknown() -> None:
    """Its process may have died; those who ask again must hear something."""

    def told(intent: Intent) -> bytes:
        return intent.id.encode()

    assert to_answer(an_intent(), PLACED_AT_MS + 1_000, told) is None
    late = to_answer(an_intent(), PLACED_AT_MS + ABANDONED_AFTER_MS + 1, told)
    assert late == Answer(Outcome.UNKNOWN, 202, b"t-1")


def test_an_answer_is_told_again_as_it_was() -> None:
    busy = VenueBusy("gate", "TOO_MANY_REQUESTS", "slow down", retry_after_s=1)
    for answer in (Answer(Outcome.ACCEPTED, 200, b'{"price":0.123456789012345678}'), Answer.rejected(busy)):
        again = to_answer(intent_with(an_intent(), answer), PLACED_AT_MS, lambda _intent: b"")
        assert again is not None
        assert (again.outcome, again.status, again.body, again.retryable) == (
            answer.outcome,
            answer.status,
            answer.body,
            answer.retryable,
        )


def a_position(**words: object) -> Position:
    said: dict[str, object] = {
        "id": "BTC_USDT", "user_id": "alice", "account_id": "gate-1", "venue": "gate", "environment": "paper",
        "symbol": "BTC_USDT", "instrument": None, "side": "long", "mode": "one_way", "size": "3",
        "size_unit": "contracts", "entry_price": None, "mark_price": None, "liquidation_price": None, "leverage": None,
        "margin_mode": None, "margin": None, "realised_pnl": None, "unrealised_pnl": None, "sequence": 1,
        "updated_at_ms": 1, "times": Times(),
    }  # fmt: skip
    return Position(**{**said, **words})  # type: ignore[arg-type]  # the test's own words


def test_a_one_way_close_looks_which_side_there_is() -> None:
    """The venue would close whatever it finds."""
    assert has_other_side(a_position(), "short")
    assert not has_other_side(a_position(), "long")
    assert not has_other_side(a_position(size="0.00", side=None), "short")
    assert not has_other_side(a_position(mode="hedge"), "short")


def test_only_triggers_that_close_the_side_are_its_own() -> None:
    """A plain conditional order opens a position; closing another one must not remove it."""
    said: dict[str, object] = {
        "id": "1", "client_order_id": None, "user_id": "alice", "account_id": "gate-1", "venue": "gate",
        "environment": "paper", "symbol": "BTC_USDT", "instrument": None, "purpose": "stop_loss", "side": "sell",
        "price": "1", "price_type": "last", "rule": "at_or_below", "order_price": None, "size": "1",
        "size_unit": "contracts", "status": "open", "reason": None, "parent_id": None, "child_id": None,
        "created_at_ms": 1, "updated_at_ms": 1, "times": Times(),
    }  # fmt: skip
    stop = Trigger(**said)  # type: ignore[arg-type]  # the test's own words
    plain = Trigger(**{**said, "purpose": None})  # type: ignore[arg-type]  # the test's own words
    assert closes(stop) == "long" and closes(plain) is None
