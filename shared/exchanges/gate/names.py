"""Names: a contract in either spelling, a client order id as Gate takes it, an id that may stand in a URL."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from urllib.parse import quote

from shared.errors import BadRequest
from shared.exchanges.gate import CLIENT_ID_BYTES_MAX, CLIENT_ID_PREFIX, OUR_CLIENT_ID_PREFIX

CLIENT_ID = re.compile(r"[0-9A-Za-z_.\-]+")
ORDER_ID = re.compile(r"[0-9A-Za-z_\-][0-9A-Za-z_.\-]{0,63}")


@lru_cache(4096)
def instrument(symbol: str) -> str:
    base, _, settle = symbol.rpartition("_")
    return f"{base}/{settle}:{settle}" if base else symbol


def symbol_of(name: str) -> str:
    """`BTC_USDT` for any of `BTC_USDT`, `BTC/USDT` and `BTC/USDT:USDT`."""
    said = name.strip().upper()
    pair, _, settle = said.partition(":")
    base, _, quote = pair.partition("/") if "/" in pair else pair.rpartition("_")
    if settle not in ("", quote) or quote != "USDT" or not re.fullmatch(r"\w{1,40}", base):
        raise refused("symbol", f"{name[:60]!r} is no contract here", "use a name such as BTC_USDT or BTC/USDT:USDT")
    return f"{base}_{quote}"


def client_order_id(wanted: str | None, key: str) -> str:
    if wanted is None:
        digest = base64.b32encode(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:15])
        return OUR_CLIENT_ID_PREFIX + digest.decode().lower()
    own = wanted.removeprefix(CLIENT_ID_PREFIX)
    if len(own) > CLIENT_ID_BYTES_MAX or not CLIENT_ID.fullmatch(own):
        raise refused(
            "client_order_id",
            f"must be 1 to {CLIENT_ID_BYTES_MAX} characters of A-Z a-z 0-9 . _ -",
            f"{CLIENT_ID_PREFIX} is put in front when it is missing",
        )
    return CLIENT_ID_PREFIX + own


def checked_id(field: str, order_id: str) -> str:
    """An id that names one order in a URL. Empty or odd text there could name all of them."""
    if not ORDER_ID.fullmatch(order_id):
        raise refused(field, "is not an order id of this venue", "use the id that the order was shown with")
    return order_id


def quoted(value: str) -> str:
    """Percent-encoded, for a URL."""
    return value if value.isalnum() and value.isascii() else quote(value, safe="")


def refused(field: str, problem: str, cure: str) -> BadRequest:
    """What cannot be said to this venue, by the name of the field that says it."""
    return BadRequest(f"{field} {problem}; {cure}", ((field, f"{problem}; {cure}"),))
