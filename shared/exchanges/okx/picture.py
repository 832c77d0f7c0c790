"""Picture: what an account was last seen to hold, for lists that leave out what is no more.

The venue lists only what there is. So whatever we told of an account and a whole list does not show is told as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from shared.exchanges.okx.numbers import is_zero
from shared.model import Balance, Fact, Position, Times


class Picture:
    """One account's balances and positions that are more than nothing, as this process told them."""

    def __init__(self) -> None:
        self._held: dict[str, Balance | Position] = {}
        self._pages: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"<Picture of {len(self._held)}>"

    def see(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, Balance | Position) and not (isinstance(fact, Position) and fact.closed_at_ms):
                if is_zero(_size(fact)):
                    self._held.pop(fact.key(), None)
                else:
                    self._held[fact.key()] = fact

    def page(self, group: str, facts: Sequence[Fact], number: int, is_last: bool, at_ms: int) -> list[Fact]:
        """One page of a list, counted from 1; the last one is followed by what none of them showed."""
        if number <= 1:
            self._pages.pop(group, None)
        shown = self._pages.setdefault(group, set())
        shown.update(fact.key() for fact in facts)
        self.see(facts)
        if not is_last:
            return list(facts)
        del self._pages[group]
        return [*facts, *self._end(group, shown, at_ms)]

    def whole(self, group: str, facts: Sequence[Fact], at_ms: int) -> list[Fact]:
        """A list on a single page, which may be asked for while others come in."""
        self.see(facts)
        return [*facts, *self._end(group, {fact.key() for fact in facts}, at_ms)]

    def _end(self, group: str, shown: set[str], at_ms: int) -> list[Fact]:
        gone = [fact for key, fact in self._held.items() if key not in shown and group_of(fact) == group]
        for fact in gone:
            del self._held[fact.key()]
        return [_nothing(fact, at_ms) for fact in gone]


def group_of(fact: Balance | Position) -> str:
    """The list that it belongs in."""
    return fact.wallet if isinstance(fact, Balance) else "positions"


def _size(fact: Balance | Position) -> str:
    """Of an asset also what is free of it: there can be some without any cash."""
    return fact.size if isinstance(fact, Position) else fact.total + (fact.available or "")


def _nothing(fact: Balance | Position, at_ms: int) -> Fact:
    times = Times(at_ms, at_ms)
    if isinstance(fact, Balance):
        return msgspec.structs.replace(
            fact, total="0", available="0", frozen="0", updated_at_ms=at_ms, times=times, raw=msgspec.UNSET
        )
    return msgspec.structs.replace(
        fact, size="0", side=None, entry_price=None, liquidation_price=None, unrealised_pnl=None,
        updated_at_ms=at_ms, times=times, raw=msgspec.UNSET,
    )  # fmt: skip
