"""What the tests of this venue share: its frames, an account, and replies and pushes read by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from shared.exchanges.base import Reply
from shared.exchanges.okx.wire import OkxVenue, OkxWire
from shared.model import Credentials, Fact, Owner

FRAMES = Path(__file__).parents[1] / "frames" / "okx"
SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "okx"
OWNER = Owner("u-1", "a-1", "okx", "paper")
VENUE = OkxVenue()
WIRE = OkxWire(OWNER, "50120000000000001")
KEY, PASSPHRASE = "37c541a1-0000-0000-0000-10fe7a038418", "Passphrase1"
CREDENTIALS = Credentials(KEY, "22582BD0CFF14C41EDBF1AB98506286D", PASSPHRASE)
AT_MS = 1_786_000_100_000

F = TypeVar("F", bound=Fact)


def frame(name: str) -> bytes:
    return (FRAMES / f"{name}.json").read_bytes()


def said(name: str) -> Any:
    return json.loads(frame(name))


def told(payload: Any, wire: OkxWire = WIRE) -> list[Fact]:
    message = wire.read(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), AT_MS)
    assert isinstance(message, list)
    return message


def push(name: str, wire: OkxWire = WIRE) -> list[Fact]:
    return told(frame(name), wire)


def pushed(name: str, kind: type[F], wire: OkxWire = WIRE) -> list[F]:
    return only(kind, push(name, wire))


def only(kind: type[F], facts: list[Fact]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, kind)]


def reply(body: bytes | Any, status: int = 200, received_at_ms: int = AT_MS) -> Reply:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {}, body, received_at_ms)


def words(fact: Fact, *fields: str) -> dict[str, Any]:
    return {field: getattr(fact, field) for field in fields}
