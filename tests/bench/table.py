"""Rows and how they are shown: the floor, ours, the ratio, the goal, and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from math import isnan
from typing import Any

HEAD = ("row", "what", "unit", "floor", "ours", "ratio", "goal", "verdict", "beside it")
RIGHT = {3, 4, 5, 6}


@dataclass
class Row:
    """One figure of ours beside its floor. `goal` is a ratio; with `absolute` it is a bound in the row's own unit."""

    id: str
    what: str
    unit: str
    floor: float
    ours: float
    goal: float | None = None
    at_least: bool = False
    absolute: bool = False
    others: dict[str, float] = field(default_factory=dict)
    """What others take, in the row's unit."""
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.floor if self.floor else float("nan")

    @property
    def judged(self) -> float:
        return self.ours if self.absolute else self.ratio

    @property
    def met(self) -> bool | None:
        if self.goal is None or isnan(self.judged):
            return None
        return self.judged >= self.goal if self.at_least else self.judged <= self.goal

    def verdict(self) -> str:
        met = self.met
        if met is None or self.goal is None:
            return "–"
        if met:
            return "✓ met"
        off = abs(self.judged / self.goal - 1) * 100 if self.goal else float("nan")
        return f"✗ by {off:.0f} %" if not isnan(off) else "✗"

    def cells(self) -> tuple[str, ...]:
        sign = "≥" if self.at_least else "≤"
        goal = "–" if self.goal is None else f"{sign} {self.goal:g}{'' if self.absolute else 'x'}"
        beside = [f"{name} {self._as_ratio(value)}" for name, value in self.others.items()]
        if self.note:
            beside.append(self.note)
        return (
            self.id, self.what, self.unit, number(self.floor), number(self.ours),
            "–" if isnan(self.ratio) else f"{self.ratio:.2f}x", goal, self.verdict(), " · ".join(beside),
        )  # fmt: skip

    def _as_ratio(self, value: float) -> str:
        return f"{value / self.floor:.1f}x" if self.floor else number(value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": None if isnan(self.ratio) else self.ratio, "met": self.met}


@dataclass
class Spent:
    """What one process used while a row was measured."""

    row: str
    process: str
    cpu_s: float
    over_s: float
    per: float
    """How many of the row's things were done meanwhile."""
    rss_bytes: int

    def cells(self) -> tuple[str, ...]:
        share = f"{100 * self.cpu_s / self.over_s:.0f} %" if self.over_s else "–"
        each = f"{self.cpu_s / self.per * 1e6:.1f}" if self.per else "–"
        return self.row, self.process, f"{self.cpu_s:.2f}", share, each, f"{self.rss_bytes / 2**20:.0f}"


SPENT_HEAD = ("row", "process", "CPU s", "of a core", "us each", "RSS MiB")
SPENT_RIGHT = {2, 3, 4, 5}


@dataclass
class Result:
    """What one measurement found."""

    rows: list[Row] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)


def number(value: float) -> str:
    if isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def aligned(head: tuple[str, ...], lines: Iterable[tuple[str, ...]], right: set[int]) -> str:
    """Columns that line up; the last one is as long as it likes."""
    table = [head, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]

    def shown(line: tuple[str, ...]) -> str:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    rule = "  ".join("─" * width for width in widths[:-1]) + "  " + "─" * min(widths[-1], 24)
    return "\n".join([shown(head), rule, *(shown(line) for line in table[1:])])


def rows_table(rows: list[Row]) -> str:
    return aligned(HEAD, [row.cells() for row in rows], RIGHT)


def spent_table(spent: list[Spent]) -> str:
    return aligned(SPENT_HEAD, [line.cells() for line in spent], SPENT_RIGHT)
