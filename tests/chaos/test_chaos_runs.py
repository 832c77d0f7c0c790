"""The command that people run to convince themselves must itself work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson


def test_chaos_says_what_it_broke_and_what_held(tmp_path: Path) -> None:
    """One calamity, five users; the figures are printed and written."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.chaos", "--seconds", "1", "--traders", "5", "--json", str(figures)]

    said = subprocess.run(command, capture_output=True, text=True, timeout=100)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "Nothing was lost" in said.stdout
    assert orjson.loads(figures.read_bytes())["found"]["keys that placed two orders"] == 0
