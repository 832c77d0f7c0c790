"""Tokens: JWT signed with HS256 or EdDSA, each naming its key, so that keys can be replaced one after the other.

The first of JWT_KEYS signs, or JWT_SECRET where there are none; all of them verify. A token is only read with the key
and the algorithm that its key id stands for: what the token itself says of its algorithm decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.clock import CLOCK, Clock
from shared.settings import Settings

ISSUER = "orderwire"
API_AUDIENCE = "api"
STREAM_AUDIENCE = "stream"
TOKEN_LENGTH_MAX = 4096
NEEDED = ["sub", "aud", "iss", "iat", "exp"]
HS256, EDDSA = "HS256", "EdDSA"


class Signing(NamedTuple):
    """How one key signs and verifies."""

    algorithm: str
    private: bytes | Ed25519PrivateKey
    public: bytes | Ed25519PublicKey


class Tokens:
    def __init__(self, settings: Settings, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self._keys = {key_id: _to_signing(*key) for key_id, key in settings.jwt_keys.items()}
        secret = settings.jwt_secret().encode() if settings.jwt_secret_text or not self._keys else None
        if secret is not None:
            self._keys.setdefault(fingerprint(secret), Signing(HS256, secret, secret))
        for key_id, (algorithm, key) in settings.jwt_keys.items():
            if algorithm == "hs256":  # it may have been JWT_SECRET before, whose tokens name its fingerprint
                self._keys.setdefault(fingerprint(key), self._keys[key_id])
        self._unnamed = Signing(HS256, secret, secret) if secret is not None else None
        self._signing = next(iter(self._keys))
        first = secret or next(iter(settings.jwt_keys.values()))[1]
        self.pepper = blake2b(b"digests of what callers show", key=first[:64], digest_size=32).digest()
        """The same in every process of the house."""

    def __repr__(self) -> str:
        return f"Tokens({', '.join(self._keys)})"

    def make(self, user_id: str, ttl_s: float, audience: str = API_AUDIENCE, **more: Any) -> str:
        now_s = int(self._clock.now_s())
        claims = {"iss": ISSUER, "sub": user_id, "aud": audience, "iat": now_s, "exp": now_s + int(ttl_s), **more}
        key = self._keys[self._signing]
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": self._signing})

    def read(self, token: str, audience: str = API_AUDIENCE) -> Mapping[str, Any] | None:
        """Its claims; None for a token that is not ours, not for this, or no longer valid."""
        if len(token) > TOKEN_LENGTH_MAX:
            return None
        try:
            said = jwt.get_unverified_header(token).get("kid")
            key = self._unnamed if said is None else self._keys.get(said) if isinstance(said, str) else None
            if key is None:
                return None
            options: Any = {"require": NEEDED, "verify_exp": False, "verify_iat": False}
            claims: dict[str, Any] = jwt.decode(
                token, key.public, algorithms=[key.algorithm], audience=audience, issuer=ISSUER, options=options
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        # By our clock and not the library's: who holds the clock holds it for tokens too.
        now_s, expires_s, issued_s = self._clock.now_s(), claims["exp"], claims["iat"]
        if not isinstance(expires_s, int | float) or not isinstance(issued_s, int | float):
            return None
        return claims if issued_s - LEEWAY_S <= now_s < expires_s and isinstance(claims["sub"], str) else None


LEEWAY_S = 30
"""How far the clocks of two api processes may be apart."""


def fingerprint(secret: bytes) -> str:
    """The key id of a secret that was given none."""
    return sha256(b"orderwire jwt key id\0" + secret).hexdigest()[:12]


def _to_signing(algorithm: str, key: bytes) -> Signing:
    if algorithm == "hs256":
        return Signing(HS256, key, key)
    private = Ed25519PrivateKey.from_private_bytes(key)
    return Signing(EDDSA, private, private.public_key())
