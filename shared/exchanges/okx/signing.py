"""Signatures: HMAC-SHA256, told in base64, over words that are made once and sent as they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache

from shared.errors import KeyRefused
from shared.exchanges.okx import NAME
from shared.model import Credentials

LOGIN_WORDS = "GET/users/self/verify"


def signature(credentials: Credentials, words: bytes) -> str:
    try:
        keyed = _keyed(credentials.api_secret).copy()
    except UnicodeEncodeError:
        raise KeyRefused(NAME, "50113", "the secret holds bytes that no secret here has") from None
    keyed.update(words)
    return base64.b64encode(keyed.digest()).decode()


def timestamp(at_s: float) -> str:
    """UTC with milliseconds, as a request is dated; a login is dated by the plain second."""
    whole_s, ms = divmod(int(at_s * 1000), 1000)
    return f"{_second(whole_s)}.{ms:03d}Z"


def checked_key(credentials: Credentials) -> str:
    return _checked("50111", "key", credentials.api_key)


def checked_passphrase(credentials: Credentials) -> str:
    if credentials.passphrase is None:
        raise KeyRefused(NAME, "50104", "this venue's keys have a passphrase, and none was given")
    return _checked("50105", "passphrase", credentials.passphrase)


def _checked(code: str, what: str, said: str) -> str:
    """It goes into a header, where odd bytes would break the request."""
    if not said.isascii() or not said.isprintable() or not said:
        raise KeyRefused(NAME, code, f"the {what} holds bytes that no {what} here has")
    return said


@lru_cache(8)
def _second(whole_s: int) -> str:
    return datetime.fromtimestamp(whole_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(4096)
def _keyed(secret: str) -> hmac.HMAC:
    """The hash with the key already in it: a copy costs less than a new one. Bounded, and gone with the process."""
    return hmac.new(secret.encode(), digestmod=hashlib.sha256)
