"""A venue that is about to close its sockets says so; then another is opened first, and nobody was blind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.house.house import House, Trader, until
from tests.house.test_failures import more, trading

TRADERS = 20
NOTICE_MS = 6_000


async def sockets_of(house: House, traders: list[Trader]) -> list[list[str]]:
    books: Any = await house.books()
    rows = [books["accounts"][trader.uid]["sockets"]["gate"] for trader in traders]
    return [[row["conn_id"] for row in sockets] for sockets in rows]


async def test_an_upgrade_notice_costs_nobody_an_event(tmp_path: Path) -> None:
    """The venue closes every socket some seconds after its notice, while orders fill all the time."""
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        traders = await house.traders(TRADERS)
        await house.all_live(traders)

        async with trading(house, traders) as placed:
            await more(placed, 100)
            before = await sockets_of(house, traders)
            await house.fault("upgrade", ms=NOTICE_MS)

            async def moved() -> bool:
                now = await sockets_of(house, traders)
                return all(len(new) == 1 and new != old for old, new in zip(before, now, strict=True))

            await until(moved, "each session is on another socket, long before the venue closes the old one", 3)
            await more(placed, 100)

        await house.agree(traders)
        assert set((await house.states(traders)).values()) == {"live"}
        for trader in traders:
            assert await house.gaps(trader) == []
