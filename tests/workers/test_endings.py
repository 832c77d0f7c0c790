"""A position that was liquidated says so, whichever of the venue's two tellings comes first."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from shared.model import Fact, Position
from tests.facts import a_fill, a_position
from workers.endings import TOLD_WITHIN_MS, Endings


def flat(**words: Any) -> Position:
    return a_position(**{"size": "0", "side": None, "sequence": 6, "updated_at_ms": 1_000, **words})


def an_end(**words: Any) -> Position:
    said = {
        "id": "BTC_USDT:closed:1001:long", "size": "0", "side": "long", "mode": None, "sequence": None,
        "cause": "liquidation", "updated_at_ms": 1_001, "closed_at_ms": 1_001,
    }  # fmt: skip
    return a_position(**{**said, **words})


def told(endings: Endings, *facts: Fact) -> list[Fact]:
    return [fact for one in facts for fact in endings.join([one])]


@pytest.mark.parametrize("turns", list(itertools.permutations(range(3))))
def test_the_flat_position_has_the_cause_whatever_comes_first(turns: tuple[int, ...]) -> None:
    """Kept by rank, as the record keeps it."""
    facts: list[Fact] = [a_position(), flat(), an_end()]

    recorded = told(Endings(), *(facts[turn] for turn in turns))

    newest = max(recorded, key=lambda fact: fact.rank())
    assert isinstance(newest, Position)
    assert (newest.id, newest.size, newest.cause) == ("BTC_USDT", "0", "liquidation")
    assert all(isinstance(fact, Position) and fact.id == "BTC_USDT" for fact in recorded)


def test_rest_telling_the_same_flat_position_takes_no_cause_away() -> None:
    later = flat(updated_at_ms=2_000)

    recorded = told(Endings(), flat(), an_end(), later)

    assert max(recorded, key=lambda fact: fact.rank()).gist().endswith("liquidation")


@pytest.mark.parametrize(
    "end",
    [
        an_end(cause=None),
        an_end(symbol="ETH_USDT"),
        an_end(updated_at_ms=1_000 + TOLD_WITHIN_MS),
    ],
)
def test_an_end_that_is_not_this_positions_changes_nothing(end: Position) -> None:
    """A position that its owner closed has no cause, and no other one's."""
    for facts in ((flat(), end), (end, flat())):
        assert [fact.gist() for fact in told(Endings(), *facts)] == [flat().gist()]


def test_one_side_of_two_is_ended() -> None:
    long, short = flat(id="BTC_USDT:long", side="long"), flat(id="BTC_USDT:short", side="short")

    recorded = told(Endings(), long, short, an_end(side="short"))

    assert [(fact.id, fact.cause) for fact in recorded if isinstance(fact, Position) and fact.cause] == [
        ("BTC_USDT:short", "liquidation")
    ]


def test_a_position_that_lives_again_is_not_ended() -> None:
    """The late telling of an end belongs to the flat position, and that is no more."""
    again = a_position(sequence=7, updated_at_ms=1_002)

    recorded = told(Endings(), flat(), again, an_end(), flat(sequence=8, updated_at_ms=1_003))

    assert [fact.cause for fact in recorded if isinstance(fact, Position)] == [None, None, None]


def test_other_facts_pass() -> None:
    assert told(Endings(), a_fill()) == [a_fill()]
