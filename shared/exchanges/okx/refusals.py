"""Refusals: OKX's codes as our errors, the same wherever a code stands: a reply, an item of it, a frame.

An item's own code decides, never the envelope's, which only sums up. An answer without a code that says anything does
not say what became of the request.
"""

from __future__ import annotations

from shared.errors import KeyRefused, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import Reply, Request
from shared.exchanges.okx import NAME, codes, rows
from shared.exchanges.okx.replies import Readable
from shared.exchanges.okx.rows import ItemRow

SUMMARIES = frozenset({"0", "1", "2"})
"""All went well, nothing did, a part did."""
BATCHES = ("/batch-orders", "/amend-batch-orders", "/cancel-batch-orders")
"""Whose items are read one by one, by who sent them."""
OPTIONAL = ("/account/leverage-info",)
"""What a site may not have."""
WAIT_S = 1.0


def refusal(request: Request, reply: Reply) -> VenueError | None:
    """The venue's error in our family, or None when the reply is not one."""
    try:
        said = rows.ENVELOPE.decode(reply.body)
    except Readable:
        return _unreadable(reply)
    code = str(said.code)
    if code == codes.NO_SUCH_PATH and request.path.endswith(OPTIONAL):
        return None
    item = _item(said)
    if code in SUMMARIES and item is not None:
        if request.path.endswith(BATCHES):
            return None
        if item.sCode not in ("", "0"):
            return item_error(item, writes=request.writes)
    if code == "0" and reply.status < 400:
        return None
    if code in SUMMARIES or not code:
        return _silent(code, said.msg, reply, writes=request.writes)
    return to_error(code, said.msg, writes=request.writes, status=reply.status)


def item_error(item: ItemRow, *, writes: bool = True) -> VenueError:
    """Of one item that failed. Its sub-code is a part of what the venue says."""
    message = item.sMsg if item.subCode == "" else f"{item.sMsg} (subCode {item.subCode})".lstrip()
    return to_error(item.sCode, message, writes=writes)


def to_error(code: str, message: str, *, writes: bool, status: int = 200) -> VenueError:
    code, message = code[:40], message[:300]
    if code in codes.AMBIGUOUS or (status >= 500 and not _is_known(code)):
        if writes:
            return VenueUnknown(NAME, code, message)
        return VenueBusy(NAME, code, message, status=503, retry_after_s=WAIT_S)
    if code in codes.BUSY or status == 429:
        meaning = codes.BUSY.get(code, codes.BUSY["50011"])
        return VenueBusy(NAME, code, message or meaning.words, status=meaning.status, retry_after_s=WAIT_S)
    if code in codes.KEY or code == codes.NO_LOGIN or (status in (401, 403) and not _is_known(code)):
        meaning = codes.KEY.get(code) or codes.REFUSED.get(code) or codes.Meaning("", status)
        return KeyRefused(NAME, code, message or meaning.words, status=meaning.status)
    meaning = codes.REFUSED.get(code, codes.PLAIN)
    shown = 404 if code == "51001" and not writes else meaning.status
    return VenueRefused(NAME, code, message or meaning.words, status=shown, retryable=meaning.retryable)


def frame_error(code: str, message: str) -> VenueError:
    """Of a login or a subscription that was refused. Without the login it is the socket that is wrong, not the key."""
    if code == codes.NO_LOGIN:
        return VenueRefused(NAME, code, message, retryable=True)
    return to_error(code, message, writes=False)


def is_absent(error: VenueError) -> bool:
    return error.venue_code in codes.ABSENT


def _is_known(code: str) -> bool:
    return code in codes.KEY or code in codes.BUSY or code in codes.REFUSED


def _item(said: rows.Envelope) -> ItemRow | None:
    """The first row, when there is one that may say how it went."""
    try:
        return rows.ITEM.decode(rows.RAW_ROWS.decode(said.data)[0])
    except Readable:
        return None


def _silent(code: str, message: str, reply: Reply, *, writes: bool) -> VenueError:
    """It failed, and no code says why: nothing is known of a write."""
    if reply.status == 429:
        return to_error("50011", message, writes=writes)
    label = code or f"HTTP_{reply.status}"
    if writes:
        return VenueUnknown(NAME, label, message or "the answer does not say what became of it")
    return VenueBusy(NAME, label, message or "the answer says nothing", status=503, retry_after_s=WAIT_S)


def _unreadable(reply: Reply) -> VenueError | None:
    """A page of some proxy. One that looks like success is left to who reads it, who cannot either."""
    if reply.status == 429:
        return to_error("50011", "", writes=False)
    if 200 <= reply.status < 300:
        return None
    return VenueUnknown(NAME, f"HTTP_{reply.status}", "the answer says nothing")
