"""The first page, as somebody with a browser meets it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.stub import BIG_ID, Stub

DOUBLE_CLICK_MS = 40
WITHIN_S = 10


def address(stub: Stub) -> str:
    return f"{stub.url}#user={stub.user}&key={stub.key}&secret={stub.secret}"


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition of the stand-in; the page's own are waited for with `expect`."""
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.02)


async def follow(page: Page, stub: Stub) -> None:
    """Open the page for a user who is known, and wait until it is live."""
    stub.claimed = True
    await page.goto(address(stub))
    await expect(page.locator("#stream-state")).to_have_text("live")


def rows(page: Page, kind: str) -> Locator:
    return page.locator(f'#log li[data-kind="{kind}"]')


async def test_a_first_order_is_placed_and_seen_live(page: Page, stub: Stub) -> None:
    """Nobody has claimed the user id yet, so there is no stream to follow: the order opens it, and then shows on it."""
    await page.goto(address(stub))
    await expect(page.locator("#stream-state")).to_have_text("place a first order")
    await expect(page.locator("#price")).to_have_value("67432.5")
    await page.click("#place")

    await expect(page.locator("#stream-state")).to_have_text("live")
    row = page.locator("#order-rows tr")
    await expect(row.locator(".status .word")).to_have_text("open")
    end = {"status": "filled", "filled": "1", "average_price": "67432.50"}
    await stub.tell("order", stub.orders[str(BIG_ID)] | end)
    await expect(row.locator(".status .word")).to_have_text("filled")
    await expect(row.locator(".average")).to_have_text("67432.50")
    await expect(page.locator("#environment")).to_have_text("paper")
    assert stub.placed[0][1] == {
        "userId": "demo", "contract": "BTC_USDT", "market_type": "limit", "position_type": "long", "size": "1",
        "price": "67432.5", "leverage": "10", "leverage_type": "ISOLATED",
    }  # fmt: skip


async def test_an_open_order_can_be_cancelled_from_its_row(page: Page, stub: Stub) -> None:
    """The row changes when the stream says so, not when the button was pressed."""
    await follow(page, stub)
    await stub.tell("order", stub.order())
    await page.click("#order-rows .cancel button")

    await expect(page.locator("#order-rows .status .word")).to_have_text("cancelled")
    await expect(page.locator("#order-rows .cancel button")).to_be_hidden()


async def test_a_refused_field_is_explained_at_the_field(page: Page, stub: Stub) -> None:
    """A nested field opens the fold it hides in, and what the page has no field for is said below the form."""
    stub.refuse_with = {
        "code": "bad_request", "message": "the order makes no sense", "retryable": False, "venue": None,
        "fields": [
            {"field": "size", "message": "must be above 0"},
            {"field": "take_profit.price", "message": "must be above the price"},
            {"field": "moon", "message": "is not a field"},
        ],
    }  # fmt: skip
    await follow(page, stub)
    await page.get_by_text("Take-profit and stop-loss").click()
    await page.fill("#take_profit", "1")
    await page.get_by_text("Take-profit and stop-loss").click()
    await page.click("#place")

    await expect(page.locator('[data-field="size"] .error')).to_have_text("must be above 0")
    await expect(page.locator("#size")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#size")).to_be_focused()
    await expect(page.locator("#take_profit")).to_be_visible()
    await expect(page.locator('[data-field="take_profit.price"] .error')).to_have_text("must be above the price")
    await expect(page.locator("#order-note")).to_contain_text("moon: is not a field")


async def test_a_double_click_places_one_order(page: Page, stub: Stub) -> None:
    """The second press finds a busy form, or one that was used a moment ago; never a second idempotency key."""
    await follow(page, stub)
    await page.dblclick("#place", delay=DOUBLE_CLICK_MS)

    await expect(page.locator("#order-note")).to_contain_text("Accepted")
    assert len(stub.placed) == 1


async def test_an_order_without_an_answer_is_sent_again_under_its_own_key(page: Page, stub: Stub) -> None:
    """Not knowing is said, and asking again cannot place twice because the key is the same."""
    stub.loses_replies = True
    await follow(page, stub)
    await page.click("#place")
    await expect(page.locator("#order-note")).to_contain_text("nobody knows yet")
    stub.loses_replies = False
    await page.click("#again")

    await expect(page.locator("#order-note")).to_contain_text("Accepted")
    keys = {key for key, _ in stub.placed}
    assert len(stub.placed) >= 2 and len(keys) == 1


async def test_a_dropped_stream_resumes_without_loss_or_doubles(page: Page, stub: Stub) -> None:
    """The browser comes back by itself with its cursor and the cookie; what happened meanwhile is told once."""
    await follow(page, stub)
    order = stub.order()
    cursor = await stub.tell("order", order)
    await expect(rows(page, "order")).to_have_count(1)
    await stub.drop_streams()
    await stub.tell("order", order | {"status": "partially_filled", "filled": "4"})
    await stub.tell("fill", a_fill(order, "4"))
    await stub.tell("order", order | {"status": "filled", "filled": "10"})

    await expect(page.locator("#order-rows .status .word")).to_have_text("filled")
    await expect(page.locator("#stream-state")).to_have_text("live")
    await expect(rows(page, "order")).to_have_count(3)
    await expect(page.locator("#fills li")).to_have_count(1)
    assert stub.resumed_from == [None, cursor]
    assert stub.tickets == 1


async def test_a_stream_that_is_refused_comes_back_with_a_new_ticket_and_the_cursor(page: Page, stub: Stub) -> None:
    """A 503 makes the browser give up for good, so the page asks for a ticket and says the cursor itself."""
    await follow(page, stub)
    order = stub.order()
    cursor = await stub.tell("order", order)
    await expect(rows(page, "order")).to_have_count(1)
    stub.stream_status = 503
    await stub.drop_streams()
    await expect(page.locator("#stream-state")).to_have_text("reconnecting")
    await stub.tell("order", order | {"status": "cancelled"})
    await until(lambda: stub.tickets > 1)
    stub.stream_status = 200

    await expect(page.locator("#order-rows .status .word")).to_have_text("cancelled")
    await expect(page.locator("#stream-state")).to_have_text("live")
    await expect(rows(page, "order")).to_have_count(2)
    assert stub.resumed_from == [None, cursor]


async def test_a_reset_is_said_and_the_snapshot_replaces_what_was_shown(page: Page, stub: Stub) -> None:
    """What the snapshot no longer has is gone from the table, and the log does not pretend that nothing happened."""
    await follow(page, stub)
    await stub.tell("order", stub.order(id="1"))
    await expect(page.locator("#order-rows tr")).to_have_count(1)
    stub.orders = {"2": stub.order(id="2", symbol="ETH_USDT")}
    stub.oldest = 1
    await stub.drop_streams()

    await expect(page.locator("#order-rows tr .id")).to_have_text("2")
    await expect(rows(page, "reset")).to_contain_text("could not resume")
    await expect(page.locator("#stream-state")).to_have_text("live, 1 reset")


async def test_a_gap_is_a_row_in_the_log_and_a_number_at_the_session(page: Page, stub: Stub) -> None:
    """Time in which we were blind is always said, with its length and whether it was made good."""
    await follow(page, stub)
    whose = {"user_id": "demo", "account_id": "gate-1", "venue": "gate", "environment": "paper"}
    gap = {"from_ms": 1_763_650_000_000, "to_ms": 1_763_650_002_100, "reason": "socket closed", "recovered": True}
    await stub.tell("gap", whose | gap)
    session = {"state": "auth_failed", "since_ms": 1_763_650_002_100, "gaps": 1, "reason": "INVALID_KEY", "turn": 7}
    await stub.tell("session", whose | session)

    await expect(rows(page, "gap")).to_contain_text("Blind for 2.1 s")
    await expect(page.locator("#sessions .word")).to_have_text("auth failed")
    await expect(page.locator("#sessions")).to_contain_text("1 gap · INVALID_KEY")


async def test_each_hop_of_an_event_is_shown_in_milliseconds(page: Page, stub: Stub) -> None:
    """Anyone can see where the time went; what a snapshot tells is old and is not counted."""
    await follow(page, stub)
    await stub.tell("order", stub.order())

    cells = page.locator("#hops tbody tr td:nth-child(2)")
    await expect(cells.nth(0)).to_have_text("6 ms")
    await expect(cells.nth(1)).to_have_text("1 ms")
    await expect(cells.nth(2)).to_have_text(re.compile(r"\d+ ms"))
    await expect(page.locator("#spark g")).to_have_count(1)
    await expect(page.locator("#log .hop")).to_have_count(1)


async def test_the_secret_is_nowhere_but_in_this_tabs_session(page: Page, context: BrowserContext, stub: Stub) -> None:
    """Not in the address, the history, the document, a field, the local storage or a cookie."""
    await follow(page, stub)
    await page.click("#place")
    await expect(page.locator("#order-rows tr")).to_have_count(1)

    assert page.url == stub.url
    assert stub.secret not in await page.content()
    assert stub.secret not in await page.evaluate("[...document.querySelectorAll('input')].map(i => i.value).join()")
    assert await page.evaluate("localStorage.length") == 0
    assert stub.secret not in str(await context.cookies())
    asked = await page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert stub.secret not in str(asked)
    assert stub.secret in await page.evaluate("JSON.stringify({...sessionStorage})")
    await page.click("#account-summary")
    await page.click("#forget")
    assert await page.evaluate("sessionStorage.length") == 0


async def test_an_id_beyond_two_to_the_53_and_18_decimals_stay_as_they_are(page: Page, stub: Stub) -> None:
    """One rounding and a cancel would name somebody else's order."""
    await follow(page, stub)
    price = "0.123456789012345678"
    await stub.tell("order", stub.order(id="9007199254740993", price=price, size="1000000000000000000.1"))

    await expect(page.locator("#order-rows .id")).to_have_text("9007199254740993")
    await expect(page.locator("#order-rows .price")).to_have_text(price)
    await expect(page.locator("#order-rows .size")).to_have_text("1000000000000000000.1")
    async with page.expect_request(lambda asked: asked.method == "DELETE") as asked:
        await page.click("#order-rows .cancel button")
    assert (await asked.value).url.endswith("trade_id=9007199254740993")


async def test_words_from_outside_never_become_markup(page: Page, stub: Stub, complaints: list[str]) -> None:
    """A symbol or a reason is text, whoever wrote it."""
    await follow(page, stub)
    await stub.tell("order", stub.order(symbol="<img src=x onerror=alert(1)>", cause="<b>adl</b>"))

    await expect(page.locator("#order-rows .order b")).to_have_text("<img src=x onerror=alert(1)>")
    assert await page.locator("img, #order-rows small b").count() == 0
    assert complaints == []


async def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, stub: Stub) -> None:
    """375 pixels, with the longest ids and numbers in the table."""
    await page.set_viewport_size({"width": 375, "height": 812})
    await follow(page, stub)
    await stub.tell("order", stub.order(id="9" * 19, price="0." + "1" * 18, symbol="VERYLONGCONTRACTNAME_USDT"))
    await stub.tell("gap", {"from_ms": 0, "to_ms": 2000, "reason": "x" * 90, "recovered": False})

    await expect(page.locator("#order-rows tr")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375


async def test_the_keyboard_alone_places_an_order(page: Page, stub: Stub) -> None:
    """Each control can be reached and named: the labels find them, and Enter sends."""
    await follow(page, stub)
    await page.get_by_label("Long").focus()
    await page.keyboard.press("ArrowRight")
    await page.get_by_label("Size contracts").fill("3")
    await page.keyboard.press("Enter")

    await expect(page.locator("#order-rows .side .way")).to_have_text("sell")
    assert stub.placed[0][1]["position_type"] == "short"
    assert stub.placed[0][1]["price"] == "67567.6"


async def test_a_paper_account_is_one_click(page: Page, stub: Stub) -> None:
    """The keys go straight into use; nobody has to copy them, and the secret is not shown on the way."""
    stub.paper_port = int(stub.url.rsplit(":", 1)[1].strip("/"))  # its own: the only origin its policy allows
    await page.goto(stub.url)
    await expect(page.locator("#environment")).to_have_text("paper")
    await page.click("#paper-account")

    await expect(page.locator("#stream-state")).to_have_text("place a first order")
    await expect(page.locator("#user")).to_have_value("paper-7001")
    await expect(page.locator("#secret")).to_have_value("")


async def test_in_testnet_and_live_no_paper_account_is_offered(page: Page, stub: Stub) -> None:
    """The badge says where orders go, and nothing suggests that they are play."""
    stub.trading_env = "live"
    await page.goto(stub.url)

    await expect(page.locator("#environment")).to_have_text("live")
    await expect(page.locator("#paper-account")).to_be_hidden()
    await expect(page.locator("#place")).to_have_text("Place live limit long")


async def test_without_a_paper_exchange_the_page_says_where_keys_are(
    page: Page, stub: Stub, complaints: list[str]
) -> None:
    """The button may be of no use; the person in front of it still gets on."""
    await page.goto(stub.url)
    await page.click("#paper-account")

    await expect(page.locator("#account-note")).to_contain_text("make up")
    complaints.clear()  # the stand-in's policy allows no other origin, and says so


def a_fill(order: dict[str, object], size: str) -> dict[str, object]:
    now_ms = order["updated_at_ms"]
    return {
        "id": "1", "order_id": order["id"], "account_id": "gate-1", "symbol": "BTC_USDT", "side": "buy",
        "price": "67432.5", "size": size, "fee": "0.02", "fee_asset": "USDT", "at_ms": now_ms,
        "times": {"venue": now_ms, "received": now_ms, "recorded": now_ms},
    }  # fmt: skip
