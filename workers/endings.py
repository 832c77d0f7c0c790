"""Endings: why a position ended, joined to the position itself.

A venue may tell apart that a position is gone and why, in either order. A reader should see one position that is flat
and says why; so the telling of an end is never recorded by itself.
"""

from __future__ import annotations

import msgspec

from shared.model import Fact, Position, plain

TOLD_WITHIN_MS = 5_000
"""How far apart the two tellings of one end may be."""


class Endings:
    """What one session was told of its positions' ends."""

    def __init__(self) -> None:
        self._living: dict[str, Position] = {}
        self._ended: list[Position] = []

    def join(self, facts: list[Fact]) -> list[Fact]:
        """The facts to record: an end becomes its position's cause, now or when the flat position is told."""
        joined: list[Fact] = []
        for fact in facts:
            if not isinstance(fact, Position):
                joined.append(fact)
            elif fact.closed_at_ms:
                joined += self._end(fact)
            else:
                joined.append(self._live(fact))
        return joined

    def _live(self, position: Position) -> Position:
        known = self._living.get(position.id)
        if known is not None and known.rank() > position.rank():
            return position
        self._living[position.id] = position
        for ended in self._ended:
            if _is_end_of(ended, position):
                self._ended.remove(ended)
                position.cause = ended.cause
                break
        return position

    def _end(self, ended: Position) -> list[Position]:
        """An end without a cause is what its owner did, and its position says all of it."""
        if ended.cause is None:
            return []
        for position in self._living.values():
            if _is_end_of(ended, position):
                known = self._living[position.id] = msgspec.structs.replace(position, cause=ended.cause)
                return [known]
        if any(_lives_again(position, ended) for position in self._living.values()):
            return []
        self._ended = [other for other in self._ended if _apart_ms(other, ended) < TOLD_WITHIN_MS]
        self._ended.append(ended)
        return []


def _is_end_of(ended: Position, position: Position) -> bool:
    return (
        ended.symbol == position.symbol
        and position.side in (None, ended.side)
        and plain(position.size) == "0"
        and _apart_ms(ended, position) < TOLD_WITHIN_MS
    )


def _lives_again(position: Position, ended: Position) -> bool:
    """The flat position in between was never told, and is past."""
    return (
        ended.symbol == position.symbol
        and plain(position.size) != "0"
        and (position.updated_at_ms or 0) > (ended.updated_at_ms or 0)
    )


def _apart_ms(one: Position, other: Position) -> int:
    return abs((one.updated_at_ms or 0) - (other.updated_at_ms or 0))
