"""The exchange behind all doors: its members and their keys, the venues' clock and the active faults.

A member has one wallet at each venue and the same keys at every door. Each venue has books of its own, so an order at
one is nothing to another; their prices go together. Doors register themselves.
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
from shared.paper.accounts import Account, Position
from shared.paper.contracts import LISTED, Contract, is_same_market
from shared.paper.engine import Engine
from shared.paper.faults import UID, Fault, Faults
from shared.paper.listing import Listing
from shared.paper.market import Market

UID_FIRST = 15_564_602
USDT_LEAST = Decimal(1_000)
USDT_USUAL = Decimal(10_000)
USDT_MOST = Decimal(10) ** 12
CURRENCY = re.compile(r"[A-Z0-9]{2,12}")
FOUNDED_S = 1_767_225_600
"""The first second of 2026; numberings count on from it."""
CREDENTIAL = re.compile(r"[\x21-\x7e]{1,128}")
ACCOUNT_FIELDS = (
    "uid", "api_key", "api_secret", "passphrase", "balances", "funding", "stp_group", "mode", "account_level",
    "vip",
)  # fmt: skip
LEVELS = (1, 2, 3, 4)
LEVEL_USUAL = 2
MODES = ("classic", "single_currency", "multi_currency", "portfolio")
STP_GROUP_MOST = 10**9


@dataclass(slots=True)
class KeyTerms:
    """What a key may do. `acts_ms` lets a change begin later, by the machine's clock; `ips` empty allows any."""

    is_revoked: bool = False
    is_read_only: bool = False
    ips: tuple[str, ...] = ()
    acts_ms: int = 0
    environment: str = ""
    """`live` or `demo` for a key that is good only there, where a venue has both at one address."""


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
    funding: dict[str, Decimal] = field(default_factory=dict)
    mode: str = "classic"
    level: int = LEVEL_USUAL
    vip: int = 0
    stp_group: int = 0
    key: KeyTerms = field(default_factory=KeyTerms)
    key_next: KeyTerms | None = None

    def terms(self, now_ms: int) -> KeyTerms:
        """What its key may do now."""
        if self.key_next is not None and now_ms >= self.key_next.acts_ms:
            self.key, self.key_next = self.key_next, None
        return self.key

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

    @property
    def engine(self) -> Engine:
        """Its books."""

    @property
    def market(self) -> Market:
        """What keeps its prices moving."""

    def welcome(self, member: Member) -> None:
        """Give a new member's wallet what is more than USDT."""

    def position_of(self, account: Account, contract: Contract, side: str | None) -> Position:
        """The position of a contract that `long`, `short` or neither means."""

    def sockets_by_uid(self) -> dict[str, list[dict[str, Any]]]:
        """The open sockets that follow each account."""

    def close_sockets(self, fault: Fault) -> int:
        """Cut the open sockets that a fault concerns; answers how many were cut."""

    def announce_close(self, fault: Fault) -> int:
        """Tell the open sockets that they will be closed and close them later; answers how many."""

    def end_sessions(self, uid: str, *, is_closed: bool) -> None:
        """A key is no longer valid: close its account's sockets, or say nothing on them any more."""

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
            funding=said["funding"],
            mode=said.get("mode") or MODES[0],
            level=said.get("account_level") or LEVEL_USUAL,
            vip=said.get("vip") or 0,
            stp_group=said.get("stp_group") or 0,
        )
        self.members[uid] = self.by_key[api_key] = member
        for venue in self.doors:
            self._open_wallet(member, venue)
        return member

    def listings_of(self, symbol: object) -> list[tuple[Door, Listing]]:
        """The markets that any venue's name for one of them means: all of its coin, at every door; itself first."""
        everywhere = [(door, each) for door in self.doors.values() for each in door.engine.listings.values()]
        meant = [(d, e) for d, e in everywhere if isinstance(symbol, str) and is_same_market(e.contract, symbol)]
        if not meant:
            names = ", ".join(each.contract.name for _, each in everywhere)
            raise BadRequest(f"there is no such market; there are {names}", (("symbol", f"must be one of {names}"),))
        base = meant[0][1].contract.base
        return meant + [(d, e) for d, e in everywhere if e.contract.base == base and (d, e) not in meant]

    def contract_at(self, venue: str, symbol: object) -> Listing:
        """The contract that a symbol means at a venue: the one of this very name, else its first one of the coin."""
        held = [each for door, each in self.listings_of(symbol) if door.venue == venue and each.contract.is_held]
        exact = [each for each in held if each.contract.name == symbol]
        return (exact or held)[0]

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
        door = self.doors[venue]
        account = door.engine.open_account(member.uid, venue, member.number)
        account.stp_group = member.stp_group or account.stp_group
        member.wallets[venue] = account
        usdt = max(USDT_LEAST, member.balances.get("USDT", USDT_USUAL))
        door.engine.pay(account, usdt, "dnw", "-", self.now_ms())
        door.welcome(member)


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
    group = said.get("stp_group", 0)
    if isinstance(group, bool) or not isinstance(group, int) or not 0 <= group <= STP_GROUP_MOST:
        wrong.append(("stp_group", f"must be a whole number from 0 to {STP_GROUP_MOST}"))
    level = said.get("account_level", LEVEL_USUAL)
    if isinstance(level, bool) or level not in LEVELS:
        wrong.append(("account_level", f"must be one of {', '.join(map(str, LEVELS))}"))
    vip = said.get("vip", 0)
    if isinstance(vip, bool) or vip not in range(10):
        wrong.append(("vip", "must be a whole number from 0 to 9"))
    if said.get("mode", MODES[0]) not in MODES:
        wrong.append(("mode", f"must be one of {', '.join(MODES)}"))
    for name in ("balances", "funding"):
        said[name], wrong_money = _to_balances(said.get(name, {}), name)
        wrong += wrong_money
    if wrong:
        raise BadRequest("this is not an account", tuple(wrong))
    return said


def _to_balances(said: object, name: str) -> tuple[dict[str, Decimal], list[tuple[str, str]]]:
    if not isinstance(said, dict):
        return {}, [(name, 'must be an object such as {"USDT": "10000"}')]
    balances, wrong = {}, []
    for currency, amount in said.items():
        try:
            money = Decimal(str(amount)) if isinstance(amount, str | int | float) else Decimal("nan")
        except InvalidOperation:
            money = Decimal("nan")
        if not CURRENCY.fullmatch(str(currency)):
            wrong.append((f"{name}.{str(currency)[:20]}", "is not a currency"))
        elif isinstance(amount, bool) or not money.is_finite() or not 0 <= money <= USDT_MOST:
            wrong.append((f"{name}.{currency}", f"must be an amount from 0 to {USDT_MOST:f}"))
        else:
            balances[currency] = money
    return balances, wrong
