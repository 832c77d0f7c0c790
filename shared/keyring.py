"""Keyring: where master keys come from, how keys are written down, and which of them are too weak to guard anything.

A key source is one function: it is told its setting's value and answers `id:base64,…`. No key is ever part of an error.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from shared.errors import BadSetting

KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
KEY_BYTES = 32
COMMAND_WITHIN_S = 30
DIFFERENT_BYTES_MIN = 8
"""Nobody draws 32 random bytes, or 32 random digits, with fewer different ones."""


def _from_environment(value: str) -> str:
    return value


def _from_file(path: str) -> str:
    """Refused when anybody but its owner may read it, or write it."""
    cure = "set MASTER_KEYS_FILE to a file of id:base64,…; make it yours alone: chmod 600"
    try:
        with Path(path).open() as file:
            mode, owner = os.fstat(file.fileno()).st_mode, os.fstat(file.fileno()).st_uid
            if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077 or owner not in (os.getuid(), 0):
                raise BadSetting("MASTER_KEYS_FILE", f"{path} may be read or written by others", cure)
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "is not a text"
        raise BadSetting("MASTER_KEYS_FILE", f"{path} cannot be read: {said}", cure) from None


def _from_command(command: str) -> str:
    """What it prints; its other words are not shown, since they may hold a key."""
    cure = "set MASTER_KEYS_COMMAND to a command that prints id:base64,… and ends well within 30 s"
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            shlex.split(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_WITHIN_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise BadSetting("MASTER_KEYS_COMMAND", f"could not be run ({type(error).__name__})", cure) from None
    if done.returncode:
        raise BadSetting("MASTER_KEYS_COMMAND", f"ended with status {done.returncode}", cure)
    return done.stdout.decode(errors="replace").strip()


KEY_SOURCES: dict[str, Callable[[str], str]] = {
    # setting: what its value is told to, and `id:base64,…` comes from
    "MASTER_KEYS": _from_environment,
    "MASTER_KEYS_FILE": _from_file,
    "MASTER_KEYS_COMMAND": _from_command,
}


def one_source(said: Mapping[str, str]) -> tuple[str, str]:
    given = [(name, value) for name, value in said.items() if value]
    if len(given) > 1:
        raise BadSetting(given[1][0], f"is set, and so is {given[0][0]}", "set one of them")
    return given[0] if given else ("", "")


def to_master_keys(value: str, source: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in re.split(r"[,\s]+", value.strip()):
        name, _, encoded = part.partition(":")
        key = _decoded(encoded)
        if not KEY_ID.fullmatch(name) or len(key) != KEY_BYTES:
            raise BadSetting(
                source,
                "is not a list of id:base64 with 32 bytes each",
                "set MASTER_KEYS=k1:$(openssl rand -base64 32); a new key goes first, old ones stay behind it",
            )
        if name in keys or key in keys.values():
            raise BadSetting(source, f"holds {name} twice, or its key under two ids", "give every key an id of its own")
        keys[name] = key
    return keys


def is_weak(key: bytes) -> bool:
    return len(set(key)) < DIFFERENT_BYTES_MIN


def is_text(key: bytes) -> bool:
    """Somebody's words in place of random bytes."""
    return key.isascii() and key.decode().isprintable()


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def to_jwt_keys(value: str) -> dict[str, tuple[str, bytes]]:
    """Key id -> algorithm and key, the signing one first."""
    keys: dict[str, tuple[str, bytes]] = {}
    for part in filter(None, re.split(r"[,\s]+", value.strip())):
        name, algorithm, encoded = (*part.split(":"), "", "")[:3]
        key = _decoded(encoded)
        fits = {"eddsa": len(key) == KEY_BYTES, "hs256": len(key) >= KEY_BYTES}.get(algorithm.lower(), False)
        if not KEY_ID.fullmatch(name) or not fits or name in keys:
            raise BadSetting(
                "JWT_KEYS",
                "is not a list of id:eddsa:base64 (32 bytes) or id:hs256:base64 (32 bytes or more), each id once",
                "set JWT_KEYS=j1:eddsa:$(openssl rand -base64 32); a new key goes first, old ones stay behind it",
            )
        keys[name] = algorithm.lower(), key
    return keys
