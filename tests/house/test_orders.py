"""One order's way through real processes: each thing that happens to it is seen on the stream, in order, once."""

from __future__ import annotations

from pathlib import Path

from tests.house.house import House, Trader, statuses, until


async def ended(house: House, trader: Trader, order_id: str) -> list[tuple[str, str]]:
    """All that was said of an order, once the last word on it has come."""

    async def told() -> bool:
        return statuses(await house.events(trader), order_id)[-1:] in ([("filled", "6000")], [("cancelled", "0")])

    await until(told, f"{order_id} ended", 15)
    return statuses(await house.events(trader), order_id)


async def test_place_partial_fill_fill_and_cancel_are_seen_in_order_once_each(tmp_path: Path) -> None:
    """The whole point of the house."""
    async with House(tmp_path) as house:
        await house.start_workers("w1", "w2")
        (trader,) = await house.traders(1)
        await house.all_live([trader])
        await house.paper("POST", "price", symbol="BTC_USDT", price="60000", hold=True)

        big = await house.place(trader, "buy", "6000", "60000.1")  # more than is for sale at this price
        await until(lambda: partly(house, trader, big), "the big order is partly filled")
        await house.paper("POST", "price", symbol="BTC_USDT", price="59000", hold=True)
        said = await ended(house, trader, big)
        resting = await house.place(trader, "buy", "1", "50000")
        await until(lambda: open_at_all(house, trader, resting), "the small order rests")
        await house.cancel(trader, resting)

        assert said[0] == ("open", "0") and said[-1] == ("filled", "6000") and len(said) >= 3
        amounts = [int(filled) for _, filled in said]
        assert amounts == sorted(set(amounts))
        assert {status for status, _ in said[1:-1]} == {"partially_filled"}
        assert await ended(house, trader, resting) == [("open", "0"), ("cancelled", "0")]
        assert int(big) > 2**53
        await house.agree([trader])
        assert await house.gaps(trader) == []


async def partly(house: House, trader: Trader, order_id: str) -> bool:
    return any(status == "partially_filled" for status, _ in statuses(await house.events(trader), order_id))


async def open_at_all(house: House, trader: Trader, order_id: str) -> bool:
    return bool(statuses(await house.events(trader), order_id))
