"""What the parts answer when asked whether they are there. Nobody is waited for longer than a moment."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from redis import Redis
from redis.exceptions import RedisError

from shared.settings import Settings

ANSWER_WITHIN_S = 2.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""What runs on this machine is never asked through a proxy, whatever the shell says of proxies."""


def ask(url: str, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """One request to a part of this house; an error status raises."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})  # noqa: S310
    with _DIRECT.open(request, timeout=ANSWER_WITHIN_S) as reply:
        said: bytes = reply.read()
        return said


def api_url(settings: Settings) -> str:
    """The api's address as somebody on this machine reaches it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(  # noqa: S104 - compared, not bound
        settings.host, f"[{settings.host}]" if ":" in settings.host else settings.host
    )
    return f"http://{host}:{settings.port}"


def redis(settings: Settings) -> bool:
    try:
        with Redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1) as asked:
            return bool(asked.ping())
    except RedisError:
        return False


def at(url: str) -> bool:
    """Whether it answers, and well."""
    try:
        ask(url)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except (OSError, ValueError):
        return False
    return True


def live_workers(settings: Settings) -> int:
    try:
        return int(json.loads(ask(f"{api_url(settings)}/readyz"))["workers"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def is_ready(settings: Settings) -> tuple[bool, str]:
    """What /readyz says, in words."""
    try:
        ask(f"{api_url(settings)}/readyz")
    except urllib.error.HTTPError as error:
        with error:
            return False, _why(error.read())
    except (OSError, ValueError):
        return False, f"does not answer at {api_url(settings)}"
    return True, "ready"


def _why(body: bytes) -> str:
    try:
        return f"not ready: {json.loads(body)['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return "not ready"
