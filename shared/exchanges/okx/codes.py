"""What OKX's codes mean to us. The code decides: texts differ between its manual and its wire.

A code that is in no table is a plain refusal: nothing happened. The words stand in where the venue sends none, as it
does on its socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Meaning(NamedTuple):
    """A refusal: what the caller is shown."""

    words: str
    status: int = 400
    retryable: bool = False
    """Whether the same request may be taken a moment later."""


KEY = {
    "50030": Meaning("the key may not use this endpoint", 403),
    "50035": Meaning("the key must be bound to an address for this", 403),
    "50100": Meaning("the key is frozen", 403),
    "50101": Meaning("the key is of another environment", 401),
    "50103": Meaning("there is no key", 401),
    "50104": Meaning("there is no passphrase", 401),
    "50105": Meaning("the passphrase is wrong", 401),
    "50106": Meaning("there is no signature", 401),
    "50107": Meaning("there is no timestamp", 401),
    "50110": Meaning("the key is not for this address", 403),
    "50111": Meaning("there is no such key", 401),
    "50113": Meaning("the signature is wrong", 401),
    "50114": Meaning("the authorization is wrong", 401),
    "50119": Meaning("the key does not exist at this site", 401),
    "50120": Meaning("the key lacks the permission", 403),
    "50121": Meaning("the venue does not serve this address", 403),
    "60005": Meaning("there is no such key", 401),
    "60007": Meaning("the signature is wrong", 401),
    "60024": Meaning("the passphrase is wrong", 401),
    "60032": Meaning("the key does not exist at this site", 401),
}
"""The key is not accepted, or not for this."""

BUSY = {
    "50011": Meaning("too many requests", 429),
    "50013": Meaning("the venue is busy", 429),
    "50036": Meaning("the expiry had passed on arrival", 503),
    "50037": Meaning("it expired before it was carried out", 503),
    "50040": Meaning("too many operations", 429),
    "50061": Meaning("too many orders of this account", 429),
    "50102": Meaning("the timestamp is too old", 503),
    "50112": Meaning("the timestamp is wrong", 503),
    "60004": Meaning("the timestamp is wrong", 503),
    "60006": Meaning("the timestamp is too old", 503),
    "60014": Meaning("too many requests", 429),
    "60023": Meaning("too many logins", 429),
    "63999": Meaning("the login failed at the venue", 503),
    "channel-conn-count-error": Meaning("too many connections follow this channel", 429),
}
"""Not now; nothing happened."""

CLOCK = frozenset({"50102", "50112"})
"""May only mean that our time was off."""

AMBIGUOUS = frozenset({"50001", "50004", "50026", "51054", "51149", "51412", "64007"})
"""It timed out or failed inside the venue: what became of a write is not known."""

CALL = frozenset({"51001"})
"""To a call, the number of its instrument may have been wrong."""

NO_LOGIN = "60011"
"""A login that is missing or was forgotten: another connection may have it."""

NOT_FOUND = "51603"
ABSENT = frozenset({NOT_FOUND})
"""To the question for one order: there is no such thing, or it is forgotten."""
NO_SUCH_PATH = "404"

REFUSED = {
    "404": Meaning("there is no such endpoint", 404),
    "50000": Meaning("the body is empty"),
    "50002": Meaning("the body is no JSON"),
    "50006": Meaning("the content type is wrong"),
    "50014": Meaning("a parameter is empty"),
    "50015": Meaning("one of two parameters is needed"),
    "50016": Meaning("parameters contradict each other"),
    "50024": Meaning("parameters exclude each other"),
    "50025": Meaning("there are too many of a parameter"),
    "50038": Meaning("not in demo trading"),
    "50053": Meaning("only in demo trading"),
    "50067": Meaning("trading across sites is not supported"),
    "50071": Meaning("it exists already", 409),
    "50072": Meaning("isolated margin is gone in this account mode", 409),
    "50115": Meaning("the method is not allowed", 405),
    "51000": Meaning("a parameter is wrong"),
    "51001": Meaning("there is no such instrument"),
    "51003": Meaning("an order id or client order id is needed"),
    "51004": Meaning("the position limit would be passed", 409),
    "51005": Meaning("the order is too large"),
    "51006": Meaning("the price is outside of its limits"),
    "51007": Meaning("the order is less than one contract"),
    "51008": Meaning("the balance is insufficient", 409),
    "51010": Meaning("not possible in this account mode", 409),
    "51015": Meaning("the instrument is of another type"),
    "51016": Meaning("the client order id is in use", 409),
    "51020": Meaning("the order is below the minimum"),
    "51021": Meaning("the instrument is not listed yet", 409),
    "51022": Meaning("the instrument is suspended", 409),
    "51023": Meaning("there is no such position", 404),
    "51025": Meaning("there are too many orders", 409),
    "51027": Meaning("the contract has expired", 409),
    "51028": Meaning("the contract is being delivered", 409),
    "51030": Meaning("funding is being settled", 409, True),
    "51039": Meaning("the leverage cannot be set in this account mode", 409),
    "51046": Meaning("the take-profit must be above the order's price"),
    "51047": Meaning("the stop-loss must be below the order's price"),
    "51048": Meaning("the take-profit must be below the order's price"),
    "51049": Meaning("the stop-loss must be above the order's price"),
    "51050": Meaning("the take-profit must be above the best ask", retryable=True),
    "51051": Meaning("the stop-loss must be below the best ask", retryable=True),
    "51052": Meaning("the take-profit must be below the best bid", retryable=True),
    "51053": Meaning("the stop-loss must be above the best bid", retryable=True),
    "51065": Meaning("the client order id is in use", 409),
    "51068": Meaning("the client order id is in use", 409),
    "51087": Meaning("the instrument is delisted", 409),
    "51088": Meaning("the position has a trigger that closes all of it already", 409),
    "51100": Meaning("an order that reduces cannot have guards"),
    "51102": Meaning("there are too many orders for this instrument", 409),
    "51111": Meaning("the batch is too large"),
    "51112": Meaning("the position is smaller than that", 409),
    "51120": Meaning("the order is below the minimum"),
    "51121": Meaning("the size is no multiple of its step"),
    "51124": Meaning("only limit orders during a call auction", 409),
    "51137": Meaning("the price is above its limit"),
    "51138": Meaning("the price is below its limit"),
    "51169": Meaning("there is nothing to reduce", 409),
    "51170": Meaning("that would not reduce the position", 409),
    "51174": Meaning("there are too many open orders", 409),
    "51178": Meaning("a guard has no price"),
    "51201": Meaning("the market order's value is too large"),
    "51202": Meaning("the market order is too large"),
    "51277": Meaning("the take-profit must be below the last price", retryable=True),
    "51278": Meaning("the stop-loss must be above the last price", retryable=True),
    "51279": Meaning("the take-profit must be above the last price", retryable=True),
    "51280": Meaning("the stop-loss must be below the last price", retryable=True),
    "51298": Meaning("not possible in this position mode", 409),
    "51400": Meaning("the order is filled, cancelled or unknown", 404),
    "51401": Meaning("the order is cancelled already", 404),
    "51402": Meaning("the order is complete already", 404),
    "51405": Meaning("there is nothing to cancel", 404),
    "51407": Meaning("an order id or client order id is needed"),
    "51410": Meaning("the order is being cancelled already", 409),
    "51415": Meaning("a spot trigger follows the last price only"),
    "51416": Meaning("the trigger has fired already", 409),
    "51500": Meaning("nothing is to be amended"),
    "51502": Meaning("the balance is insufficient for that change", 409),
    "51503": Meaning("the order is filled or cancelled already", 404),
    "51506": Meaning("an order of this type cannot be amended", 409),
    "51510": Meaning("the order is complete already", 404),
    "51511": Meaning("a post-only order would take at this price"),
    "51512": Meaning("an order is in the batch twice"),
    "51513": Meaning("three amendments of this order are under way", 409, True),
    "51527": Meaning("there is no such attached order", 404),
    NOT_FOUND: Meaning("there is no such order", 404),
    "54036": Meaning("a fill-or-kill order cannot cancel both sides of a self-trade"),
    "54070": Meaning("guards must be attached in another way"),
    "54072": Meaning("the contract can only be looked at", 409),
    "54084": Meaning("the slippage is out of its range"),
    "54085": Meaning("the slippage is out of its range"),
    "54094": Meaning("the account must cool off", 403),
    "54109": Meaning("the pair is not activated", 403),
    "59000": Meaning("close what is open first", 409),
    "59101": Meaning("cancel the pending orders first", 409),
    "59102": Meaning("the leverage is above its maximum"),
    "59107": Meaning("cancel the pending orders first", 409),
    "59112": Meaning("cancel the pending orders first", 409),
    "59113": Meaning("the account must be verified first", 403),
    NO_LOGIN: Meaning("not logged in", 401),
    "60012": Meaning("the frame cannot be read"),
    "60013": Meaning("the frame's arguments are wrong"),
    "60018": Meaning("there is no such channel here"),
    "60019": Meaning("there is no such operation"),
    "60027": Meaning("a parameter is empty"),
    "60028": Meaning("the operation is not for this address"),
    "60031": Meaning("logged in already", 409),
    "60033": Meaning("a parameter is wrong"),
    "64001": Meaning("the channel is at another address"),
    "64002": Meaning("the channel is not at this address"),
    "64003": Meaning("the account's tier is too low for this channel", 403),
}
"""Plain refusals, where another status than 400 or words of ours say it better."""


def _ranges() -> Iterator[tuple[str, Meaning]]:
    for first, last, meaning in (
        (51076, 51099, Meaning("the attached guards do not fit together")),
        (51300, 51304, Meaning("the trigger price is on the wrong side of the mark price", retryable=True)),
        (51305, 51308, Meaning("the trigger price is on the wrong side of the index price", retryable=True)),
        (51327, 51332, Meaning("all of a position cannot be closed in this way")),
    ):
        for code in range(first, last + 1):
            yield str(code), meaning


REFUSED = dict(_ranges()) | REFUSED
PLAIN = Meaning("")
