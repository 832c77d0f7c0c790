"""What a session concludes from what it was told, without any network."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from shared.clock import HeldClock
from shared.exchanges.base import Ask, Reply, Request, Wire
from shared.model import Balance, Fact, Position, SessionState, Times
from shared.model import Session as SessionFact
from shared.settings import Settings
from shared.store.leases import Lease
from shared.store.sessions import Wish
from tests.facts import a_fill, a_position, an_order
from workers.resync import Known, flat_now, read_all, with_known_fees
from workers.session import House, Session


def test_a_known_fee_stays_known_for_the_same_fills() -> None:
    """A REST list without fees must not make the record forget one."""
    known = [an_order(id="1", filled="5.0", fee="0.5"), an_order(id="2", filled="1", fee="0.1")]

    facts = with_known_fees([an_order(id="1", filled="5"), an_order(id="2", filled="2")], list(known))

    assert [getattr(fact, "fee", None) for fact in facts] == ["0.5", None]


def test_fills_that_make_up_the_order_tell_its_fee() -> None:
    """Exactly, and only when none of them is missing."""
    fills = [a_fill(id="1", size="2", fee="0.02"), a_fill(id="2", size="3", fee="-0.005")]

    whole, partly = an_order(filled="5"), an_order(filled="6")
    with_known_fees([*fills, whole], [])
    with_known_fees([*fills, partly], [])

    assert (whole.fee, partly.fee) == ("0.015", None)


def test_a_position_that_the_whole_list_does_not_show_is_flat() -> None:
    """The list is complete, so what is missing there is not held any more."""
    held = [a_position(), a_position(id="ETH_USDT", symbol="ETH_USDT"), a_position(id="SOL_USDT", size="0")]

    (gone,) = flat_now([a_position()], held, 9)

    assert isinstance(gone, Position)
    assert (gone.id, gone.size, gone.side) == ("ETH_USDT", "0", None)
    assert gone.rank() > held[1].rank()


def a_balance(**words: Any) -> Balance:
    said: dict[str, Any] = {
        "id": "trading:ETH", "user_id": "alice", "account_id": "a", "venue": "v", "environment": "paper",
        "wallet": "trading", "asset": "ETH", "total": "2", "available": "2", "frozen": "0", "updated_at_ms": 7,
        "times": Times(7, 8, 9),
    }  # fmt: skip
    return Balance(**said | words)


async def read_again(shown: list[Balance], known: list[Balance], whole: str | None = "trading") -> list[Fact]:
    """A resync at 20 ms that is shown these balances, over a record that has those."""

    class Asked:
        def snapshot(self, since_ms: int) -> list[Ask]:
            return [Ask(Request("GET", "/balances"), lambda _reply: [*shown], whole_wallet=whole)]

    async def put(ask: Ask) -> list[Fact]:
        return ask.read(Reply(200, {}, b"", 20))

    async def recall() -> Known:
        return Known([], [], known)

    return await read_all(cast(Wire, Asked()), put, recall, 0, lambda: 20)


async def test_an_asset_that_the_whole_list_of_its_wallet_does_not_show_is_no_more() -> None:
    coin, sold = a_balance(id="trading:BTC", asset="BTC"), a_balance()

    shown, gone = sorted(await read_again([coin], [coin, sold]), key=lambda fact: fact.rank())

    assert isinstance(gone, Balance) and shown is coin
    assert (gone.asset, gone.total, gone.available, gone.frozen) == ("ETH", "0", "0", "0")
    assert sold.rank() < gone.rank() < a_balance(updated_at_ms=9).rank()


@pytest.mark.parametrize(
    ("known", "whole"),
    [
        (a_balance(wallet="funding", id="funding:ETH"), "trading"),
        (a_balance(), None),
        (a_balance(total="0", available="0"), "trading"),
        (a_balance(times=Times(21, 22, 23)), "trading"),
    ],
    ids=["of another wallet", "no whole list", "nothing already", "told since it was asked"],
)
async def test_absence_proves_nothing_elsewhere(known: Balance, whole: str | None) -> None:
    assert await read_again([], [known], whole) == []


class Records:
    """A store whose record of the session is what the test says next, and that keeps what was told."""

    def __init__(self, *states: SessionState) -> None:
        self.states = list(states)
        self.told: list[str] = []
        self.ready = True

    async def record_of(self, user_id: str, kind: str, key: str) -> bytes:
        state = self.states.pop(0)
        return SessionFact(
            user_id=user_id, account_id=key, venue="gate", environment="paper", state=state, owner="w-1", since_ms=5,
            last_event_at_ms=None, gaps=0, reason="the line broke", turn=1,
        ).to_json()  # fmt: skip

    def record(self, shard: int, fence: int, facts: list[Any], *_: object) -> None:
        self.told += [str(getattr(fact, "state", fact.kind)) for fact in facts]


def a_session(records: Records, lease: Lease | None) -> Session:
    class Store:
        events = records

    house = House(
        "w-2", Settings.from_env({}), cast(Any, Store()), cast(Any, records), cast(Any, None), cast(Any, None),
        HeldClock(), asyncio.Semaphore(1), lambda _worker: None, lambda *_: None,
    )  # fmt: skip
    return Session(Wish("alice", "gate-1", "gate", "paper"), 3, house, lease)


async def test_who_stood_by_while_another_recovered_tells_no_gap() -> None:
    """The record said `reconnecting` when we began and `live` when we took over: the other one told that gap."""
    session = a_session(Records(SessionState.RECONNECTING, SessionState.LIVE), None)

    await session._look_back()
    session._subscribed_at_ms = 7
    session.grant(Lease(3, 2))
    await session._look_back(subscribed=True)

    assert session._blind_from_ms is None
    assert session._seen_ms == 7


async def test_a_stir_on_the_way_to_rest_is_not_lost() -> None:
    """An order may come while the socket of an idle session is being closed; it must not wait for the next one."""
    records = Records()
    session = a_session(records, Lease(3, 2))
    session.stir(session.wish)

    await asyncio.wait_for(session._rest(SessionState.PARKED, "idle"), 5)

    assert records.told == ["parked", "reconnecting"]
