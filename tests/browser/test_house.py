"""The first page before the real house: api, worker, Redis and paper exchange as processes, and a browser in front."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.house.house import House, Trader

WITHIN_MS = 30_000
ORDER_EVENTS = '#log li[data-kind="order"]'


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path) as house:
        await house.start_workers("w1")
        yield house


async def open_page(page: Page, url: str, trader: Trader) -> None:
    keys = trader.credentials
    await page.goto(f"{url}/#user={trader.user_id}&key={keys.api_key}&secret={keys.api_secret}")


async def test_an_order_placed_on_the_page_rests_is_filled_and_its_hops_are_shown(page: Page, house: House) -> None:
    """From the button to the venue and back over the worker, the record and the stream, with nothing made up."""
    url = await house.start_api()
    trader = await house.trader("visitor")
    await open_page(page, url, trader)
    await expect(page.locator("#stream-state")).to_have_text("place a first order", timeout=WITHIN_MS)
    await expect(page.locator("#price")).not_to_have_value("")
    await page.click("#place")
    await expect(page.locator("#stream-state")).to_have_text("live", timeout=WITHIN_MS)
    first = page.locator("#order-rows tr").last
    await expect(first.locator(".status .word")).to_have_text("open", timeout=WITHIN_MS)
    await expect(page.locator("#sessions .word")).to_have_text("live", timeout=WITHIN_MS)

    await page.get_by_label("Market", exact=True).check()
    await page.click("#place")
    await expect(page.locator('#order-rows tr [data-state="filled"]')).to_have_count(1, timeout=WITHIN_MS)
    await expect(page.locator("#fills li")).to_have_count(1, timeout=WITHIN_MS)
    await expect(page.locator("#positions li")).to_contain_text("long 1")
    await expect(page.locator("#hops tbody tr td:nth-child(2)").nth(2)).to_have_text(re.compile(r"\d+ ms"))

    await first.locator(".cancel button").click()
    await expect(first.locator(".status .word")).to_have_text("cancelled", timeout=WITHIN_MS)


async def test_a_refusal_of_the_api_is_shown_at_its_field(page: Page, house: House) -> None:
    """The page knows the api's own names of fields, the nested ones too."""
    url = await house.start_api()
    await open_page(page, url, await house.trader("visitor"))
    await page.fill("#size", "-1")
    await page.get_by_text("Take-profit and stop-loss").click()
    await page.fill("#stop_loss", "much")
    await page.click("#place")

    await expect(page.locator('[data-field="size"] .error')).to_have_count(1)
    await expect(page.locator('[data-field="stop_loss.price"] .error')).to_have_count(1)
    await expect(page.locator('[data-field="contract"] .error')).to_have_count(0)


async def settle(page: Page, house: House, trader: Trader) -> str:
    """A user who is known, with a live session and one resting order, and the page open on the stream."""
    url = await house.start_api()
    order = {
        "userId": trader.user_id, "market_type": "limit", "price": "60000", "contract": "BTC_USDT", "leverage": "10",
        "leverage_type": "CROSS", "size": "1", "position_type": "long",
    }  # fmt: skip
    assert house.http is not None
    async with house.http.post(f"{url}/gate/place-futures-order", json=order, headers=trader.headers) as reply:
        assert reply.status == 200, await reply.text()
    await open_page(page, url, trader)
    await expect(page.locator("#sessions .word")).to_have_text("live", timeout=WITHIN_MS)
    await expect(page.locator("#order-rows tr")).to_have_count(1)
    return url


async def test_the_page_comes_back_after_its_api_was_killed(page: Page, house: House) -> None:
    """What happened while no api was there is told once, in its order, when one is there again."""
    trader = await house.trader("visitor")
    url = await settle(page, house, trader)
    before = await page.locator(ORDER_EVENTS).count()
    house.signal("api", signal.SIGKILL)
    await house.ended("api")
    await expect(page.locator("#stream-state")).to_have_text("reconnecting", timeout=WITHIN_MS)
    order_id = await house.place(trader, price="60001")
    house.start("api", "api", PORT=url.rsplit(":", 1)[1])

    await expect(page.locator("#order-rows .id").first).to_have_text(order_id, timeout=WITHIN_MS)
    await expect(page.locator(ORDER_EVENTS)).to_have_count(before + 1)
    await expect(page.locator('#log li[data-kind="reset"]')).to_have_count(0)
    await expect(page.locator("#stream-state")).to_have_text("live")


async def test_what_the_page_shows_in_the_end_is_what_the_venue_has(page: Page, house: House) -> None:
    """The table is compared with the paper exchange's own books, id by id, with what is filled of each."""
    trader = await house.trader("visitor")
    await settle(page, house, trader)
    resting = [await house.place(trader, price=str(60001 + number)) for number in range(4)]
    await house.place(trader, "sell", "2")
    await house.cancel(trader, resting[0])

    await expect(page.locator("#order-rows tr")).to_have_count(6, timeout=WITHIN_MS)
    await expect(page.locator('#order-rows [data-state="cancelled"]')).to_have_count(1, timeout=WITHIN_MS)
    await expect(page.locator('#order-rows [data-state="filled"]')).to_have_count(1, timeout=WITHIN_MS)
    shown = await page.locator("#order-rows tr").evaluate_all(
        "rows => rows.map(row => [row.querySelector('.id').textContent, row.querySelector('.filled').textContent])"
    )
    books = await house.books()
    assert sorted(shown) == sorted([order["id"], order["filled"]] for order in books["accounts"][trader.uid]["orders"])
