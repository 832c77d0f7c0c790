"""What must be so before anything starts. A refusal names the setting and the cure, and nothing has happened yet."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy import redis
from deploy.house import ROOT, House
from shared.errors import BadSetting, StoreUnavailable
from shared.logs import scrub
from shared.settings import Settings
from shared.store import Store
from shared.store.connection import Health, health


@contextmanager
def alone(house: House) -> Iterator[None]:
    """Hold this house for ourselves: one `orderwire up` for a STATE_DIR. The lock goes with the process."""
    path = house.state_dir / "up.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise BadSetting(
                "STATE_DIR",
                f"{shown(house.state_dir)} is in use: Orderwire runs here already (pid {lock.read().strip() or '?'})",
                "stop that one with Ctrl-C, or give this one its own STATE_DIR, PORT and PAPER_PORT",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def make_folders(house: House) -> None:
    try:
        house.prepare()
        probe = house.state_dir / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadSetting(
            "STATE_DIR",
            f"{shown(house.state_dir)} cannot be used: {error.strerror or error}",
            "set STATE_DIR to a folder that you can write to",
        ) from None


def check(settings: Settings) -> None:
    """Files, ports, Redis."""
    if not (ROOT / "supervisord.conf").exists():
        raise BadSetting(
            "supervisord.conf", f"is not in {ROOT}", "run `make up` in a clone, or start the parts one by one"
        )
    check_ports(settings)
    if settings.master_keys_from[0] == "MASTER_KEYS_FILE":
        settings.master_keys()  # said here once, instead of by every process that needs them
    if settings.redis_is_embedded:
        binary = redis.find()
        redis.check_data(settings.state_dir / "redis", redis.version_of(binary))
    else:
        check_redis(settings)


def ports(settings: Settings) -> list[tuple[str, str, int]]:
    """Each port that will be opened: the setting that moves it, and where it is."""
    wanted = [("PORT", settings.host, settings.port)]
    if settings.trading_env == "paper":
        wanted.append(("PAPER_PORT", settings.host, settings.paper_port))
        if settings.paper_tls_port is not None:
            wanted.append(("PAPER_TLS_PORT", settings.host, settings.paper_tls_port))
    if settings.redis_is_embedded:
        wanted.append(("PORT", "127.0.0.1", redis.port_of(settings)))
    return wanted


def check_ports(settings: Settings) -> None:
    if settings.redis_is_embedded and redis.port_of(settings) > 65535:
        raise BadSetting(
            "PORT", f"is {settings.port}, and the embedded Redis needs PORT + 1000", "set PORT below 64536"
        )
    seen: dict[int, str] = {}
    for name, host, port in ports(settings):
        of_redis = name == "PORT" and port != settings.port
        if port in seen:
            what = f"is {port}, which is the embedded Redis' port (PORT + 1000)" if of_redis else f"is {port}"
            raise BadSetting(
                seen[port], f"{what} and {name}'s too" if not of_redis else what, "set one to another port"
            )
        seen[port] = name
        check_port(name, host, port, "the embedded Redis' port, PORT + 1000" if of_redis else "")


def check_port(name: str, host: str, port: int, note: str = "") -> None:
    at = f"{port} ({note})" if note else str(port)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: old connections may linger
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise BadSetting("HOST", f"{host!r} is no address", "set HOST=127.0.0.1, or 0.0.0.0 for all networks") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = f"{name}={port + 1 if not note else port - 1000 + 1}"
            raise BadSetting(
                name, f"{at} is in use", f"stop what listens on {port}, or choose another: {other} make up"
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise BadSetting("HOST", f"{host} is not this machine's address", "set HOST=127.0.0.1") from None
        cure = "set it to a port above 1023" if error.errno == errno.EACCES else f"set {name} or HOST to another"
        raise BadSetting(name, f"{at} cannot be opened on {host}: {error.strerror or error}", cure) from None


def check_redis(settings: Settings) -> None:
    """A Redis of yours must answer; outside paper it must also be one that keeps orders."""
    try:
        said = asyncio.run(ask_health(settings))
    except StoreUnavailable as error:
        raise BadSetting(
            "REDIS_URL",
            f"{scrub(settings.redis_url)} does not answer ({scrub(str(error))})",
            "start that Redis, or unset REDIS_URL to use the embedded one",
        ) from None
    if said.complaints and settings.trading_env != "paper":
        problem, cure = said.complaints[0]
        raise BadSetting("REDIS_URL", problem, cure)


async def ask_health(settings: Settings) -> Health:
    store = Store(settings)
    try:
        return await health(store.redis)
    finally:
        await store.close()


def shown(path: Path) -> str:
    """A path as the user would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
