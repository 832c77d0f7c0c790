"""OKX's order entry over the socket: a request as it would go over REST becomes a call, and its answer a reply.

The socket names an instrument by a number that the list of instruments tells; while it is not known, REST serves. It
takes no attached guards. Callers see no difference: the answer has REST's own form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.exchanges.base import Answered, Reply, Request
from shared.exchanges.okx import API, rows
from shared.exchanges.okx.frames import login_frame
from shared.model import Credentials

OPERATIONS = {
    f"{API}/trade/order": "order",
    f"{API}/trade/batch-orders": "batch-orders",
    f"{API}/trade/cancel-order": "cancel-order",
    f"{API}/trade/cancel-batch-orders": "batch-cancel-orders",
    f"{API}/trade/amend-order": "amend-order",
    f"{API}/trade/amend-batch-orders": "batch-amend-orders",
}
ONLY_REST = frozenset({"attachAlgoOrds"})
LOGIN_CALL = ""
"""The answer to a login carries no id: it is the only one without."""


def login_call(credentials: Credentials, _call_id: str, at_s: float) -> bytes:
    return login_frame(credentials, at_s)


def to_call(request: Request, call_id: str, _at_s: float, codes: Mapping[str, int]) -> bytes | None:
    """The same request as a frame; None when the socket has no such call, or not for this instrument."""
    operation = OPERATIONS.get(request.path)
    if operation is None or not request.writes:
        return None
    said = _BODY.decode(request.body)
    items = [_item(item, codes) for item in (said if isinstance(said, list) else [said])]
    if None in items:
        return None
    frame: dict[str, Any] = {"id": call_id, "op": operation, "args": items}
    if request.expires_at_ms is not None:
        frame["expTime"] = str(request.expires_at_ms)
    return msgspec.json.encode(frame)


def to_answer(frame: bytes | str, received_at_ms: int) -> Answered | None:
    """What the frame answers. None for frames that answer no call: pushes, pongs, and what cannot be read."""
    try:
        said = rows.FRAME.decode(frame)
    except msgspec.DecodeError:
        return None
    call_id = said.id if said.op or said.event == "error" else LOGIN_CALL
    if said.event not in ("login", "error") and not (said.op and said.id):
        return None
    body = frame.encode() if isinstance(frame, str) else bytes(frame)
    return Answered(call_id, Reply(200, {}, body, received_at_ms), final=True)


def _item(item: dict[str, msgspec.Raw], codes: Mapping[str, int]) -> dict[str, Any] | None:
    """Its members go through as the text that they are, so that no number of them changes."""
    symbol = msgspec.json.decode(item.pop("instId"), type=str)
    code = codes.get(symbol)
    if code is None or not ONLY_REST.isdisjoint(item):
        return None
    return {"instIdCode": code} | item


_BODY = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]])
