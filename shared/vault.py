"""The vault: credentials sealed before they touch Redis, opened only where a request is signed.

AES-256-GCM with a key of its own for every record, derived from a master key and a fresh salt, and a fresh nonce. The
user, venue and account are bound in as associated data: a record copied to another place does not open there.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import GatewayError
from shared.model import Credentials

SALT_BYTES = 16
NONCE_BYTES = 12


class CannotOpen(GatewayError):
    """A sealed record does not open: its key is gone, or it was changed or moved."""

    code = "cannot_open"


class Vault:
    """The first key seals; every key opens what it sealed."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._sealing = next(iter(keys))

    def __repr__(self) -> str:
        return f"Vault({', '.join(self._keys)})"

    def seal(self, credentials: Credentials, user_id: str, venue: str, account_id: str) -> str:
        salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
        plain = msgspec.json.encode(credentials)
        sealed = _cipher(self._keys[self._sealing], salt).encrypt(nonce, plain, _bound_to(user_id, venue, account_id))
        return f"v1:{self._sealing}:" + base64.b64encode(salt + nonce + sealed).decode()

    def open(self, sealed: str, user_id: str, venue: str, account_id: str) -> Credentials:
        version, key_id, encoded = sealed.split(":", 2)
        key = self._keys.get(key_id)
        if version != "v1" or key is None:
            raise CannotOpen(f"sealed by master key {key_id!r}, which is not in MASTER_KEYS")
        raw = base64.b64decode(encoded)
        salt, nonce, body = (
            raw[:SALT_BYTES],
            raw[SALT_BYTES : SALT_BYTES + NONCE_BYTES],
            raw[SALT_BYTES + NONCE_BYTES :],
        )
        try:
            plain = _cipher(key, salt).decrypt(nonce, body, _bound_to(user_id, venue, account_id))
        except InvalidTag:
            raise CannotOpen(f"the sealed credentials of account {account_id} were changed or moved") from None
        return msgspec.json.decode(plain, type=Credentials)


def _cipher(master_key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, salt, b"orderwire credentials v1").derive(master_key))


def _bound_to(user_id: str, venue: str, account_id: str) -> bytes:
    return "\x00".join((user_id, venue, account_id)).encode()
