"""What Gate says, for tests: our own frames by name, a reply around a body, and the wire that reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.exchanges.base import Reply
from shared.exchanges.gate.wire import GateVenue, GateWire
from shared.model import Fact, Owner

FRAMES = Path(__file__).parents[1] / "frames" / "gate"
OWNER = Owner("u-1", "a-1", "gate", "paper")
VENUE = GateVenue()
WIRE = GateWire(OWNER, "20000001")
AT_MS = 1_786_000_100_000


def frame(name: str) -> bytes:
    return (FRAMES / f"{name}.json").read_bytes()


def push(name: str) -> list[Fact]:
    """What a frame says, of its very bytes."""
    facts = WIRE.read(frame(name), AT_MS)
    assert isinstance(facts, list)
    return facts


def facts_of(message: dict[str, Any]) -> list[Fact]:
    """What a frame would say that is none of ours."""
    facts = WIRE.read(json.dumps(message).encode(), AT_MS)
    assert isinstance(facts, list)
    return facts


def reply(body: bytes | Any, status: int = 200, **headers: str) -> Reply:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, AT_MS)
