"""What the terminal shows: tables, marks and amounts as people read them. Colours only where there is a terminal."""

from __future__ import annotations

import os
import re
import sys
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
