"""`orderwire audit`: reads the audit log, checks its chain, and exports it; and writes down what operators do."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from deploy import terminal
from deploy.house import settings_to_look
from shared.errors import BadRequest, BadSetting, StoreUnavailable
from shared.settings import Settings
from shared.store import Store
from shared.store.audit import Entry, Head, chained

SHOWN_FIRST = ("user", "name", "by", "from")
SHOWN_NEVER = ("at_ms", "what", "request")


class Line(msgspec.Struct):
    """One line of an export. The entry stays the bytes that were hashed."""

    id: str
    before: str
    hash: str
    entry: msgspec.Raw


def read(count: int, user: str | None, what: str | None, *, as_json: bool) -> int:
    """The newest entries, oldest first."""
    entries = asyncio.run(_last(settings_to_look(), count, user, what))
    if as_json:
        for entry in entries:
            sys.stdout.buffer.write(entry.said + b"\n")
        sys.stdout.buffer.flush()
        return 0
    rows = [_row(msgspec.json.decode(entry.said)) for entry in entries]
    print(terminal.table(("when", "what", "who, from where, and how it ended"), rows, left=3) if rows else "  Nothing.")
    return 0


async def _last(settings: Settings, count: int, user: str | None, what: str | None) -> list[Entry]:
    store = Store(settings)
    try:
        if user is None and what is None:
            return await store.audit.last(count)
        found = []
        async for entry in store.audit.entries():
            said = msgspec.json.decode(entry.said)
            is_theirs = user in (None, said.get("user"), said.get("name"))
            if is_theirs and (what is None or str(said.get("what", "")).startswith(what)):
                found.append(entry)
        return found[-count:]
    finally:
        await store.close()


def _row(said: dict[str, Any]) -> tuple[str, str, str]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(said.get("at_ms", 0) / 1000))
    names = [*(name for name in SHOWN_FIRST if name in said), *(name for name in said if name not in SHOWN_FIRST)]
    return (
        when,
        str(said.get("what")),
        " ".join(f"{name}={_word(said[name])}" for name in names if name not in SHOWN_NEVER),
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# The chain.


def verify(file: str | None, seen: str | None) -> int:
    """Of the log, or of an export. The exit status is 1 when it does not hold."""
    if file is not None:
        count, newest, broken = _verify_file(Path(file), seen)
    else:
        count, newest, found = asyncio.run(_verify(settings_to_look(), seen))
        broken = None if found is None else f"{found.id}: {found.why}"
    held = f"{count:,} {'entry' if count == 1 else 'entries'}"
    if broken is not None:
        print(f"  {terminal.mark(False)} the chain holds for {held} and is broken at {broken}")
        return 1
    print(f"  {terminal.mark(True)} the chain holds: {held}")
    print(f"    newest {newest or '-'}")
    print("    keep this hash elsewhere; `orderwire audit verify --seen HASH` then shows that nobody made the log anew")
    return 0


async def _verify(settings: Settings, seen: str | None) -> tuple[int, str, Any]:
    store = Store(settings)
    try:
        return await store.audit.verify(seen)
    finally:
        await store.close()


def _verify_file(path: Path, seen: str | None) -> tuple[int, str, str | None]:
    """The first line says what came before it; from there on every line must follow the one above."""
    count, newest, found = 0, "", False
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                said = msgspec.json.decode(line, type=Line)
                newest = said.before if number == 1 else newest
                found = found or seen in (newest, said.hash)
                if said.before != newest or chained(newest, bytes(said.entry)) != said.hash:
                    return count, newest, f"line {number} ({said.id}): it was changed, or one before it is missing"
                count, newest = count + 1, said.hash
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError:
        return count, newest, f"line {count + 1}: it is no line of an export"
    if seen is not None and not found:
        return count, newest, "the hash that was seen before, which is not in it"
    return count, newest, None


# Export.


def export(file: str | None) -> int:
    """JSON lines, each with the hashes that chain it. A new file is yours alone; one that is there stays as it is."""
    if file in (None, "-"):
        return asyncio.run(_export(settings_to_look(), sys.stdout.buffer))
    try:
        made = os.open(str(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadRequest(f"{file}: {error.strerror}; name a new file") from None
    with os.fdopen(made, "wb") as out:
        return asyncio.run(_export(settings_to_look(), out))


async def _export(settings: Settings, out: BinaryIO) -> int:
    store = Store(settings)
    try:
        head: Head = await store.audit.head()
        before = head.trimmed
        async for entry in store.audit.entries():
            out.write(entry.to_json(before) + b"\n")
            before = entry.hash
        out.flush()
    finally:
        await store.close()
    return 0


# What operators do.


def by_operator() -> dict[str, str]:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return {"by": "operator", "who": name, "host": socket.gethostname()}


def tell(settings: Settings, what: str, **details: object) -> None:
    """Write it down. A Redis that is away must not keep an operator from mending things."""
    with suppress(StoreUnavailable, BadSetting):
        asyncio.run(_tell(settings, what, details))


async def _tell(settings: Settings, what: str, details: dict[str, object]) -> None:
    store = Store(settings)
    try:
        await store.audit.append(what, by_operator() | details)
    finally:
        await store.close()
