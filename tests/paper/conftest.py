"""Fixtures of the paper exchange's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.paper.contracts import LISTED
from shared.paper.engine import Engine
from shared.paper.exchange import Exchange
from shared.paper.gate.door import GateDoor
from shared.paper.okx.door import OkxDoor
from tests.paper.okx_client import OkxClient, hold_okx
from tests.paper.process import PaperProcess


@pytest.fixture
def engine() -> Engine:
    """An engine without a house: only the test trades."""
    return Engine(LISTED)


@pytest.fixture
def door() -> GateDoor:
    """Gate's door on an exchange of its own, without sockets or ports."""
    return GateDoor(Exchange())


@pytest.fixture
def okx_door() -> OkxDoor:
    """OKX's door on an exchange of its own, its BTC markets standing still at 67500."""
    door = OkxDoor(Exchange())
    hold_okx(door, "67500")
    return door


@pytest.fixture
def okx(okx_door: OkxDoor) -> OkxClient:
    """Somebody with 100,000 USDT and a bitcoin at OKX."""
    return OkxClient(okx_door, balances={"USDT": "100000", "BTC": "1"})


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    """A real paper exchange."""
    with PaperProcess.running() as process:
        yield process
