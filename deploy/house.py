"""Where this house stands: its root, its state, its socket, and the environment its programs get.

`orderwire up`, `supervisorctl` and `orderwire status` run in different shells and must find the same house, so a
running one leaves its settings (secrets excepted) in `STATE_DIR/house.json`; what a shell says itself always wins.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import NoReturn

from shared.settings import SETTINGS, Settings

ROOT = Path(__file__).resolve().parent.parent
SECRETS = ("MASTER_KEYS", "JWT_SECRET", "JWT_KEYS")
WORKER_SLOTS = 72
"""WORKERS ends at 64; the others are for a roll, where the old and the new stand side by side."""
SOCKET_BYTES_MAX = 96
"""A Unix socket's path ends at 107 bytes, and supervisord first makes one with its pid behind the name."""


@dataclass(frozen=True)
class House:
    """One STATE_DIR and what lies in it."""

    state_dir: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> House:
        said = env.get("STATE_DIR", "").strip()
        base = Path.cwd() if said or not (ROOT / "supervisord.conf").exists() else ROOT
        return cls((base / Path(said or SETTINGS["STATE_DIR"][0]).expanduser()).resolve())

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "log"

    @property
    def socket(self) -> Path:
        """Where supervisord listens; a deep STATE_DIR gets a short name elsewhere, the same for everyone who asks."""
        near = self.state_dir / "supervisor.sock"
        if len(os.fsencode(near)) <= SOCKET_BYTES_MAX:
            return near
        short = hashlib.sha256(os.fsencode(self.state_dir)).hexdigest()[:12]
        return Path(f"/tmp/orderwire-{os.getuid()}") / f"{short}.sock"  # noqa: S108 - prepare() makes it ours alone

    def prepare(self) -> None:
        """Make the folders. What lies here is nobody else's business."""
        for folder in (self.state_dir, self.log_dir, self.state_dir / "redis"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self.socket.parent
        folder.mkdir(exist_ok=True, mode=0o700)
        if folder != self.state_dir and (folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077):
            raise PermissionError(f"{folder} is not yours alone")

    def remember(self, env: Mapping[str, str]) -> None:
        kept = {name: env[name] for name in SETTINGS if env.get(name) and name not in SECRETS}
        path = self.state_dir / "house.json"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps({"pid": os.getpid(), "settings": kept}))

    def forget(self) -> None:
        (self.state_dir / "house.json").unlink(missing_ok=True)

    def remembered(self) -> dict[str, str]:
        """The settings of the house that runs here; nothing when none does."""
        try:
            said = json.loads((self.state_dir / "house.json").read_text())
            os.kill(said["pid"], 0)
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return {str(name): str(value) for name, value in said["settings"].items()}


def version() -> str:
    try:
        return version_of("orderwire")
    except PackageNotFoundError:
        return "unknown"


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program of this house gets: the shell's settings, STATE_DIR in full, and our own commands on the PATH."""
    said = dict(os.environ if env is None else env)
    _look_past_procfile(said)
    bin_dir = str(Path(sys.executable).parent)
    said["STATE_DIR"] = str(House.from_env(said).state_dir)
    said["PATH"] = os.pathsep.join(
        [bin_dir, *[p for p in said.get("PATH", os.defpath).split(os.pathsep) if p != bin_dir]]
    )
    said["PYTHONUNBUFFERED"] = "1"
    return said


def settings_to_look(env: Mapping[str, str] | None = None) -> Settings:
    """The settings for those who only look: the running house fills in what this shell does not say, and no secret is
    asked for."""
    said = environment(env)
    said = House.from_env(said).remembered() | {name: value for name, value in said.items() if value}
    kept = {name: value for name, value in said.items() if name in SETTINGS and name not in SECRETS}
    return Settings.from_env(kept | {"TRADING_ENV": "paper"})


def settings_to_act(env: Mapping[str, str] | None = None) -> Settings:
    """The settings for those who open what is sealed: MASTER_KEYS must be known to this shell, but no JWT is made."""
    said = environment(env)
    said = House.from_env(said).remembered() | {name: value for name, value in said.items() if value}
    kept = {name: value for name, value in said.items() if name in SETTINGS and not name.startswith("JWT_")}
    return Settings.from_env(kept | {"JWT_SECRET": secrets.token_hex(32)})


def trading_env(env: Mapping[str, str] | None = None) -> str:
    said = environment(env)
    return (House.from_env(said).remembered() | said).get("TRADING_ENV") or SETTINGS["TRADING_ENV"][0]


def _look_past_procfile(env: dict[str, str]) -> None:
    """Procfile tools give every process a PORT of its own (5000, 5100, …). The one that counts here is what the tool
    itself was started with, the same for all; where it cannot be seen, the default."""
    if "HONCHO_PROCESS_NAME" not in env and "PS" not in env:
        return
    env.pop("PORT", None)
    above = os.getppid()
    while above > 1:
        theirs = _environ_of(above)
        if theirs is None:
            return
        if "HONCHO_PROCESS_NAME" not in theirs and "PS" not in theirs:
            if "PORT" in theirs:
                env["PORT"] = theirs["PORT"]
            return
        above = _parent_of(above)


def _environ_of(pid: int) -> dict[str, str] | None:
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in (pair.partition(b"=") for pair in pairs)}


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def rest(why: str) -> NoReturn:
    """Stay, doing nothing: a Procfile tool ends everything as soon as one of its processes ends."""
    print(why, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        signal.pause()
