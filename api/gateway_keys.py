"""Gateway keys: made, shown once, and recognised again.

A key is `owk_`, its id, and 32 random bytes. What is kept is a digest of those bytes and of all that the key may do,
keyed with a secret of the house that lies sealed in Redis: who can only read Redis learns nothing from it, and who can
write to it can make no key and widen none.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import os
import secrets
from hashlib import blake2b
from ipaddress import ip_address, ip_network
from typing import NamedTuple

import msgspec

from shared.clock import CLOCK, Clock
from shared.store import Store
from shared.store.gateway_keys import GatewayKey
from shared.vault import HOUSE, Place, Vault

PREFIX = "owk_"
SECRET_BYTES = 32
LENGTH_MAX = 128
HOUSE_SECRET = Place(HOUSE)

log = logging.getLogger(__name__)


class Shown(NamedTuple):
    """A key as its bot shows it."""

    key_id: str
    secret: str


class Keys:
    def __init__(self, store: Store, vault: Vault, clock: Clock = CLOCK) -> None:
        self._store, self._vault, self._clock = store, vault, clock
        self._house_secret: bytes | None = None
        self._lock = asyncio.Lock()

    async def make(
        self, user_id: str, label: str, scopes: tuple[str, ...], ips: tuple[str, ...], expires_at_ms: int | None
    ) -> tuple[GatewayKey, str]:
        """The record, and the key itself, which nobody can tell again."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        bare = GatewayKey(
            key_id=base64.b32encode(os.urandom(10)).decode().lower(),
            user_id=user_id,
            label=label,
            scopes=scopes,
            ips=ips,
            created_at_ms=self._clock.now_ms(),
            expires_at_ms=expires_at_ms,
        )
        key = msgspec.structs.replace(bare, digest=await self._digest(bare, secret))
        await self._store.gateway_keys.add(key)
        return key, f"{PREFIX}{key.key_id}_{secret}"

    async def is_right(self, key: GatewayKey, shown: Shown) -> bool:
        """Whether this is that key, and the record says what it said when it was made."""
        is_valid = key.expires_at_ms is None or self._clock.now_ms() < key.expires_at_ms
        return hmac.compare_digest(await self._digest(key, shown.secret), key.digest) and is_valid

    async def _digest(self, key: GatewayKey, secret: str) -> str:
        house = self._house_secret or await self._read_house_secret()
        return blake2b(secret.encode() + b"\0" + key.covered(), key=house, digest_size=32).hexdigest()

    async def _read_house_secret(self) -> bytes:
        async with self._lock:
            if self._house_secret is None:
                sealed = await self._store.sealed.house_secret()
                if sealed is None:
                    made = self._vault.seal_bytes(os.urandom(SECRET_BYTES), HOUSE_SECRET)
                    sealed = await self._store.sealed.put_house_secret(made)
                self._house_secret = self._vault.open_bytes(sealed, HOUSE_SECRET)
            return self._house_secret


def to_shown(said: str) -> Shown | None:
    """None for what is no gateway key at all."""
    if not said.startswith(PREFIX) or len(said) > LENGTH_MAX or not said.isascii():
        return None
    key_id, _, secret = said.removeprefix(PREFIX).partition("_")
    return Shown(key_id, secret) if key_id.isalnum() and secret else None


def may_come_from(key: GatewayKey, address: str) -> bool:
    if not key.ips:
        return True
    try:
        here = ip_address(address)
    except ValueError:
        return False
    return any(here in ip_network(network) for network in key.ips)
