"""`orderwire up` and its neighbours as a user runs them: real commands in processes of their own, on free ports.

A house that was started is stopped at the end, whatever happened; should it not stop, it is killed by its own pids.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from shared.settings import EMBEDDED_REDIS_PORT_OFFSET, SETTINGS
from tests.house.house import free_port

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
READY_WITHIN_S, STOP_WITHIN_S, ANSWER_WITHIN_S = 45.0, 20.0, 60.0
DERIVED = ("HONCHO_PROCESS_NAME", "PS", "WORKER_ID")


def clean_env(**said: str) -> dict[str, str]:
    """The shell's environment without settings of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS and name not in DERIVED}
    return kept | said


def free_house(state_dir: Path) -> dict[str, str]:
    """Settings for a house of its own: PORT, and the embedded Redis a thousand above, are both free."""
    while True:
        port = free_port()
        if port + EMBEDDED_REDIS_PORT_OFFSET < 65_536 and not listens(port + EMBEDDED_REDIS_PORT_OFFSET):
            return {"PORT": str(port), "PAPER_PORT": str(free_port()), "STATE_DIR": str(state_dir)}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """One command of ours, to its end."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT,
        env=clean_env(**env),
        capture_output=True,
        text=True,
        timeout=ANSWER_WITHIN_S,
        check=False,
    )


@dataclass
class Running:
    """A house that `orderwire up` started."""

    env: dict[str, str]
    process: subprocess.Popen[str]
    log: Path
    others: list[psutil.Process] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.env["PORT"])

    @property
    def ports(self) -> list[int]:
        return [self.port, int(self.env["PAPER_PORT"]), self.port + EMBEDDED_REDIS_PORT_OFFSET]

    def said(self) -> str:
        return self.log.read_text()

    def curl_lines(self) -> list[str]:
        return [line for line in self.said().splitlines() if line.startswith("curl ")]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return run(*command, **self.env)

    def ctl(self, words: str) -> subprocess.CompletedProcess[str]:
        return self.run("supervisorctl", "-c", "supervisord.conf", *shlex.split(words))

    def workers(self) -> dict[str, int]:
        """Each running worker and its pid, read from `status` as a person would."""
        rows = [line.split() for line in self.ctl("status").stdout.splitlines() if line.startswith("worker:")]
        return {row[0]: int(row[3].rstrip(",")) for row in rows if row[1] == "RUNNING"}

    def look(self) -> None:
        """Remember every process below, to know later whether one was left."""
        self.others = psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.look()
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN_S)

    def left(self) -> list[psutil.Process]:
        return [each for each in self.others if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def up(state_dir: Path, **env: str) -> Iterator[Running]:
    """A house, from the start of `orderwire up` until nothing of it is left."""
    said = free_house(state_dir) | env
    state_dir.mkdir(parents=True, exist_ok=True)
    log = state_dir.with_name(f"{state_dir.name}.out")
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(BIN / "orderwire"), "up"], cwd=ROOT, env=clean_env(**said), stdout=out, stderr=out, text=True
        )
    running = Running(said, process, log)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.look()
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
        for each in running.left():
            each.kill()


@contextmanager
def ready(state_dir: Path, **env: str) -> Iterator[Running]:
    with up(state_dir, **env) as running:
        wait_until_announced(running)
        yield running


def wait_until_announced(running: Running) -> None:
    def announced() -> bool:
        assert running.process.poll() is None, running.said()
        return "Ctrl-C stops everything" in running.said()

    wait_until(announced, "the house is ready", READY_WITHIN_S)
