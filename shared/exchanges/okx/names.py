"""Names: an instrument in either spelling, a client order id as OKX takes it, ids that may stand in a request.

A pair is `BTC-USDT`, a perpetual `BTC-USDT-SWAP`, a dated future `BTC-USDT-251226`. What is priced in USD itself is
settled in its base, all else in its quote.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from urllib.parse import quote

from shared.errors import BadRequest
from shared.exchanges.okx import CLIENT_ID_MAX, OUR_CLIENT_ID_PREFIX

CLIENT_ID = re.compile(rf"[0-9A-Za-z]{{1,{CLIENT_ID_MAX}}}")
SYMBOL = re.compile(r"[0-9A-Z_]{1,30}-[0-9A-Z_]{1,30}(?:-[0-9A-Z_]{1,30}){0,3}")
TRIGGER_ID = re.compile(r"([0-9]{1,32})(?:-(tp|sl))?")
CURE = "use a name such as BTC-USDT-SWAP, BTC-USDT, BTC/USDT:USDT or BTC/USDT"


@lru_cache(4096)
def instrument(symbol: str) -> str:
    base, quote_asset, *rest = symbol.split("-")[:5] if "-" in symbol else (symbol, "")
    if not quote_asset:
        return symbol
    if not rest:
        return f"{base}/{quote_asset}"
    name = f"{base}/{quote_asset}:{settle_of(base, quote_asset)}"
    return name if rest == ["SWAP"] else "-".join((name, *rest))


def symbol_of(name: str) -> str:
    """`BTC-USDT-SWAP` for either of `BTC-USDT-SWAP` and `BTC/USDT:USDT`."""
    said = name.strip().upper()
    symbol = _from_unified(said) if "/" in said else said
    if symbol is None or not SYMBOL.fullmatch(symbol):
        raise refused("symbol", f"{name[:60]!r} is no instrument here", CURE)
    return symbol


def _from_unified(said: str) -> str | None:
    pair, has_settle, rest = said.partition(":")
    base, _, quote_asset = pair.partition("/")
    if not has_settle:
        return f"{base}-{quote_asset}"
    settle, is_dated, date = rest.partition("-")
    if settle != settle_of(base, quote_asset):
        return None
    return f"{base}-{quote_asset}-{date if is_dated else 'SWAP'}"


def settle_of(base: str, quote_asset: str) -> str:
    return base if quote_asset == "USD" else quote_asset


def is_pair(symbol: str) -> bool:
    """Whether coins change hands there, and no contracts."""
    return symbol.count("-") < 2


def client_order_id(wanted: str | None, key: str) -> str:
    if wanted is None:
        digest = base64.b32encode(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:15])
        return OUR_CLIENT_ID_PREFIX + digest.decode().lower()
    if not CLIENT_ID.fullmatch(wanted):
        problem = f"must be 1 to {CLIENT_ID_MAX} characters of A-Z a-z 0-9"
        raise refused("client_order_id", problem, "leave out dashes and all other signs")
    return wanted


def checked_id(field: str, order_id: str) -> str:
    """An id of an order, or its client order id."""
    if not CLIENT_ID.fullmatch(order_id):
        raise refused(field, "is not an order id of this venue", "use the id that the order was shown with")
    return order_id


def trigger_parts(trigger_id: str) -> tuple[str, str | None]:
    """The algo order's id, and which half of it a trigger is when it has two: `tp` or `sl`."""
    found = TRIGGER_ID.fullmatch(trigger_id)
    if found is None:
        raise refused("trigger_id", "is not a trigger's id of this venue", "use the id that it was shown with")
    return found[1], found[2]


def quoted(value: str) -> str:
    """Percent-encoded, for a URL."""
    return value if value.isalnum() and value.isascii() else quote(value, safe="")


def refused(field: str, problem: str, cure: str) -> BadRequest:
    """What cannot be said to this venue, by the name of the field that says it."""
    return BadRequest(f"{field} {problem}; {cure}", ((field, f"{problem}; {cure}"),))
