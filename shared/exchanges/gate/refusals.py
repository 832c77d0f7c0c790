"""Refusals: Gate's labels as our errors, the same wherever a label stands: a reply, an item of a batch, a frame.

The label decides, never the text and seldom the status. A label in no table is a plain refusal: nothing happened. An
answer without one does not say what became of the request.
"""

from __future__ import annotations

import re

from shared.errors import KeyRefused, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges import gate
from shared.exchanges.base import Reply, Request
from shared.exchanges.gate import NAME, rows
from shared.exchanges.gate.replies import Readable, venue_ms

LABEL = re.compile(r"[A-Z][A-Z]+(?:_[A-Za-z]+)*")
WAIT_S = 1.0
"""When the venue does not say for how long."""


def refusal(request: Request, reply: Reply) -> VenueError | None:
    """The venue's error in our family, or None when the reply is not one."""
    if 200 <= reply.status < 300:
        return None
    label, message = _words_of(reply.body)
    if label in gate.NO_POSITION_LABELS and not request.writes and "/positions/" in request.path:
        return None
    if label == "" and reply.status != 429:
        # A page of some proxy, or a bare 404: it does not say what became of the request.
        return VenueUnknown(NAME, f"HTTP_{reply.status}", "the answer says nothing")
    return to_error(label, message, reply.status, writes=request.writes, wait_s=_wait_s(reply))


def to_error(label: str, message: str, status: int, *, writes: bool, wait_s: float = WAIT_S) -> VenueError:
    if label in gate.SERVER_LABELS or (status >= 500 and label not in gate.BUSY_LABELS):
        if writes:
            return VenueUnknown(NAME, label, message)
        return VenueBusy(NAME, label, message, status=503, retry_after_s=1)
    if label in gate.BUSY_LABELS or status == 429:
        shown = gate.BUSY_LABELS.get(label, 429)
        return VenueBusy(NAME, label or "TOO_MANY_REQUESTS", message, status=shown, retry_after_s=wait_s)
    if label in gate.KEY_LABELS or status in (401, 403):
        return KeyRefused(NAME, label, message, status=gate.KEY_LABELS.get(label, status))
    shown = gate.REFUSAL_STATUS.get(label, 404 if status == 404 else 400)
    if not writes and label in gate.NOT_FOUND_LABELS:
        shown = 404
    return VenueRefused(NAME, label, message, status=shown, retryable=label in gate.RETRYABLE_LABELS)


def item_error(label: str, message: str) -> VenueError:
    """Of one item of a batch that failed. Where a label stands in its message only, it is looked for there."""
    found = label or next((word for word in LABEL.findall(message) if "_" in word or word in gate.SERVER_LABELS), "")
    if not found:
        return VenueUnknown(NAME, "NO_LABEL", message[:300] or "the item failed and nothing says why")
    return to_error(found[:80], "" if message == found else message[:300], 400, writes=True)


def frame_error(code: int, message: str) -> VenueError:
    """Of a refused subscription. The label is somewhere in the message, as JSON or plain; the number is only a hint."""
    found = LABEL.findall(message)
    known = next((label for label in found if label in gate.KEY_LABELS or label in gate.BUSY_LABELS), None)
    if known in gate.BUSY_LABELS:
        return VenueBusy(NAME, known, message, status=gate.BUSY_LABELS[known])
    if known is not None or code in gate.WS_KEY_CODES:
        label = known or next((label for label in found if "_" in label), f"WS_{code}")
        return KeyRefused(NAME, label, message, status=gate.KEY_LABELS.get(label, 401))
    if code == 3:
        return VenueBusy(NAME, "WS_3", message, status=503)
    return VenueRefused(NAME, f"WS_{code}", message)


def is_absent(error: VenueError) -> bool:
    return error.venue_code in gate.ABSENT_LABELS


def is_no_wallet(error: VenueError) -> bool:
    return error.venue_code in gate.NO_WALLET_LABELS


def _words_of(body: bytes) -> tuple[str, str]:
    try:
        error = rows.ERROR.decode(body)
    except Readable:
        return "", ""
    return error.label[:80], (error.detail or error.message or "")[:300]


def _wait_s(reply: Reply) -> float:
    """Until the window opens again; the venue tells it as a time of day by its own clock."""
    said = reply.headers.get("Retry-After") or ""
    if said.isdigit():
        return min(float(said), 60.0)
    reset = reply.headers.get("X-Gate-RateLimit-Reset-Timestamp") or ""
    now_s = (venue_ms(reply) or reply.received_at_ms) / 1000
    return min(max(float(reset) - now_s, 0.2), 10.0) if reset.isdigit() else WAIT_S
