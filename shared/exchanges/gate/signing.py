"""Signatures: HMAC-SHA512 over words that are made once and sent as they are."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from shared.errors import KeyRefused
from shared.exchanges.gate import NAME
from shared.model import Credentials

NO_BODY_HASH = hashlib.sha512().hexdigest()


def signature(credentials: Credentials, words: str) -> str:
    try:
        keyed = _keyed(credentials.api_secret).copy()
        keyed.update(words.encode())
    except UnicodeEncodeError:
        raise KeyRefused(NAME, "INVALID_SIGNATURE", "the secret holds bytes that no secret here has") from None
    return keyed.hexdigest()


def body_hash(body: bytes) -> str:
    return hashlib.sha512(body).hexdigest() if body else NO_BODY_HASH


def checked_key(credentials: Credentials) -> str:
    """A key goes into a header, where odd bytes would break the request."""
    key = credentials.api_key
    if not key.isascii() or not key.isprintable() or not key:
        raise KeyRefused(NAME, "INVALID_KEY", "the key holds bytes that no key here has")
    return key


@lru_cache(4096)
def _keyed(secret: str) -> hmac.HMAC:
    """The hash with the key already in it: a copy costs less than a new one. Bounded, and gone with the process."""
    return hmac.new(secret.encode(), digestmod=hashlib.sha512)
