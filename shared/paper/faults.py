"""Faults on request: what a bad day at a venue looks like, switched on by kind, account, chance and count.

A fault touches only what a venue sends to one account: its private frames and the replies to its signed requests.
`upgrade` announces that the open sockets will be closed and closes them `ms` later, while the venue goes on; in
`maintenance` it does not. The control surface never suffers one.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from itertools import count
from typing import Any

from shared.errors import BadRequest

FRAME_KINDS = (
    "drop_frames", "delay_frames", "repeat_frames", "shuffle_frames", "withhold_frames", "close_sockets", "upgrade",
)  # fmt: skip
REPLY_KINDS = ("cut_reply", "delay_reply", "http_429", "http_5xx", "refuse_trigger", "maintenance", "reject_order")
KINDS = FRAME_KINDS + REPLY_KINDS
MS_MAX = 600_000
MS_USUAL = {"delay_frames": 250, "delay_reply": 250, "shuffle_frames": 50, "maintenance": 200, "upgrade": 3_000}
FIELDS = ("kind", "rate", "venue", "uid", "ms", "for_s", "count")
UID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class Fault:
    """One fault; it ends when its time is over or its count is used up, or when faults are cleared."""

    id: str
    kind: str
    rate: float
    venue: str | None
    uid: str | None
    ms: int
    ends_ms: int | None
    left: int | None
    hits: int = 0

    def is_over(self, now_ms: int) -> bool:
        """Whether it is history."""
        return self.left == 0 or (self.ends_ms is not None and now_ms >= self.ends_ms)

    def concerns(self, venue: str, uid: str) -> bool:
        """Whether it was meant for this account."""
        return self.venue in (None, venue) and self.uid in (None, uid)

    def to_row(self) -> dict[str, Any]:
        """As the control surface shows it."""
        return {
            "id": self.id, "kind": self.kind, "rate": self.rate, "venue": self.venue, "uid": self.uid, "ms": self.ms,
            "ends_ms": self.ends_ms, "left": self.left, "hits": self.hits,
        }  # fmt: skip


class Faults:
    """The active faults. Time is the machine's own, which a shift of the venue's clock leaves alone."""

    def __init__(self, *, seed: int) -> None:
        self.active: dict[str, Fault] = {}
        self._ids = count(1)
        self.random = random.Random(seed)  # noqa: S311 - chance, not secrets

    def add(self, body: object, venues: tuple[str, ...], now_ms: int) -> Fault:
        """Start the fault that a request body describes."""
        said = _checked(body, venues)
        for_s, kind = said.get("for_s"), said["kind"]
        fault = Fault(
            f"f-{next(self._ids)}",
            kind,
            float(said.get("rate", 1)),
            said.get("venue"),
            said.get("uid"),
            int(said.get("ms", MS_USUAL.get(kind, 0))),
            None if for_s is None else now_ms + int(for_s * 1000),
            said.get("count"),
        )
        self.active[fault.id] = fault
        return fault

    def strike(self, kind: str, venue: str, uid: str, now_ms: int) -> Fault | None:
        """The fault of this kind that hits now, if one does; hitting uses up its count."""
        for fault in list(self.active.values()):
            if fault.is_over(now_ms):
                del self.active[fault.id]
            elif fault.kind == kind and fault.concerns(venue, uid) and self.random.random() < fault.rate:
                fault.hits += 1
                fault.left = fault.left if fault.left is None else fault.left - 1
                return fault
        return None

    def rows(self, now_ms: int) -> list[dict[str, Any]]:
        """The faults that are active."""
        self.active = {fault.id: fault for fault in self.active.values() if not fault.is_over(now_ms)}
        return [fault.to_row() for fault in self.active.values()]

    def is_active(self, fault_id: str, now_ms: int) -> bool:
        """Whether a fault has neither ended nor been cleared."""
        fault = self.active.get(fault_id)
        return fault is not None and not fault.is_over(now_ms)


def _checked(body: object, venues: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object", (("body", "must be a JSON object"),))
    said = {key: value for key, value in body.items() if value is not None}
    wrong = [(str(key), "is not a field of a fault") for key in body if key not in FIELDS]
    if said.get("kind") not in KINDS:
        wrong.append(("kind", f"must be one of {', '.join(KINDS)}"))
    if "venue" in said and said["venue"] not in venues:
        wrong.append(("venue", f"must be one of {', '.join(venues)}"))
    if isinstance(said.get("uid"), int) and not isinstance(said["uid"], bool):
        said["uid"] = str(said["uid"])
    if "uid" in said and not (isinstance(said["uid"], str) and UID.fullmatch(said["uid"])):
        wrong.append(("uid", "must be an account's uid"))
    wrong += _wrong_numbers(said)
    if wrong:
        raise BadRequest("this is not a fault", tuple(wrong))
    return said


def _wrong_numbers(said: dict[str, Any]) -> list[tuple[str, str]]:
    limits = (
        ("rate", 0, 1, "must be a number from 0 to 1"),
        ("ms", 0, MS_MAX, f"must be a whole number from 0 to {MS_MAX}"),
        ("for_s", 0.001, 86_400, "must be a number of seconds above 0 and at most 86400"),
        ("count", 1, 10**9, "must be a whole number of at least 1"),
    )
    wrong = []
    for name, least, most, text in limits:
        value = said.get(name, least)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        is_whole = name in ("rate", "for_s") or isinstance(value, int)
        if not (is_number and is_whole and least <= value <= most):
            wrong.append((name, text))
    return wrong
