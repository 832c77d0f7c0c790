"""A real paper exchange in a process of its own, for tests that speak to it as strangers would.

`PaperProcess.running()` starts one on a free port, waits until it answers, and stops it at the end. Everything on the
control surface has a method here; none of them waits for time.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S, STOP_WITHIN_S, POLL_S = 15.0, 5.0, 0.02


@dataclass(frozen=True, slots=True)
class PaperAccount:
    """Somebody's keys."""

    uid: str
    api_key: str
    api_secret: str
    passphrase: str


@dataclass
class PaperProcess:
    """A running exchange."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def rest_url(self) -> str:
        return f"{self.url}/api/v4"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v4/ws/futures/usdt"

    @classmethod
    @contextmanager
    def running(cls, *options: str, **env: str) -> Iterator[PaperProcess]:
        """Start one, wait until it answers, stop it at the end."""
        port = free_port()
        surroundings = os.environ | {"PAPER_PORT": str(port), "HOST": "127.0.0.1"} | env
        command = [sys.executable, "-m", "shared.paper", *options]
        process = subprocess.Popen(command, cwd=ROOT, env=surroundings, stderr=subprocess.DEVNULL)
        paper = cls(port, process)
        try:
            wait_until(paper.answers, START_WITHIN_S)
            yield paper
        finally:
            process.terminate()
            process.wait(STOP_WITHIN_S)

    def answers(self) -> bool:
        """Whether it listens; an exchange that died says so at once."""
        assert self.process.poll() is None, "the paper exchange did not start"
        try:
            self.ask("GET", "/paper/clock")
        except OSError:
            return False
        return True

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to the control surface; an error status raises."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")

    def status(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """One request that may be refused: its status and JSON."""
        request = urllib.request.Request(self.url + path, body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def account(self, **said: object) -> PaperAccount:
        """A new account."""
        return PaperAccount(**self.ask("POST", "/paper/accounts", said))

    def fault(self, kind: str, **said: object) -> Any:
        """Start a fault."""
        return self.ask("POST", "/paper/faults", {"kind": kind, "rate": 1} | said)

    def clear_faults(self) -> None:
        """End all faults."""
        self.ask("DELETE", "/paper/faults")

    def price(self, symbol: str, price: object, *, hold: bool = False) -> Any:
        """Move a market."""
        return self.ask("POST", "/paper/price", {"symbol": symbol, "price": price, "hold": hold})

    def skew(self, skew_ms: int) -> None:
        """Shift the venue's clock."""
        self.ask("POST", "/paper/clock", {"skew_ms": skew_ms})

    def books(self, uid: str) -> Any:
        """The engine's own truth about one account."""
        return self.ask("GET", f"/paper/books?uid={uid}")["accounts"][uid]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_so: Callable[[], bool], within_s: float) -> None:
    """Wait for a condition, and fail when it does not come true in time."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {within_s} s"
        time.sleep(POLL_S)
