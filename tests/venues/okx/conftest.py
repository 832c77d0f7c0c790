"""Fixtures of OKX's witnesses: one paper exchange for all of them, and an account of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import ccxt.async_support
import ccxt.pro
import pytest

from tests.paper.process import PaperAccount, PaperProcess, free_port
from tests.venues.okx.witnesses import SWAP, Sdk, a_ccxt


@pytest.fixture(scope="package")
def tls_port() -> int:
    return free_port()


@pytest.fixture(scope="package")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="package")
def paper(tls_port: int, state_dir: str) -> Iterator[PaperProcess]:
    with PaperProcess.running(PAPER_TLS_PORT=str(tls_port), STATE_DIR=state_dir) as process:
        yield process


@pytest.fixture
def tls_url(paper: PaperProcess, tls_port: int, state_dir: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The TLS port's address; its certificate is trusted as one of the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", f"{state_dir}/paper/cert.pem")
    return f"wss://localhost:{tls_port}"


@pytest.fixture
def member(paper: PaperProcess) -> Iterator[Callable[..., PaperAccount]]:
    """Makes accounts; what they leave in the book is taken out, for the next test trades at the same prices."""
    made: list[PaperAccount] = []

    def make(**said: object) -> PaperAccount:
        made.append(paper.account(**said))
        return made[-1]

    yield make
    for each in made:
        with Sdk(paper, each) as own:
            pending = own.trade.get_order_list()["data"]
            if pending:
                names = [{"instId": row["instId"], "ordId": row["ordId"]} for row in pending]
                own.trade.cancel_multiple_orders(names)


@pytest.fixture
def account(paper: PaperProcess, member: Callable[..., PaperAccount]) -> PaperAccount:
    """Somebody with 100,000 USDT and a bitcoin, at a market that stands still."""
    paper.clear_faults()
    paper.price(SWAP, 67500, hold=True)
    return member(balances={"USDT": "100000", "BTC": "1"})


@pytest.fixture
def sdk(paper: PaperProcess, account: PaperAccount) -> Iterator[Sdk]:
    with Sdk(paper, account) as own:
        yield own


@pytest.fixture
def other(paper: PaperProcess, member: Callable[..., PaperAccount]) -> Iterator[Sdk]:
    """Somebody else to trade with, at 67500, between the best bid and the best ask, where nobody else is."""
    with Sdk(paper, member(balances={"USDT": "1000000", "BTC": "10"})) as own:
        yield own


@pytest.fixture
async def okx(paper: PaperProcess, account: PaperAccount) -> AsyncIterator[Any]:
    client = a_ccxt(ccxt.async_support.okx, paper, account)
    yield client
    await client.close()


@pytest.fixture
async def pro(paper: PaperProcess, account: PaperAccount) -> AsyncIterator[Any]:
    client = a_ccxt(ccxt.pro.okx, paper, account)
    yield client
    await client.close()
