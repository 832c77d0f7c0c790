"""Every venue of the registry keeps the whole contract, against a real paper exchange in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from shared.exchanges import registry
from shared.settings import Settings
from tests.paper.process import PaperProcess
from tests.venues.contract import CHECKS
from tests.venues.contract.bench import Bench, Paper, bench_of
from tests.venues.contract.check import CannotTell, Check

START_PRICES = {"BTC/USDT:USDT": 67_500, "ETH/USDT:USDT": 3_450}
"""What is traded: one in whole contracts, and one in fractions of them."""
CANNOT_TELL: dict[str, frozenset[str]] = {
    "okx": frozenset(
        {"cancelling_all_takes_what_is_meant_and_no_more", "all_triggers_of_an_instrument_are_cancelled_at_once"}
    )
}
"""By venue, what its paper exchange cannot show. Anything else that cannot be told is a failure here."""


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running("--no-limits") as process:
        yield process


@pytest.fixture(params=[(venue, name) for venue in registry.VENUES for name in START_PRICES], ids=" ".join)
async def bench(request: pytest.FixtureRequest, paper: PaperProcess) -> AsyncIterator[Bench]:
    """A new account each time, in a market that stands still."""
    venue_name, name = request.param
    control, venue = Paper(paper.url), registry.venue(venue_name, "paper")
    settings = Settings.from_env({"PAPER_PORT": str(paper.port)})
    await control.clear_faults()
    credentials = await control.open_account(balances={"USDT": "1000000"})
    endpoints = registry.endpoints(settings, venue_name, "paper")
    async with bench_of(venue, "paper", endpoints, credentials, name=name, paper=control) as made:
        await control.price(made.symbol, START_PRICES[name])
        yield made


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
async def test_every_venue_keeps_the_contract(bench: Bench, check: Check) -> None:
    """A venue that is new in the registry is held to every check by being there."""
    try:
        await check.run(bench)
    except CannotTell as reason:
        assert check.name in CANNOT_TELL.get(bench.venue.name, frozenset()), f"cannot be told here: {reason}"

    assert not bench.told, "something was left behind"
