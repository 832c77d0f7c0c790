"""Fixtures of Gate's witnesses: one paper exchange for all of them, and an account of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import ccxt.async_support
import ccxt.pro
import pytest

from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.witnesses import BTC, Sdk, a_ccxt


@pytest.fixture(scope="package")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running() as process:
        yield process


@pytest.fixture
def member(paper: PaperProcess) -> Iterator[Callable[..., PaperAccount]]:
    """Makes accounts, at a market that stands still; what they leave in the book is taken out for the next test."""
    paper.clear_faults()
    paper.price(BTC, 67500, hold=True)
    made: list[PaperAccount] = []

    def make(**said: object) -> PaperAccount:
        made.append(paper.account(**said))
        return made[-1]

    yield make
    for each in made:
        futures = Sdk(paper, each).futures
        futures.cancel_futures_orders("usdt")
        futures.cancel_price_triggered_order_list("usdt")


@pytest.fixture
def account(member: Callable[..., PaperAccount]) -> PaperAccount:
    """Somebody with 10,000 USDT."""
    return member()


@pytest.fixture
def sdk(paper: PaperProcess, account: PaperAccount) -> Sdk:
    return Sdk(paper, account)


@pytest.fixture
def other(paper: PaperProcess, member: Callable[..., PaperAccount]) -> Sdk:
    """Somebody else to trade with, at 67500, between the best bid and the best ask, where nobody else is."""
    return Sdk(paper, member(balances={"USDT": "1000000"}))


@pytest.fixture
async def gate(paper: PaperProcess, account: PaperAccount) -> AsyncIterator[Any]:
    client = a_ccxt(ccxt.async_support.gate, paper, account)
    yield client
    await client.close()


@pytest.fixture
async def pro(paper: PaperProcess, account: PaperAccount) -> AsyncIterator[Any]:
    client = a_ccxt(ccxt.pro.gate, paper, account)
    yield client
    await client.close()
