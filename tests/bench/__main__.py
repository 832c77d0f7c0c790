"""The command: which rows, how long, and the tables at the end."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from tests.bench import crowds, entry, orders, pipeline, record, sessions
from tests.bench.plan import FULL, QUICK, Plan
from tests.bench.processes import open_many_files, redis_binary
from tests.bench.table import Result, Row, Spent, rows_table, spent_table

Measure = Callable[[Plan], Result]

MEASURES: dict[str, tuple[tuple[str, ...], Measure]] = {
    "what a session costs a worker": (("A1", "A3"), sessions.run_idle),
    "what an update costs a worker": (("A2",), sessions.run_updates),
    "what a burst loses": (("A4",), sessions.run_burst),
    "what a fact costs to record": (("B1", "B2"), record.run_record),
    "what a message costs to hear": (("B3",), record.run_hear),
    "what a stream costs": (("C1", "C2", "C3", "C4"), crowds.run_streams),
    "what a crowd of readers costs": (("C5",), crowds.run_crowd),
    "the whole way, venue to stream": (("D1", "D2"), pipeline.run_latency),
    "what the gateway adds to an order": (("E1", "E2"), orders.run_orders),
    "what the socket saves an order": (("E3",), entry.run_entry),
}

LEGEND = """\
floor    a bare Python program of that row with no features, measured in this very run, interleaved with ours
ratio    ours by the floor; only this means anything, absolute figures drift by a third from minute to minute
goal     what the row is to reach; ✓ reached, ✗ missed by so much of the goal
beside   what others take, as ratios to the same floor"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter; shows that everything works")
    parser.add_argument("--only", nargs="+", metavar="ROW", default=[], help="rows by name or letter: A1 D")
    parser.add_argument("--json", metavar="FILE", help="write the figures too")
    said = parser.parse_args(arguments)
    wanted = [name for name, (rows, _) in MEASURES.items() if _is_wanted(rows, said.only)]
    if not wanted:
        known = ", ".join(row for rows, _ in MEASURES.values() for row in rows)
        parser.error(f"no such row: {' '.join(said.only)}; there are {known}")
    open_many_files()
    print(machine(), LEGEND, sep="\n\n", end="\n\n", flush=True)
    rows, spent, failed = measure_all(wanted, QUICK if said.quick else FULL)
    print(rows_table(rows), end="\n\n")
    print("What each process spent", spent_table(spent), sep="\n\n", flush=True)
    if said.json:
        _write(Path(said.json), rows, spent, quick=said.quick)
    for name, error in failed.items():
        print(f"\nnot measured: {name}: {error}", file=sys.stderr)
    return 1 if failed else 0


def _is_wanted(rows: tuple[str, ...], only: list[str]) -> bool:
    return not only or any(row.startswith(word.upper()) for word in only for row in rows)


def measure_all(wanted: list[str], plan: Plan) -> tuple[list[Row], list[Spent], dict[str, str]]:
    """One after another. A row that cannot be measured is said at the end, and costs the others nothing."""
    rows: list[Row] = []
    spent: list[Spent] = []
    failed: dict[str, str] = {}
    for name in wanted:
        begun_s = time.monotonic()
        try:
            result = MEASURES[name][1](plan)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
        else:
            rows += result.rows
            spent += result.spent
        print(f"  {name} … {time.monotonic() - begun_s:.0f} s{' FAILED' if name in failed else ''}", file=sys.stderr)
    return sorted(rows, key=lambda row: row.id), sorted(spent, key=lambda line: line.row), failed


def machine() -> str:
    """Where these figures come from."""
    redis = subprocess.run([redis_binary(), "--version"], capture_output=True, text=True, timeout=10, check=True)
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvloop", "websockets", "aiohttp", "hiredis", "ccxt"))
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    return (
        f"Orderwire {version('orderwire')} on {os.cpu_count()} cores, Python {platform.python_version()},"
        f" Redis {redis.stdout.split()[2].removeprefix('v=')}, load {load}\n{packages}; loopback, uvloop everywhere"
    )


def _write(path: Path, rows: list[Row], spent: list[Spent], *, quick: bool) -> None:
    said = {
        "machine": machine(),
        "quick": quick,
        "rows": [row.to_json() for row in rows],
        "spent": [vars(line) for line in spent],
    }
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
