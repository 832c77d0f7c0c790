"""An open question: what the papers about a venue leave open and the venue itself can be asked.

Each is a function that tells, as it goes, what was seen and what that means for our code. It proves nothing by itself:
it is for a person to read, and for the venue's notes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from tests.venues.contract.bench import Bench
from tests.venues.contract.check import Need


class Told(Protocol):
    """Who hears a question as it is answered."""

    def __call__(self, kind: str, words: str) -> None: ...


@dataclass
class Notes:
    """What one question brought: each line is told at once, and kept."""

    tell: Told
    bench: Bench
    options: frozenset[str] = frozenset()
    """What the user allowed beyond the usual."""
    seen: list[str] = field(default_factory=list)
    meant: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def saw(self, words: str) -> None:
        """A frame, a status with its label, a number: as the venue said it."""
        self.seen.append(words)
        self.tell("saw", words)

    def means(self, words: str) -> None:
        """What follows for our code."""
        self.meant.append(words)
        self.tell("means", words)

    def leaves(self, words: str) -> None:
        """What stays open, and how it could be settled."""
        self.open.append(words)
        self.tell("open", words)

    @property
    def is_settled(self) -> bool:
        return bool(self.meant) and not self.open


@dataclass(frozen=True)
class Question:
    number: str
    """Of the sheet's list."""
    words: str
    need: Need
    ask: Callable[[Notes], Awaitable[None]]


def question(
    number: str, words: str, need: Need = Need.READ_ONLY
) -> Callable[[Callable[[Notes], Awaitable[None]]], Question]:
    return lambda ask: Question(number, words, need, ask)
