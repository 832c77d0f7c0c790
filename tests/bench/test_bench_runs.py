"""The bench itself: it runs, says every figure it promises, and its rows know when a goal is reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import MEASURES
from tests.bench.processes import ROOT
from tests.bench.table import Row, rows_table

GOALS = {"A1", "A2", "A3", "A4", "B1", "B2", "B3", "C1", "C2", "C3", "C4", "D1", "D2", "E1", "E2", "E3"}


def test_every_goal_has_a_row() -> None:
    """A goal that nothing measures is only a wish."""
    rows = {row for names, _ in MEASURES.values() for row in names}

    assert rows >= GOALS


def test_a_quick_run_prints_its_rows_and_writes_them(tmp_path: Path) -> None:
    """Real processes, a real Redis, and figures for whoever reads them with a program."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--only", "A4", "B3", "--json", str(figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    said = json.loads(figures.read_text())

    assert done.returncode == 0, done.stderr
    assert "A4" in done.stdout and "B3" in done.stdout and "floor" in done.stdout
    assert {row["id"] for row in said["rows"]} == {"A4", "B3"}
    assert next(row for row in said["rows"] if row["id"] == "A4")["ours"] == 0


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("X", "a ratio within its goal", "us", 10, 12, 1.25), "✓ met"),
        (Row("X", "a ratio beyond it", "us", 10, 15, 1.25), "✗ by 20 %"),
        (Row("X", "more is better", "1/s", 100, 50, 0.6, at_least=True), "✗ by 17 %"),
        (Row("X", "a plain bound", "KiB", 2, 13, 14, absolute=True), "✓ met"),
        (Row("X", "nothing may be lost", "%", 0, 0, 0, absolute=True), "✓ met"),
        (Row("X", "no goal", "s", 1, 2), "–"),
    ],
)
def test_a_row_knows_whether_its_goal_is_reached(row: Row, verdict: str) -> None:
    """And by how much it is not."""
    assert row.verdict() == verdict
    assert verdict in rows_table([row])
