"""The exchange behind all doors: one engine, its members and their keys, the venue's clock and the active faults.

A member has one wallet at each venue and the same keys at every door. Doors register themselves; the exchange asks them
only for what concerns sockets.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any, Protocol

from shared.errors import BadRequest, Conflict
from shared.paper.accounts import Account
from shared.paper.contracts import LISTED, is_same_market
from shared.paper.engine import Engine
from shared.paper.faults import UID, Fault, Faults
from shared.paper.market import Market

UID_FIRST = 15_564_602
USDT_LEAST = Decimal(1_000)
USDT_USUAL = Decimal(10_000)
USDT_MOST = Decimal(10) ** 12
CURRENCY = re.compile(r"[A-Z0-9]{2,12}")
FOUNDED_S = 1_767_225_600
"""The first second of 2026; numberings count on from it."""
CREDENTIAL = re.compile(r"[\x21-\x7e]{1,128}")
ACCOUNT_FIELDS = ("uid", "api_key", "api_secret", "passphrase", "balances")


@dataclass(slots=True)
class Member:
    """Somebody with keys."""

    uid: str
    api_key: str
    api_secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    number: int
    wallets: dict[str, Account] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)

    def to_row(self) -> dict[str, str]:
        """What its owner is told, once."""
        return {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            "passphrase": self.passphrase,
            "uid": self.uid,
        }


class Door(Protocol):
    """What the exchange asks of a venue's door."""

    venue: str

    def sockets_by_uid(self) -> dict[str, list[dict[str, Any]]]:
        """The open sockets that follow each account."""

    def close_sockets(self, fault: Fault) -> int:
        """Cut the open sockets that a fault concerns; answers how many were cut."""

    def begin_maintenance(self, fault: Fault) -> None:
        """Announce it and close."""

    def tick(self, now_ms: int) -> None:
        """Do what is due by time alone."""


class Exchange:
    """Everything that the doors share."""

    def __init__(self, *, seed: int = 7) -> None:
        self.skew_ms = 0
        # Whoever followed the exchange before a restart must not take its new orders for old ones.
        self.engine = Engine(LISTED, born_s=max(0, self.real_ms() // 1000 - FOUNDED_S))
        self.faults = Faults(seed=seed)
        self.market = Market(self.engine, seed=seed, now_ms=self.now_ms())
        self.members: dict[str, Member] = {}
        self.by_key: dict[str, Member] = {}
        self.doors: dict[str, Door] = {}
        self._numbers = count(UID_FIRST)

    def now_ms(self) -> int:
        """The venue's clock."""
        return self.real_ms() + self.skew_ms

    @staticmethod
    def real_ms() -> int:
        """The machine's clock."""
        return time.time_ns() // 1_000_000

    @property
    def venues(self) -> tuple[str, ...]:
        """The venues that have a door."""
        return tuple(self.doors)

    def add_door(self, door: Door) -> None:
        """Open a door; members who came before it get their wallet there."""
        self.doors[door.venue] = door
        for member in self.members.values():
            self._open_wallet(member, door.venue)

    def open_member(self, body: object) -> Member:
        """Make the account that a request body describes; the same body again gives the same account."""
        said = _checked_account(body)
        uid = said.get("uid") or self._next_uid()
        api_key = said.get("api_key") or secrets.token_hex(16)
        known, holder = self.members.get(uid), self.by_key.get(api_key)
        if known is not None and known is holder and said.get("api_secret") == known.api_secret:
            return known
        if known is not None:
            raise Conflict(f"uid {uid} exists already")
        if holder is not None:
            raise Conflict("this api_key belongs to another account")
        member = Member(
            uid,
            api_key,
            said.get("api_secret") or secrets.token_hex(32),
            said.get("passphrase") or secrets.token_hex(8),
            int(uid) if uid.isdecimal() and len(uid) < 16 else int(self._next_uid()),
            balances=said["balances"],
        )
        self.members[uid] = self.by_key[api_key] = member
        for venue in self.doors:
            self._open_wallet(member, venue)
        return member

    def symbol(self, symbol: object) -> str:
        """The contract that any venue's name for it means."""
        for listing in self.engine.listings.values():
            if isinstance(symbol, str) and is_same_market(listing.contract, symbol):
                return listing.contract.name
        names = ", ".join(self.engine.listings)
        raise BadRequest(f"there is no such market; there are {names}", (("symbol", f"must be one of {names}"),))

    def strike(self, kind: str, venue: str, uid: str) -> Fault | None:
        """The fault of this kind that hits this account now."""
        if not self.faults.active:
            return None
        return self.faults.strike(kind, venue, uid, self.real_ms())

    def _next_uid(self) -> str:
        while (uid := str(next(self._numbers))) in self.members:
            pass
        return uid

    def _open_wallet(self, member: Member, venue: str) -> None:
        account = self.engine.open_account(member.uid, venue, member.number)
        member.wallets[venue] = account
        usdt = max(USDT_LEAST, member.balances.get("USDT", USDT_USUAL))
        self.engine.pay(account, usdt, "dnw", "-", self.now_ms())


def _checked_account(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object", (("body", "must be a JSON object"),))
    said = {key: value for key, value in body.items() if value is not None}
    wrong = [(str(key), "is not a field of an account") for key in body if key not in ACCOUNT_FIELDS]
    if isinstance(said.get("uid"), int) and not isinstance(said["uid"], bool):
        said["uid"] = str(said["uid"])
    if "uid" in said and not (isinstance(said["uid"], str) and UID.fullmatch(said["uid"])):
        wrong.append(("uid", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -"))
    wrong += [
        (name, "must be 1 to 128 visible ASCII characters")
        for name in ("api_key", "api_secret", "passphrase")
        if name in said and not (isinstance(said[name], str) and CREDENTIAL.fullmatch(said[name]))
    ]
    balances, wrong_money = _to_balances(said.get("balances", {}))
    said["balances"] = balances
    if wrong + wrong_money:
        raise BadRequest("this is not an account", tuple(wrong + wrong_money))
    return said


def _to_balances(said: object) -> tuple[dict[str, Decimal], list[tuple[str, str]]]:
    if not isinstance(said, dict):
        return {}, [("balances", 'must be an object such as {"USDT": "10000"}')]
    balances, wrong = {}, []
    for currency, amount in said.items():
        try:
            money = Decimal(str(amount)) if isinstance(amount, str | int | float) else Decimal("nan")
        except InvalidOperation:
            money = Decimal("nan")
        if not CURRENCY.fullmatch(str(currency)):
            wrong.append((f"balances.{str(currency)[:20]}", "is not a currency"))
        elif isinstance(amount, bool) or not money.is_finite() or not 0 <= money <= USDT_MOST:
            wrong.append((f"balances.{currency}", f"must be an amount from 0 to {USDT_MOST:f}"))
        else:
            balances[currency] = money
    return balances, wrong
