"""Settings: what the environment says, checked once at start.

Every setting stands in `SETTINGS` with its default and its meaning; the README's table is checked against it. Anything
that cannot be defaulted safely outside paper is an error at start that says what to set.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import BadSetting
from shared.keyring import KEY_SOURCES, is_text, is_weak, one_source, to_jwt_keys, to_master_keys

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
    "MASTER_KEYS_FILE": ("", "a file that holds them instead; its owner alone may read it (mode 0600)"),
    "MASTER_KEYS_COMMAND": (
        "",
        "a command that prints them instead; run at the start of each process that seals or opens",
    ),
    "JWT_SECRET": ("", "signs bearer tokens, 32 characters at least. Made up under `STATE_DIR` in paper"),
    "JWT_KEYS": (
        "",
        "`id:alg:base64,…`, alg `eddsa` (32 bytes) or `hs256`; the first signs in place of JWT_SECRET, all verify",
    ),
    "CORS_ORIGINS": (
        "",
        "origins whose pages may ask, as `https://a.example,https://b.example`, or `*`; none when unset",
    ),
    "TRUSTED_PROXIES": ("", "networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, as `10.0.0.0/8`"),
    "LIMITS": (
        "address:60000/10,user:6000/10,key:6000/10",
        "requests in so many seconds of an address, a user, a gateway or venue key; `user:off` for none",
    ),
    "AUDIT_KEPT": ("200000", "how many entries of the audit log are kept, the newest"),
    "GATE_REST_URL": ("", "overrides Gate's REST address, in every TRADING_ENV"),
    "GATE_WS_URL": ("", "overrides Gate's WebSocket address, in every TRADING_ENV"),
    "OKX_REST_URL": ("", "overrides OKX's REST address, such as `https://eea.okx.com`, in every TRADING_ENV"),
    "OKX_WS_URL": (
        "",
        "overrides OKX's WebSocket address, such as `wss://wseea.okx.com:8443/ws/v5`: the base of all its sockets",
    ),
    "ORDER_ENTRY": (
        "rest",
        "`rest` or `socket`: how orders go to a venue that takes them both ways; REST serves until a socket stands",
    ),
    "SSE_OPEN": ("", "`1` opens order streams without auth, for a trusted network only"),
    "SHARDS": ("256", "how many equal shares of all users; the same in every process, for the life of the data"),
    "EVENTS_KEPT": ("10000", "how many events of a user are kept for those who resume"),
    "PARK_AFTER_S": ("300", "a session without reader, open order or position rests after this long"),
    "LOG_FORMAT": ("text", "`text` or `json`"),
    "LOG_LEVEL": ("info", "`debug`, `info`, `warning` or `error`"),
}

VENUE_URL = re.compile(r"_(REST|WS)_URL$")
LIMIT = re.compile(r"(address|user|key):(?:off|([1-9][0-9]{0,8})/([1-9][0-9]{0,4}))")
TRADING_ENVS = ("paper", "testnet", "live")
EMBEDDED_REDIS_PORT_OFFSET = 1000
"""The embedded Redis listens this far above PORT, so two checkouts with their own PORT never share one."""

Network = IPv4Network | IPv6Network


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
    order_entry: str
    sse_open: bool
    shards: int
    events_kept: int
    park_after_s: float
    log_format: str
    log_level: str
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    limits: Mapping[str, tuple[int, float]]
    """Of each kind: how many requests, in how many seconds."""
    audit_kept: int
    master_keys_from: tuple[str, str] = field(repr=False)
    """A row of KEY_SOURCES, and what it is told; its setting is empty when the keys are made up in paper."""
    jwt_secret_text: str = field(repr=False)
    jwt_keys: Mapping[str, tuple[str, bytes]] = field(repr=False)

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
            for names, cure in (
                (("REDIS_URL",), "set it to your Redis, with AOF on and maxmemory-policy noeviction"),
                (tuple(KEY_SOURCES), "set MASTER_KEYS=k1:$(openssl rand -base64 32) and keep it safe"),
                (("JWT_SECRET", "JWT_KEYS"), "set JWT_SECRET=$(openssl rand -hex 32) and keep it safe"),
            ):
                if not any(map(value, names)):
                    raise BadSetting(names[0], f"is required when TRADING_ENV={trading_env}", cure)
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
            venue_urls={name: _url(name, value(name)) for name in SETTINGS if VENUE_URL.search(name) and value(name)},
            order_entry=_one_of("ORDER_ENTRY", value("ORDER_ENTRY").lower(), ("rest", "socket")),
            sse_open=_one_of("SSE_OPEN", value("SSE_OPEN") or "0", ("0", "1")) == "1",
            shards=_whole("SHARDS", value("SHARDS"), 1, 16384),
            events_kept=_whole("EVENTS_KEPT", value("EVENTS_KEPT"), 10, 10_000_000),
            park_after_s=float(_whole("PARK_AFTER_S", value("PARK_AFTER_S"), 1, 31_536_000)),
            log_format=_one_of("LOG_FORMAT", value("LOG_FORMAT"), ("text", "json")),
            log_level=_one_of("LOG_LEVEL", value("LOG_LEVEL").lower(), ("debug", "info", "warning", "error")),
            cors_origins=_origins(value("CORS_ORIGINS")),
            trusted_proxies=_networks("TRUSTED_PROXIES", value("TRUSTED_PROXIES")),
            limits=_limits(value("LIMITS")),
            audit_kept=_whole("AUDIT_KEPT", value("AUDIT_KEPT"), 1000, 1_000_000_000),
            master_keys_from=one_source({name: value(name) for name in KEY_SOURCES}),
            jwt_secret_text=value("JWT_SECRET"),
            jwt_keys=to_jwt_keys(value("JWT_KEYS")),
        )
        if settings.master_keys_from[0] == "MASTER_KEYS":
            settings.master_keys()
        if settings.jwt_secret_text and len(settings.jwt_secret_text) < 32:
            raise BadSetting("JWT_SECRET", "is shorter than 32 characters", "set JWT_SECRET=$(openssl rand -hex 32)")
        if trading_env != "paper" and settings.jwt_secret_text and is_weak(settings.jwt_secret_text.encode()):
            raise BadSetting("JWT_SECRET", "is easily guessed", "set JWT_SECRET=$(openssl rand -hex 32)")
        return settings

    @property
    def paper_url(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.paper_port}"

    def master_keys(self) -> dict[str, bytes]:
        """The keys that seal and open credentials, the sealing one first. Only for a process that needs them: a file
        is read for it, a command run."""
        source, told = self.master_keys_from
        if not source:
            return to_master_keys(self._kept_secret("master_keys", _new_master_key), "MASTER_KEYS")
        keys = to_master_keys(KEY_SOURCES[source](told), source)
        sealing, key = next(iter(keys.items()))  # a weak one may still open what it sealed, until that is sealed anew
        if self.trading_env != "paper" and (is_weak(key) or is_text(key)):
            cure = "put a new key first: k2:$(openssl rand -base64 32),<the old ones>; then: orderwire keys rotate"
            raise BadSetting(source, f"seals with a key that is easily guessed: {sealing}", cure)
        return keys

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


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
    for origin in origins:
        parts = urlsplit(origin)
        is_origin = (
            parts.scheme in ("http", "https") and parts.hostname and origin == f"{parts.scheme}://{parts.netloc}"
        )
        if origin != "*" and not is_origin:
            raise BadSetting(
                "CORS_ORIGINS", f"{origin!r} is no origin", "say them as https://app.example, or * for all"
            )
    return origins


def _networks(name: str, value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise BadSetting(name, f"holds no network: {error}", "say networks as 10.0.0.0/8, or addresses") from None


def _limits(value: str) -> dict[str, tuple[int, float]]:
    """What is not said stays as it is by default; `off` is no limit."""
    limits: dict[str, tuple[int, float]] = {}
    for part in [*SETTINGS["LIMITS"][0].split(","), *value.split(",")]:
        said = LIMIT.fullmatch(part.strip())
        if said is None:
            raise BadSetting(
                "LIMITS",
                f"{part.strip()[:40]!r} is no limit",
                "say limits as address:60000/10,user:6000/10,key:6000/10 (requests/seconds), or user:off",
            )
        limits[said[1]] = (0, 1.0) if said[2] is None else (int(said[2]), float(said[3]))
    return limits
