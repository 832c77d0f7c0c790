"""What the terminal shows: tables, marks and amounts as people read them. Colours only where there is a terminal."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence

_COLOURS = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
_ESCAPES = re.compile(r"\033\[[0-9;]*m")


def prepare() -> None:
    """A terminal that cannot show a tick shows a question mark instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def paint(text: str, colour: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def mark(is_good: bool) -> str:
    return paint("✓", "green") if is_good else paint("✗", "red")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns under their heads; the first `left` ones lean left, numbers right."""
    widths = [max(_width(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [paint(_line(head, widths, left), "dim"), *(_line(row, widths, left) for row in rows)]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = []
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        room = " " * (width - _width(cell))
        padded.append(cell + room if place < left else room + cell)
    return "   ".join(padded)


def _width(cell: str) -> int:
    return len(_ESCAPES.sub("", cell))


def to_size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def to_age(seconds: float) -> str:
    seconds = max(0, round(seconds))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            rest = {"d": f" {seconds % length // 3_600} h", "h": f" {seconds % length // 60} min", "min": ""}[unit]
            return f"{seconds // length} {unit}{rest}"
    return f"{seconds} s"


def to_count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class Progress:
    """A bar that fills, where there is a terminal; elsewhere a line now and then."""

    WIDTH = 30
    TELL_EVERY_S = 0.1

    def __init__(self) -> None:
        self._done = self._total = 0
        self._what = ""
        self._began_s = self._told_s = 0.0
        self._told_tenth = -1

    def begin(self, total: int, what: str) -> None:
        self._done, self._total, self._what, self._told_tenth = 0, total, what, -1
        self._began_s = time.monotonic()
        self._told_s = 0.0

    def step(self, count: int) -> None:
        self._done = min(self._done + count, self._total)
        now_s = time.monotonic()
        if sys.stdout.isatty():
            if now_s - self._told_s >= self.TELL_EVERY_S:
                self._told_s = now_s
                print(f"\r{self.line()}\033[K", end="", flush=True)
        elif self._tenth() > self._told_tenth:
            self._told_tenth = self._tenth()
            print(self.line(), flush=True)

    def end(self) -> None:
        if sys.stdout.isatty():
            print(f"\r{self.line()}\033[K", flush=True)

    def line(self) -> str:
        share = self._done / self._total if self._total else 1.0
        took_s = max(time.monotonic() - self._began_s, 1e-3)
        left_s = took_s / share - took_s if share else 0.0
        bar = "█" * round(share * self.WIDTH) + "░" * (self.WIDTH - round(share * self.WIDTH))
        count = f"{self._done:,} of {self._total:,}"
        return f"  {self._what:<18} {bar} {count}  {self._done / took_s:,.0f}/s  {to_age(left_s)} left"

    def _tenth(self) -> int:
        return 10 * self._done // self._total if self._total else 10
