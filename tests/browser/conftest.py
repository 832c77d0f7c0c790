"""A headless Chromium, a stand-in gateway, and the page opened on it. What the browser complains of fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.stub import Stub

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WITHIN_MS = 10_000


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium. Missing it is a reason to skip, except where the suite is meant to be whole."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        yield browser
        await browser.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context()
    context.set_default_timeout(WITHIN_MS)
    yield context
    await context.close()


@pytest.fixture
async def complaints() -> list[str]:
    """What went wrong inside the page: uncaught errors, and anything its content security policy refused."""
    return []


@pytest.fixture
async def page(context: BrowserContext, complaints: list[str]) -> AsyncIterator[Page]:
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield page
    assert complaints == []


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub().running() as running:
        yield running
