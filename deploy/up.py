"""`orderwire up`: everything under supervisord, in the foreground, until Ctrl-C.

This process only watches: supervisord keeps the programs alive, we check before, say when all is ready, and stop in the
right order after. Nobody is left to take over sessions when the whole house stops, so workers get both signals, drain
and stop, at once; Redis goes last.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any
from xmlrpc.client import Error as RpcError
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from deploy import answers, preflight, redis, terminal, welcome
from deploy.house import ROOT, WORKER_SLOTS, House, version
from shared.settings import Settings

PATIENCE_S = 60.0
STOP_WITHIN_S = 40.0
LOOK_EVERY_S = 0.2
OTHERS_WITHIN_S = 5.0
LOG_LINES = 12
DRAIN_FIRST_S = 0.3
"""Two equal signals in one instant reach a process as one."""


def up(env: Mapping[str, str]) -> int:
    """Check, start, tell, watch, stop. The exit status."""
    began_s = time.monotonic()
    settings = Settings.from_env(env)
    house = House.from_env(env)
    preflight.make_folders(house)
    with preflight.alone(house):
        preflight.check(settings)
        house.remember(env)
        try:
            return Up(settings, house, env, began_s).run()
        finally:
            house.forget()


class Stopped(Exception):
    """Somebody asked us to end."""


class Failed(Exception):
    """Something did not start; the text says what, and where to read more."""


class Up:
    def __init__(self, settings: Settings, house: House, env: Mapping[str, str], began_s: float) -> None:
        self.settings, self.house, self.began_s = settings, house, began_s
        self.env = program_env(settings, house, env)
        self.signals = 0
        self.child: subprocess.Popen[bytes] | None = None
        self.pids: set[int] = set()
        self.told: set[str] = set()

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        print(f"Orderwire {version()} · {self.settings.trading_env} · state in {self.shown}", flush=True)
        try:
            self.start()
            account = self.wait_until_ready()
            print(welcome.text(self.settings, account, time.monotonic() - self.began_s), flush=True)
            self.watch()
        except Stopped:
            return self.stop()
        except Failed as failed:
            print(f"\n{failed}", file=sys.stderr, flush=True)
            self.stop()
            return 1
        return 0

    @property
    def shown(self) -> str:
        return preflight.shown(self.house.state_dir)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1

    # starting

    def start(self) -> None:
        _raise_open_files()
        self.house.socket.unlink(missing_ok=True)  # we hold the lock, so whoever made it is gone
        with (self.house.log_dir / "supervisord.out").open("wb") as out:
            self.child = subprocess.Popen(  # noqa: S603 - our own supervisord
                [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(ROOT / "supervisord.conf")],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C comes to us alone; we stop the others in order
                preexec_fn=_end_with_parent,
            )

    def wait_until_ready(self) -> welcome.PaperAccount | None:
        self.wait_for("supervisord", lambda: self.processes() is not None)
        if self.settings.redis_is_embedded:
            self.wait_for("redis", lambda: answers.redis(self.settings))
            self.say("redis", f"embedded, on 127.0.0.1:{redis.port_of(self.settings)}")
        account = None
        if self.settings.trading_env == "paper":
            self.wait_for("paper", lambda: answers.at(f"{self.settings.paper_url}/paper/faults"))
            account = welcome.open_account(self.settings, within_s=5)
            if account is None:
                raise Failed(f"The paper exchange opened no account. Read {self.log('paper')}.")
            self.say("paper", f"{self.settings.paper_url}")
        base = answers.api_url(self.settings)
        self.wait_for("api", lambda: answers.at(f"{base}/healthz"))
        self.say("api", base)
        if self.settings.workers:
            self.wait_for("worker", lambda: answers.at(f"{base}/readyz"), f"{base}/readyz is not green")
            if account is not None:
                welcome.claim(self.settings, account)
            self.settle()
            self.say("workers", f"{self.count_workers()} live")
        else:
            self.say(
                "workers", "none, as WORKERS=0 says; `supervisorctl -c supervisord.conf scale worker 1` starts one"
            )
        return account

    def wait_for(self, program: str, is_so: Any, problem: str = "") -> None:
        """Wait for a part to answer; a program that gave up ends the wait, a slow one is only spoken of."""
        patient_until_s = time.monotonic() + PATIENCE_S
        while not is_so():
            self.pause(LOOK_EVERY_S)
            self.check_programs()
            if time.monotonic() > patient_until_s:
                patient_until_s += PATIENCE_S
                said = problem or f"{program} does not answer"
                print(f"  … still waiting: {said}. Read {self.log(program)}; Ctrl-C stops.", flush=True)

    def settle(self) -> None:
        """Until supervisord, too, calls everything RUNNING, which it does after a second: `status` should be green."""
        until_s = time.monotonic() + OTHERS_WITHIN_S
        while any(info["statename"] == "STARTING" for info in self.processes() or ()) and time.monotonic() < until_s:
            self.pause(LOOK_EVERY_S)

    def count_workers(self) -> int:
        """How many are live; the others of WORKERS get a moment, for one is enough to be ready."""
        until_s = time.monotonic() + OTHERS_WITHIN_S
        while (live := answers.live_workers(self.settings)) < self.settings.workers and time.monotonic() < until_s:
            self.pause(LOOK_EVERY_S)
        return live

    def check_programs(self) -> None:
        """Raise when a program gave up, with the end of its log."""
        for info in self.processes() or ():
            if info["statename"] == "FATAL":
                path = info["stdout_logfile"]
                raise Failed(f"{info['name']} does not start. The end of {path}:\n\n{_tail(path)}")

    def processes(self) -> list[dict[str, Any]] | None:
        """What supervisord says of its programs; None while it does not answer yet."""
        assert self.child is not None
        if self.child.poll() is not None:
            path = self.house.log_dir / "supervisord.out"
            raise Failed(f"supervisord ended with status {self.child.returncode}. The end of {path}:\n\n{_tail(path)}")
        try:
            infos: list[dict[str, Any]] = self.rpc().getAllProcessInfo()
        except (OSError, RpcError):
            return None
        self.pids = {info["pid"] for info in infos if info["pid"]}
        return infos

    def rpc(self) -> Any:
        url = f"unix://{self.house.socket}"
        return ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, url)).supervisor

    def say(self, what: str, how: str) -> None:
        print(f"  {terminal.mark(True)} {what:<9} {how}", flush=True)

    def log(self, program: str) -> str:
        name = f"{program}_00" if program == "worker" else program
        return preflight.shown(self.house.log_dir / f"{name}.log")

    def pause(self, seconds: float) -> None:
        if self.signals:
            raise Stopped
        time.sleep(seconds)
        if self.signals:
            raise Stopped

    # running

    def watch(self) -> None:
        """Until a signal comes. A program that gives up is told once; supervisord's own end ends us."""
        while True:
            for _ in range(10):
                self.pause(LOOK_EVERY_S)
            for info in self.processes() or ():
                name = f"{info['name']}"
                if info["statename"] != "FATAL":
                    self.told.discard(name)
                elif name not in self.told:
                    self.told.add(name)
                    print(f"  {terminal.mark(False)} {name} gave up; read {info['stdout_logfile']}", flush=True)

    # stopping

    def stop(self) -> int:
        assert self.child is not None
        print("\nStopping …", flush=True)
        self.signals = 0
        self._drain_workers()
        deadline_s = time.monotonic() + STOP_WITHIN_S
        if self.child.poll() is None:
            self.child.terminate()
        while self.child.poll() is None:
            if self.signals or time.monotonic() > deadline_s:
                self._kill()
                break
            time.sleep(0.05)
        self.child.wait()
        self.house.socket.unlink(missing_ok=True)
        print("Stopped; nothing is left running.", flush=True)
        return 0

    def _drain_workers(self) -> None:
        """The first signal; supervisord sends the second one, at which a worker stops at once."""
        try:
            if self.processes():
                self.rpc().signalProcessGroup("worker", "TERM")
                time.sleep(DRAIN_FIRST_S)
        except (OSError, RpcError, Failed):
            return

    def _kill(self) -> None:
        print("Killing what is left …", flush=True)
        assert self.child is not None
        self.child.kill()
        self.child.wait()
        for pid in self.pids:
            if _runs(pid):
                os.kill(pid, signal.SIGKILL)


def program_env(settings: Settings, house: House, env: Mapping[str, str]) -> dict[str, str]:
    """What supervisord.conf asks for beyond the settings."""
    return dict(env) | {
        "ORDERWIRE_STATE": str(house.state_dir),
        "ORDERWIRE_SOCKET": str(house.socket),
        "ORDERWIRE_REDIS": str(settings.redis_is_embedded).lower(),
        "ORDERWIRE_PAPER": str(settings.trading_env == "paper").lower(),
        "ORDERWIRE_WORKERS": str(settings.workers),
        "ORDERWIRE_SLOTS_FREE": str(WORKER_SLOTS - settings.workers),
    }


def _raise_open_files() -> None:
    """A worker holds a socket for every session: take as many open files as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1_048_576 if hard == resource.RLIM_INFINITY else hard
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_with_parent() -> None:
    """Should we be killed outright, supervisord is told to stop (Linux; elsewhere the next start says what is left)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _tail(path: object) -> str:
    try:
        with open(str(path), errors="replace") as log:  # noqa: PTH123
            lines = log.read()[-20_000:].splitlines()[-LOG_LINES:]
    except OSError:
        lines = []
    return "\n".join(f"  {line}" for line in lines) or "  (it is empty)"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
