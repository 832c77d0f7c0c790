"""How much is measured: enough to be steady in a full run, enough to see that it works in a quick one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    sessions: int
    sessions_ccxt: int
    update_sockets: int
    rounds: int
    turns: int
    seconds: float
    facts: int
    orders: int
    idle_orders: int
    readers: tuple[int, ...]
    rates: tuple[int, ...]
    steps: tuple[int, ...]
    step_s: float


FULL = Plan(
    sessions=1000, sessions_ccxt=40, update_sockets=50, rounds=5, turns=7, seconds=1.5, facts=40_000, orders=1500,
    idle_orders=150, readers=(1000, 5000), rates=(100, 1000),
    steps=(10_000, 16_000, 22_000, 26_000, 30_000, 36_000, 42_000, 50_000, 60_000), step_s=1.0,
)  # fmt: skip
QUICK = Plan(
    sessions=200, sessions_ccxt=8, update_sockets=20, rounds=1, turns=3, seconds=1.0, facts=10_000, orders=300,
    idle_orders=40, readers=(1000,), rates=(100, 1000), steps=(4000, 8000, 12_000), step_s=1.0,
)  # fmt: skip
