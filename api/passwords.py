"""Passwords: hashed with Argon2id beside the event loop, a few at a time, and refused when anybody would guess them.

Checking costs the same whether the name is known or not: for an unknown one, a hash of nobody's password is checked.
"""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from shared.errors import TooManyRequests

MEMORY_KIB = 46 * 1024
PASSES = 1
LANES = 1
"""OWASP's first choice for Argon2id. Old hashes keep theirs until their user logs in next."""
AT_ONCE = 2
WAITING_MAX = 64
"""More logins than these at the same time are told to come back: each costs memory and tens of milliseconds."""
LENGTH_MIN, LENGTH_MAX = 8, 256
DIFFERENT_MIN = 4
COMMON = frozenset(
    """
    password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword 12345678 123456789 1234567890
    0123456789 87654321 987654321 0987654321 123123123 1234512345 11111111 qwertyui qwerty123 qwerty12 qwertyuiop
    1q2w3e4r 1q2w3e4r5t 1qaz2wsx qazwsxedc asdfghjk asdfghjkl zxcvbnm1 abcd1234 abc12345 abcdefgh a1b2c3d4 iloveyou
    iloveyou1 sunshine princess football baseball superman trustno1 starwars welcome1 welcome123 letmein1 letmein123
    monkey123 dragon123 master123 admin123 administrator changeme changeme123 default1 testtest orderwire
    """.split()  # noqa: SIM905 - words are read better as words
)

T = TypeVar("T")


class Passwords:
    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords")
        self._waiting = 0
        self._nobodys: str | None = None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        return await self._run(_hash, normal(password))

    async def matches(self, known: str | None, password: str) -> bool:
        """`known` is None for a name that nobody has; that takes as long."""
        if self._nobodys is None:
            self._nobodys = await self._run(_hash, os.urandom(16))
        is_right = await self._run(_matches, known or self._nobodys, normal(password))
        return is_right and known is not None

    async def _run(self, act: Callable[..., T], *args: str | bytes) -> T:
        if self._waiting >= WAITING_MAX:
            raise TooManyRequests("too many log in at this moment", 1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, act, *args)
        finally:
            self._waiting -= 1


def is_outdated(known: str) -> bool:
    """Made with other costs than today's."""
    return not known.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$")


def weakness(password: str, name: str) -> str | None:
    """What is wrong with it, in words for its user."""
    if len(password) < LENGTH_MIN:
        return f"must have at least {LENGTH_MIN} characters"
    if len(password) > LENGTH_MAX:
        return f"must have at most {LENGTH_MAX} characters"
    plain = password.casefold()
    if plain in COMMON or len(set(plain)) < DIFFERENT_MIN or plain.strip("!.?0123456789") in ("password", "qwerty"):
        return "is one of those that are tried first"
    if len(name) >= 3 and plain.strip("!.?0123456789") == name.casefold():
        return "must not be the username"
    return None


def normal(password: str) -> bytes:
    """The same letters are the same bytes, whatever keyboard they were typed on."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _hash(password: bytes) -> str:
    costs = Argon2id(salt=os.urandom(16), length=32, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB)
    return costs.derive_phc_encoded(password)


def _matches(known: str, password: bytes) -> bool:
    try:
        Argon2id.verify_phc_encoded(password, known)
    except InvalidKey:
        return False
    return True
