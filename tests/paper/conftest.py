"""Fixtures of the paper exchange's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.paper.contracts import LISTED
from shared.paper.engine import Engine
from shared.paper.exchange import Exchange
from shared.paper.gate.door import GateDoor
from tests.paper.process import PaperProcess


@pytest.fixture
def engine() -> Engine:
    """An engine without a house: only the test trades."""
    return Engine(LISTED)


@pytest.fixture
def door() -> GateDoor:
    """Gate's door on an exchange of its own, without sockets or ports."""
    return GateDoor(Exchange())


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    """A real paper exchange."""
    with PaperProcess.running() as process:
        yield process
