"""The vault: credentials sealed before they touch Redis, opened only where a request is signed.

Every record is sealed with a data key of its own, and the data key with a master key: AES-256-GCM both times, each with
a fresh nonce, the wrapping key derived with a fresh salt. What the record is and whose (user, venue, account) is bound
in as associated data, so that a record copied to another place does not open there. A record says the id of its master
key: a ring of several opens them all, and `orderwire keys rotate` seals anew what another than the first one sealed.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import GatewayError
from shared.model import Credentials

KEY_BYTES = 32
SALT_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16
WRAPPED_BYTES = KEY_BYTES + TAG_BYTES

CREDENTIALS = "credentials"
HOUSE = "house"
"""What is of the whole house and of no user."""


class CannotOpen(GatewayError):
    """A sealed record does not open: its key is gone, or it was changed or moved."""

    code = "cannot_open"


class Place(NamedTuple):
    """What a sealed record is and whose: it opens nowhere else."""

    kind: str
    user_id: str = ""
    venue: str = ""
    account_id: str = ""

    def bound(self, key_id: str) -> bytes:
        return msgspec.json.encode(("v2", key_id, *self))

    def __str__(self) -> str:
        return f"{self.kind} of account {self.account_id}" if self.account_id else f"the {self.kind}'s own secret"


class Vault:
    """The first key seals; every key opens what it sealed."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self.key_ids = tuple(keys)
        self.sealing = self.key_ids[0]

    def __repr__(self) -> str:
        return f"Vault({', '.join(self.key_ids)})"

    def seal(self, credentials: Credentials, user_id: str, venue: str, account_id: str) -> str:
        return self.seal_bytes(msgspec.json.encode(credentials), Place(CREDENTIALS, user_id, venue, account_id))

    def open(self, sealed: str, user_id: str, venue: str, account_id: str) -> Credentials:
        plain = self.open_bytes(sealed, Place(CREDENTIALS, user_id, venue, account_id))
        return msgspec.json.decode(plain, type=Credentials)

    def seal_bytes(self, plain: bytes, place: Place) -> str:
        data_key, bound = AESGCM.generate_key(256), place.bound(self.sealing)
        salt, wrap_nonce, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES), os.urandom(NONCE_BYTES)
        wrapped = _wrapping(self._keys[self.sealing], salt).encrypt(wrap_nonce, data_key, bound)
        sealed = AESGCM(data_key).encrypt(nonce, plain, bound)
        return f"v2:{self.sealing}:" + base64.b64encode(salt + wrap_nonce + wrapped + nonce + sealed).decode()

    def open_bytes(self, sealed: str, place: Place) -> bytes:
        try:
            version, key_id, encoded = sealed.split(":", 2)
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise CannotOpen(f"{place}: what is sealed was changed") from None
        key = self._keys.get(key_id)
        if key is None:
            raise CannotOpen(f"{place}: sealed by master key {key_id[:32]!r}, which is not in MASTER_KEYS")
        try:
            return _OPENERS[version](key, key_id, raw, place)
        except (InvalidTag, KeyError, ValueError):
            raise CannotOpen(f"{place}: what is sealed was changed or moved") from None

    def is_current(self, sealed: str) -> bool:
        """Whether it was sealed in today's way, by the key that seals today."""
        return sealed.startswith(f"v2:{self.sealing}:")

    def seal_again(self, sealed: str, place: Place) -> str:
        """With another data key too: who had the old master key and an old copy of Redis knows nothing of the new."""
        return self.seal_bytes(self.open_bytes(sealed, place), place)


def key_id_of(sealed: str) -> str:
    """The id of the master key that opens it."""
    return sealed.split(":", 2)[1] if sealed.count(":") >= 2 else "?"


def _open_v2(key: bytes, key_id: str, raw: bytes, place: Place) -> bytes:
    bound, at, parts = place.bound(key_id), 0, []
    for length in (SALT_BYTES, NONCE_BYTES, WRAPPED_BYTES, NONCE_BYTES):
        parts.append(raw[at : at + length])
        at += length
    salt, wrap_nonce, wrapped, nonce = parts
    data_key = _wrapping(key, salt).decrypt(wrap_nonce, wrapped, bound)
    return AESGCM(data_key).decrypt(nonce, raw[at:], bound)


def _open_v1(key: bytes, key_id: str, raw: bytes, place: Place) -> bytes:
    """As records were sealed at first: under a key derived from the master key, with no data key of their own."""
    if place.kind != CREDENTIALS:
        raise ValueError("nothing else was sealed then")
    salt, nonce = raw[:SALT_BYTES], raw[SALT_BYTES : SALT_BYTES + NONCE_BYTES]
    derived = HKDF(hashes.SHA256(), KEY_BYTES, salt, b"orderwire credentials v1").derive(key)
    bound = "\x00".join((place.user_id, place.venue, place.account_id)).encode()
    return AESGCM(derived).decrypt(nonce, raw[SALT_BYTES + NONCE_BYTES :], bound)


_OPENERS = {"v1": _open_v1, "v2": _open_v2}


def _wrapping(master_key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), KEY_BYTES, salt, b"orderwire data keys v2").derive(master_key))
