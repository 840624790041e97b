"""A person's whole journey in a real browser, against every real process."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.flows.conftest import open_trades
from tests.flows.platform import Platform, wait_for

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
expect.set_options(timeout=20_000)  # a busy machine may take its time

pytestmark = [
    pytest.mark.flow,
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]


@pytest.fixture
def page(platform: Platform) -> Iterator[Page]:
    """The first trader's window, signed in, with everything that went wrong in it noted."""
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(20_000)
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        sign_in(page, platform)
        yield page
        browser.close()
    assert faults == []


def sign_in(page: Page, platform: Platform) -> None:
    """Sign in by the form and acknowledge the disclosure."""
    trader = platform.demo["traders"][0]
    page.goto(platform.demo["base_url"] + "/login/")
    page.get_by_label("E-mail").fill(trader["email"])
    page.get_by_label("Password").fill(trader["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="I have read and understood this").click()
    page.locator("#risk").wait_for(state="hidden")


def test_a_trader_watches_profit_move_and_squares_everything_off(platform: Platform, page: Page) -> None:
    answer = platform.fire({"action": "buy", "alert_id": uuid.uuid4().hex})
    assert answer.status_code == 202
    profits = page.locator('#trades [data-key^="trade:"]:visible')
    expect(profits).to_have_count(4, timeout=30_000)  # the trader's four accounts; the page was open before the signal
    profit = profits.first
    seen = {profit.inner_text()}

    def moved() -> bool:
        seen.add(profit.inner_text())
        return len(seen) >= 3

    wait_for(moved, within=30, message="a profit that moves")
    page.locator("#square-off-all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type EXIT to confirm").fill("EXIT")
    dialog.get_by_role("button", name="Square off all").click()
    expect(page.get_by_role("heading", name="Square-off complete")).to_be_visible(timeout=60_000)
    wait_for(
        lambda: not [trade for trade in open_trades(platform) if trade["account"] in own_accounts(platform)],
        within=60,
        message="the trader's exits",
    )
    page.get_by_role("link", name="Done").click()
    expect(page.locator("#trades")).to_contain_text("No open trade")


def own_accounts(platform: Platform) -> set[int]:
    """Return the first trader's accounts."""
    return {account["id"] for account in platform.demo["traders"][0]["accounts"]}
