"""What live-check shows: plain in a pipe, with colours and a line in the making on a terminal. No secret passes it."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from deploy import terminal
from shared.model import Credentials
from tests.venues.contract.check import Check
from tests.venues.question import Question

OK, DIFFERS, CANNOT_TELL = "ok", "differs", "cannot tell"
COLOURS = {OK: "green", DIFFERS: "red", CANNOT_TELL: "yellow"}
MARKS = {OK: "✓", DIFFERS: "✗", CANNOT_TELL: "?"}
LONG_HEX = re.compile(r"\b[0-9a-f]{64,}\b")
"""Signatures and secrets, should one ever be echoed."""
NOTE_COLOURS = {"saw": "dim", "means": "green", "open": "yellow"}
WIDTH_MAX = 140
HIDDEN_MIN = 5
"""A shorter word is no secret, and stands in too many others."""


@dataclass
class Result:
    check: Check
    outcome: str = ""
    says: str = ""
    took_s: float = 0.0

    def to_row(self) -> dict[str, Any]:
        return {
            "name": self.check.name,
            "need": self.check.need,
            "outcome": self.outcome,
            "says": self.says,
            "took_s": round(self.took_s, 3),
        }


@dataclass
class Page:
    """Standard output. What was hidden is blanked in everything that passes."""

    hidden: dict[str, str] = field(default_factory=dict)

    def hide(self, credentials: Credentials) -> None:
        for word in (credentials.api_key, credentials.api_secret, credentials.passphrase):
            if word:
                self.hide_text(word, "…")

    def hide_text(self, word: str, shown: str) -> None:
        if len(word) >= HIDDEN_MIN:
            self.hidden[word] = shown

    def clean(self, words: str) -> str:
        for word, shown in self.hidden.items():
            words = words.replace(word, shown)
        return LONG_HEX.sub("…", words)

    def line(self, words: str) -> None:
        print(self.clean(words), flush=True)

    def head(self, words: str) -> None:
        self.line(f"\n{terminal.paint(words, 'bold')}\n")

    @contextmanager
    def waiting(self, words: str) -> Iterator[None]:
        """A line in the making, where there is a terminal to take it back."""
        is_shown = sys.stdout.isatty()
        if is_shown:
            room = shutil.get_terminal_size().columns - 5
            print(f"  {terminal.paint('…', 'dim')} {self.clean(words)[:room]}", end="", flush=True)
        try:
            yield
        finally:
            if is_shown:
                print("\r\033[K", end="", flush=True)

    def result(self, result: Result) -> None:
        colour = COLOURS[result.outcome]
        mark, word = terminal.paint(MARKS[result.outcome], colour), f"{result.outcome:<11}"
        took = terminal.paint(f"{result.took_s:.1f} s", "dim")
        self.line(f"  {mark} {terminal.paint(word, colour)} {result.check.sentence}  {took}")
        if result.says:
            self._wrapped(result.says, " " * 16)

    def question(self, question: Question) -> None:
        self._wrapped(question.words, "     ", terminal.paint(f"{question.number:>3}. ", "bold"))

    def note(self, kind: str, words: str) -> None:
        """What was seen stands on one line however long, so that it can be copied; the rest is for reading."""
        head = f"     {terminal.paint(f'{kind:<5}', NOTE_COLOURS[kind])} "
        if kind == "saw":
            self.line(head + words)
        else:
            self._wrapped(words, " " * 11, head)

    def _wrapped(self, words: str, indent: str, head: str | None = None) -> None:
        width = min(shutil.get_terminal_size((120, 40)).columns, WIDTH_MAX) if sys.stdout.isatty() else 10**6
        lines = textwrap.wrap(self.clean(words), max(width - len(indent), 40), break_long_words=False) or [""]
        for place, line in enumerate(lines):
            self.line((head if head is not None and place == 0 else indent) + line)
