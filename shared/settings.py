"""Settings: what the environment says, checked once at start.

Every setting stands in `SETTINGS` with its default and its meaning; the README's table is checked against it. Anything
that cannot be defaulted safely outside paper is an error at start that says what to set.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import BadSetting

SETTINGS: dict[str, tuple[str, str]] = {
    "REDIS_URL": ("", "where Redis is; when unset, `make up` starts the embedded one on its own port"),
    "HOST": ("127.0.0.1", "the address that the api and the paper exchange listen on"),
    "PORT": ("1122", "the api's port"),
    "PAPER_PORT": ("4100", "the paper exchange's port"),
    "PAPER_TLS_PORT": ("", "its TLS port, self-signed for `localhost`; off when unset"),
    "WORKERS": ("2", "how many workers start"),
    "STATE_DIR": ("var/", "where the embedded Redis, pid files, logs and paper secrets live"),
    "TRADING_ENV": ("paper", "`paper`, `testnet` or `live`; nobody trades real money by accident"),
    "MASTER_KEYS": (
        "",
        "`id:base64,…` of 32 bytes each; the first seals, all open. Made up under `STATE_DIR` in paper",
    ),
    "JWT_SECRET": ("", "signs bearer tokens, 32 characters at least. Made up under `STATE_DIR` in paper"),
    "GATE_REST_URL": ("", "overrides Gate's REST address, in every TRADING_ENV"),
    "GATE_WS_URL": ("", "overrides Gate's WebSocket address, in every TRADING_ENV"),
    "SSE_OPEN": ("", "`1` opens order streams without auth, for a trusted network only"),
    "SHARDS": ("256", "how many equal shares of all users; the same in every process, for the life of the data"),
    "EVENTS_KEPT": ("10000", "how many events of a user are kept for those who resume"),
    "PARK_AFTER_S": ("300", "a session without reader, open order or position rests after this long"),
    "LOG_FORMAT": ("text", "`text` or `json`"),
    "LOG_LEVEL": ("info", "`debug`, `info`, `warning` or `error`"),
}

TRADING_ENVS = ("paper", "testnet", "live")
EMBEDDED_REDIS_PORT_OFFSET = 1000
"""The embedded Redis listens this far above PORT, so two checkouts with their own PORT never share one."""


@dataclass(frozen=True)
class Settings:
    """The environment, read and checked. Secrets are kept out of the repr."""

    redis_url: str
    redis_is_embedded: bool
    host: str
    port: int
    paper_port: int
    paper_tls_port: int | None
    workers: int
    state_dir: Path
    trading_env: str
    venue_urls: Mapping[str, str]
    sse_open: bool
    shards: int
    events_kept: int
    park_after_s: float
    log_format: str
    log_level: str
    master_keys_text: str = field(repr=False)
    jwt_secret_text: str = field(repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        said = os.environ if env is None else env

        def value(name: str) -> str:
            return said.get(name, "").strip() or SETTINGS[name][0]

        trading_env = _one_of("TRADING_ENV", value("TRADING_ENV"), TRADING_ENVS)
        port = _port("PORT", value("PORT"))
        redis_url = value("REDIS_URL")
        _check_redis_url(redis_url)
        if trading_env != "paper":
            for name, cure in (
                ("REDIS_URL", "set it to your Redis, with AOF on and maxmemory-policy noeviction"),
                ("MASTER_KEYS", "set MASTER_KEYS=k1:$(openssl rand -base64 32) and keep it safe"),
                ("JWT_SECRET", "set JWT_SECRET=$(openssl rand -hex 32) and keep it safe"),
            ):
                if not value(name):
                    raise BadSetting(name, f"is required when TRADING_ENV={trading_env}", cure)
        settings = cls(
            redis_url=redis_url or f"redis://127.0.0.1:{port + EMBEDDED_REDIS_PORT_OFFSET}/0",
            redis_is_embedded=not redis_url,
            host=value("HOST"),
            port=port,
            paper_port=_port("PAPER_PORT", value("PAPER_PORT")),
            paper_tls_port=_port("PAPER_TLS_PORT", value("PAPER_TLS_PORT")) if value("PAPER_TLS_PORT") else None,
            workers=_whole("WORKERS", value("WORKERS"), 0, 64),
            state_dir=Path(value("STATE_DIR")),
            trading_env=trading_env,
            venue_urls={name: _url(name, value(name)) for name in SETTINGS if name.startswith("GATE_") and value(name)},
            sse_open=_one_of("SSE_OPEN", value("SSE_OPEN") or "0", ("0", "1")) == "1",
            shards=_whole("SHARDS", value("SHARDS"), 1, 16384),
            events_kept=_whole("EVENTS_KEPT", value("EVENTS_KEPT"), 10, 10_000_000),
            park_after_s=float(_whole("PARK_AFTER_S", value("PARK_AFTER_S"), 1, 31_536_000)),
            log_format=_one_of("LOG_FORMAT", value("LOG_FORMAT"), ("text", "json")),
            log_level=_one_of("LOG_LEVEL", value("LOG_LEVEL").lower(), ("debug", "info", "warning", "error")),
            master_keys_text=value("MASTER_KEYS"),
            jwt_secret_text=value("JWT_SECRET"),
        )
        if settings.master_keys_text:
            _master_keys(settings.master_keys_text)
        if settings.jwt_secret_text and len(settings.jwt_secret_text) < 32:
            raise BadSetting("JWT_SECRET", "is shorter than 32 characters", "set JWT_SECRET=$(openssl rand -hex 32)")
        return settings

    @property
    def paper_url(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.paper_port}"

    def master_keys(self) -> dict[str, bytes]:
        """The keys that seal and open credentials, the sealing one first."""
        return _master_keys(self.master_keys_text or self._kept_secret("master_keys", _new_master_key))

    def jwt_secret(self) -> str:
        return self.jwt_secret_text or self._kept_secret("jwt_secret", lambda: secrets.token_hex(32))

    def _kept_secret(self, name: str, make: object) -> str:
        """A paper secret, made once and kept under STATE_DIR, so that a restart can still open what it sealed."""
        assert callable(make)
        path = self.state_dir / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            os.link(draft, path)  # fails when another process was first, whose secret then counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text().strip()


def _new_master_key() -> str:
    return "paper:" + base64.b64encode(secrets.token_bytes(32)).decode()


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise BadSetting(name, f"is {value!r}", f"set it to one of: {', '.join(allowed)}")
    return value


def _whole(name: str, value: str, least: int, most: int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise BadSetting(name, f"is {value!r}", f"set it to a whole number from {least} to {most}")
    return number


def _port(name: str, value: str) -> int:
    return _whole(name, value, 1, 65535)


def _url(name: str, value: str) -> str:
    schemes = ("ws", "wss") if name.endswith("_WS_URL") else ("http", "https")
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname:
        raise BadSetting(
            name, f"is {value!r}", f"set it to a full base URL that begins with {schemes[0]}:// or {schemes[1]}://"
        )
    return value.rstrip("/")


def _check_redis_url(value: str) -> None:
    if value and urlsplit(value).scheme not in ("redis", "rediss", "unix"):
        raise BadSetting("REDIS_URL", "is not a Redis URL", "set it to something like redis://127.0.0.1:6379/0")


def _master_keys(value: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in value.split(","):
        name, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not name or len(key) != 32:
            raise BadSetting(
                "MASTER_KEYS",
                "is not a list of id:base64 with 32 bytes each",
                "set MASTER_KEYS=k1:$(openssl rand -base64 32); a new key goes first, old ones stay behind it",
            )
        keys[name] = key
    return keys
