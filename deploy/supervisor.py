"""The supervisorctl plug-in: `scale`, `drain`, `roll` and `sessions`; and a `status` without the slots that rest.

A worker is sent away with one SIGTERM: it hands its sessions over and exits with 0, which supervisord takes as meant.
It is never stopped through supervisord, whose patience ends with a SIGKILL. A worker that stays is not touched.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

from supervisor.supervisorctl import ControllerPluginBase

from deploy import audit, house, status, terminal
from shared.errors import BadSetting, StoreUnavailable
from shared.store.leases import Beat

START_WITHIN_S = 30.0
HAND_OVER_WITHIN_S = 60.0
LOOK_EVERY_S = 0.25
TELL_EVERY_S = 2.0
WORKERS_MAX = 64
UP = ("STARTING", "RUNNING", "BACKOFF")
FAILED, MISUSED, NOT_RUNNING = 1, 2, 7


class Refused(Exception):
    """One sentence for the user, and the exit status."""

    def __init__(self, message: str, exit_status: int = FAILED) -> None:
        super().__init__(message)
        self.exit_status = exit_status


@dataclass(frozen=True)
class Slot:
    """One place for a worker, as supervisord sees it."""

    name: str
    state: str
    pid: int
    was_started: bool
    exit_status: int
    log: str

    @property
    def is_up(self) -> bool:
        return self.state in UP

    @property
    def rests(self) -> bool:
        """Never used, or drained and gone as it should."""
        return not self.was_started or (self.state == "EXITED" and self.exit_status == 0)


def to_target(word: str, running: int) -> int:
    """How many workers `4`, `+2` or `-1` means."""
    sign, digits = (word[0], word[1:]) if word[:1] in ("+", "-") else ("", word)
    if not (digits.isascii() and digits.isdigit()):
        raise Refused(f"scale: {word!r} is no number of workers; say for example 4, +2 or -1", MISUSED)
    number = int(digits[:9])
    target = {"": number, "+": running + number, "-": running - number}[sign]
    if not 0 <= target <= WORKERS_MAX:
        raise Refused(f"scale: there are {running} workers, and there can be 0 to {WORKERS_MAX}, not {target}", MISUSED)
    return target


class Plugin(ControllerPluginBase):  # type: ignore[misc]  # supervisor has no types
    """What supervisorctl calls: each `do_` is a command, each `help_` its help."""

    def __init__(self, controller: Any) -> None:
        super().__init__(controller)
        self.house = house.House.from_env(os.environ)
        self._find_socket()
        default = controller.options.plugins[0]
        self._show_status, controller.do_status = default.do_status, self.status
        for command in ("scale", "drain", "roll", "sessions"):  # else supervisor's own plug-in says it knows no help
            setattr(default, f"help_{command}", getattr(self, f"help_{command}"))

    # commands

    def do_scale(self, words: str) -> None:
        self._run(self._scale, words)

    def do_drain(self, words: str) -> None:
        self._run(self._drain, words)

    def do_roll(self, words: str) -> None:
        self._run(self._roll, words)

    def do_sessions(self, words: str) -> None:
        self._run(self._sessions, words)

    def do_help(self, words: str) -> None:
        if not words.strip():
            super().do_help(words)

    def help_scale(self) -> None:
        self._say("scale worker <n>\t\tRun this many workers; surplus ones hand over their sessions first")
        self._say("scale worker +<n>|-<n>\tRun so many more, or fewer. Workers that stay are not restarted")

    def help_drain(self) -> None:
        self._say("drain\t\t\tEvery worker hands over its sessions and exits")
        self._say("drain <worker>\t\tOne does, for example: drain worker_01")

    def help_roll(self) -> None:
        self._say("roll\t\t\tReplace the workers one by one: a new one first, then an old one hands over and exits")

    def help_sessions(self) -> None:
        self._say("sessions\t\tWhich worker holds how many shards and sessions, and how late it is")

    # what they do

    def _scale(self, words: list[str]) -> None:
        if len(words) != 2 or words[0] != "worker":
            raise Refused("scale: say `scale worker 4`, `scale worker +2` or `scale worker -1`", MISUSED)
        with self._alone():
            running = [slot for slot in self._slots() if slot.is_up]
            target = to_target(words[1], len(running))
            surplus = sorted(running, key=lambda slot: slot.name)[target:]
            started = self._start(target - len(running))
            if surplus:
                self._send_away(surplus)
            if not started and not surplus:
                self._say(f"{terminal.to_count(target, 'worker')} already; nothing to do.")
            else:
                self._say(f"{terminal.to_count(sum(slot.is_up for slot in self._slots()), 'worker')} now.")

    def _drain(self, words: list[str]) -> None:
        if len(words) > 1:
            raise Refused("drain: name one worker, or none to drain all", MISUSED)
        with self._alone():
            running = [slot for slot in self._slots() if slot.is_up]
            chosen = (
                running if not words or words[0] in ("all", "worker", "worker:*") else self._named(words[0], running)
            )
            if not chosen:
                self._say("No worker is running; nothing to do.")
                return
            if len(chosen) == len(running):
                self._say("Nobody is left to take over: the sessions wait until a worker starts again.")
            self._send_away(chosen)

    def _roll(self, words: list[str]) -> None:
        if words:
            raise Refused("roll: takes no arguments", MISUSED)
        with self._alone():
            old = sorted((slot for slot in self._slots() if slot.is_up), key=lambda slot: slot.name)
            if not old:
                raise Refused("roll: no worker is running; start some with `scale worker 2`", NOT_RUNNING)
            for place, slot in enumerate(old, 1):
                self._say(f"{place} of {len(old)}: replacing {slot.name}")
                self._start(1)
                self._send_away([slot])
            self._say(f"{terminal.to_count(len(old), 'worker')} replaced.")

    def _sessions(self, words: list[str]) -> None:
        if words:
            raise Refused("sessions: takes no arguments", MISUSED)
        view = asyncio.run(status.look(house.settings_to_look()))
        if view.redis_error is not None:
            raise Refused(f"sessions: {view.redis_error}; see `orderwire doctor`")
        self._say(status.workers_table(view.workers))
        self._say(f"\n  sessions  {status.sessions_line(view)}\n  shards    {view.shards_owned} of {view.shards} owned")

    def status(self, words: str) -> None:
        """supervisorctl's own status of everything that was ever wanted; the free slots are not worth a line each."""
        try:
            resting = {info.name for info in self._slots("") if info.rests}
            everyone = [f"{info['group']}:{info['name']}" for info in self._rpc().getAllProcessInfo()]
        except Refused as refused:
            self._say(str(refused))
            self.ctl.exitstatus = NOT_RUNNING
            return
        shown = [name for name in everyone if name.partition(":")[2] not in resting]
        wants_all = not words.strip() or words.strip() == "all"
        self._show_status(" ".join(shown) if wants_all and shown else words)

    # the slots

    def _slots(self, group: str = "worker") -> list[Slot]:
        try:
            infos = self._rpc().getAllProcessInfo()
        except OSError:
            raise Refused(
                f"Orderwire is not running here: nobody listens at {self.ctl.options.serverurl}\n"
                "  start it with `make up`; if it runs with its own STATE_DIR, set the same STATE_DIR here",
                NOT_RUNNING,
            ) from None
        return [_to_slot(info) for info in infos if not group or info["group"] == group]

    def _rpc(self) -> Any:
        return self.ctl.get_supervisor()

    def _named(self, name: str, running: list[Slot]) -> list[Slot]:
        wanted = name.removeprefix("worker:")
        chosen = [slot for slot in running if slot.name == wanted]
        if not chosen:
            names = ", ".join(sorted(slot.name for slot in running)) or "none"
            raise Refused(f"drain: no worker {name!r} is running; there are: {names}", MISUSED)
        return chosen

    def _start(self, count: int) -> list[str]:
        """Start so many workers in free slots, and wait until they beat."""
        if count <= 0:
            return []
        free = sorted(
            (slot for slot in self._slots() if not slot.is_up and slot.state != "STOPPING"), key=lambda s: s.name
        )
        if len(free) < count:
            raise Refused(f"there are only {len(free)} free slots for workers")
        names = [slot.name for slot in free[:count]]
        for name in names:
            self._rpc().startProcess(f"worker:{name}", False)
        self._wait(START_WITHIN_S, lambda: self._not_started(names), lambda left: f"{_names(left)} starting …")
        self._say(f"{_names(names)} {'is' if count == 1 else 'are'} up.")
        return names

    def _not_started(self, names: list[str]) -> list[str]:
        slots = {slot.name: slot for slot in self._slots()}
        given_up = [slot for slot in slots.values() if slot.name in names and slot.state == "FATAL"]
        if given_up:
            raise Refused(f"{given_up[0].name} does not start; read {given_up[0].log}")
        beats = self._beats()
        beating = None if beats is None else {beat.pid for beat in beats if not beat.draining}
        return [
            name
            for name in names
            if slots[name].state != "RUNNING" or (beating is not None and slots[name].pid not in beating)
        ]

    def _send_away(self, slots: list[Slot]) -> None:
        """One SIGTERM each; wait until they have handed over and gone."""
        pids = {slot.name: slot.pid for slot in slots}
        # a worker that ends in its first second would count as failed and be started again
        self._wait(START_WITHIN_S, lambda: self._starting(pids), lambda left: f"{_names(left)} still starting …")
        for name in pids:
            try:
                self._rpc().signalProcess(f"worker:{name}", "TERM")
            except Fault as fault:
                self._say(f"{name}: {fault.faultString}")
        self._wait(HAND_OVER_WITHIN_S, lambda: self._staying(pids), self._handing_over)
        self._say(f"{_names(list(pids))} {'is' if len(pids) == 1 else 'are'} gone.")

    def _starting(self, pids: dict[str, int]) -> list[str]:
        return [slot.name for slot in self._slots() if slot.name in pids and slot.state == "STARTING"]

    def _staying(self, pids: dict[str, int]) -> list[str]:
        return [slot.name for slot in self._slots() if slot.is_up and pids.get(slot.name) == slot.pid]

    def _handing_over(self, left: list[str]) -> str:
        pids = {slot.pid for slot in self._slots() if slot.name in left}
        sessions = sum(beat.sessions for beat in self._beats() or () if beat.pid in pids)
        return f"{_names(left)} handing over, {terminal.to_count(sessions, 'session')} left …"

    def _wait(self, within_s: float, left: Callable[[], list[str]], tell: Callable[[list[str]], str]) -> None:
        """Until nothing is left to wait for, with a line now and then."""
        began_s = told_s = time.monotonic()
        while names := left():
            now_s = time.monotonic()
            if now_s - began_s > within_s:
                raise Refused(f"{tell(names)} not done within {within_s:.0f} s; it goes on. Look with `sessions`.")
            if now_s - told_s > TELL_EVERY_S:
                told_s = now_s
                self._say(tell(names))
            time.sleep(LOOK_EVERY_S)

    def _beats(self) -> list[Beat] | None:
        """Who beats on this machine; None when Redis cannot say, which must not keep anybody from scaling."""
        try:
            return asyncio.run(status.workers(house.settings_to_look()))
        except (StoreUnavailable, BadSetting):
            return None

    # the surroundings

    def _find_socket(self) -> None:
        """The socket is where STATE_DIR is; one given with `-s` counts more."""
        options = self.ctl.options
        if options.attr_priorities.get("serverurl", 0) < 2:
            options.serverurl = f"unix://{self.house.socket}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two who scale at once would undo each other."""
        self._slots()  # says when nothing runs here
        path: Path = self.house.state_dir / "scale.lock"
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused("another scale, drain or roll is under way; wait for it") from None
            yield

    def _run(self, act: Callable[[list[str]], None], words: str) -> None:
        try:
            if act != self._sessions:
                audit.tell(house.settings_to_look(), f"workers.{act.__name__.strip('_')}", words=words[:100])
            act(words.split())
        except Refused as refused:
            self._say(str(refused))
            self.ctl.exitstatus = refused.exit_status
        except BadSetting as wrong:
            self._say(str(wrong))
            self.ctl.exitstatus = MISUSED
        except Fault as fault:
            self._say(f"supervisord refused: {fault.faultString}")
            self.ctl.exitstatus = FAILED
        except KeyboardInterrupt:
            self._say("Interrupted; what has begun goes on. Look with `sessions`.")
            self.ctl.exitstatus = FAILED

    def _say(self, line: str) -> None:
        self.ctl.output(line)
        self.ctl.stdout.flush()


def _to_slot(info: dict[str, Any]) -> Slot:
    return Slot(
        info["name"],
        info["statename"],
        info["pid"],
        bool(info["start"]),
        info["exitstatus"],
        info["stdout_logfile"],
    )


def _names(names: list[str]) -> str:
    return ", ".join(names)


def make_plugin(controller: Any, **_: str) -> Plugin:
    """What supervisord.conf names."""
    return Plugin(controller)
