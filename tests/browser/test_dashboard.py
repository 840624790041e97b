"""What a person does in the browser: sign in, watch a price move, square off, by mouse and by keyboard."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from apps.markets.models import WatchlistItem
from apps.trading.models import Intent, Trade
from apps.trading.services.announce import announce_trades
from tests.apps.dashboard.conftest import Scene
from tests.browser.conftest import Window
from tests.cast import publish_price

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PAGES = ("/", "/trades/", "/orders/", "/positions/", "/holdings/", "/funds/", "/history/", "/settings/")
SHOTS = Path(__file__).resolve().parents[2] / "var" / "screenshots"


def trade_pnl(window: Window, trade: Trade) -> Any:
    return window.page.locator(f'[data-key="trade:{trade.pk}"]:visible').first


def connected(window: Window) -> None:
    """Wait for the socket's snapshot."""
    expect(window.page.locator("body[data-connected]")).to_have_count(1)


def close_all_trades() -> None:
    Trade.objects.update(status="CLOSED", close_reason="MANUAL")
    announce_trades(Trade.objects.select_related("account"))


def test_a_stranger_sees_the_disclosure_and_one_message(window: Window) -> None:
    window.open("/")
    expect(window.page.get_by_role("heading", name="Risk disclosure on derivatives")).to_be_visible()
    window.page.get_by_label("E-mail").fill("nobody@house.test")
    window.page.get_by_label("Password").fill("whatever it was")
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("alert")).to_contain_text("do not match an account")


def test_prices_and_profit_move_in_place(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    expect(trade_pnl(window, scene.live_trade)).to_have_text("+1,082.25")
    connected(window)
    window.page.locator(f"#exit-{scene.live_trade.pk}").focus()
    publish_price(scene.cast.put, "58.40")
    expect(trade_pnl(window, scene.live_trade)).to_have_text("\u2212913.25")
    expect(trade_pnl(window, scene.live_trade)).to_have_class(re.compile(r"\bdown\b"))
    expect(trade_pnl(window, scene.paper_trade)).to_have_text("+146.25")
    expect(window.page.locator('[data-key="day:LIVE"]')).to_have_text("\u2212936.70")
    expect(window.page.locator(f"#exit-{scene.live_trade.pk}")).to_be_focused()


def test_focus_and_place_survive_a_section_that_is_fetched_again(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    window.page.locator(f"#exit-{scene.paper_trade.pk}").focus()
    Trade.objects.filter(pk=scene.live_trade.pk).update(status="EXITING")
    announce_trades(Trade.objects.select_related("account").filter(pk=scene.live_trade.pk))
    expect(window.page.locator(f"#exit-{scene.live_trade.pk}")).to_have_text("Exiting…")
    expect(window.page.locator(f"#exit-{scene.paper_trade.pk}")).to_be_focused()
    expect(window.page.locator("#announcer")).to_have_text("Short straddle is being squared off.")


def test_one_trade_is_squared_off_by_the_dialog(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    window.page.locator(f"#exit-{scene.live_trade.pk}").click()
    dialog = window.page.get_by_role("dialog", name="Square off this trade")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    expect(dialog).to_contain_text("NIFTY 26000 PE")
    dialog.get_by_role("button", name="Square off").dblclick()
    expect(window.page.get_by_role("heading", name="Squaring off")).to_be_visible()
    assert Intent.objects.filter(kind="EXIT", trade=scene.live_trade).count() == 2
    assert not Intent.objects.filter(kind="EXIT", trade=scene.paper_trade).exists()
    close_all_trades()
    expect(window.page.get_by_role("heading", name="Square-off complete")).to_be_visible()
    window.page.get_by_role("link", name="Done").click()
    expect(window.page.locator("#trades")).to_contain_text("No open trade")


def test_everything_is_squared_off_by_keyboard_alone(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    window.page.locator("#square-off-all").focus()
    window.page.keyboard.press("Enter")
    confirm = window.page.get_by_role("dialog").get_by_role("button", name="Square off all")
    expect(confirm).to_be_disabled()
    window.page.keyboard.press("Escape")
    expect(window.page.get_by_role("dialog")).to_have_count(0)
    assert not Intent.objects.filter(kind="EXIT").exists()
    window.page.keyboard.press("Enter")
    window.page.get_by_label("Type EXIT to confirm").fill("exit")
    expect(confirm).to_be_enabled()
    window.page.keyboard.press("Enter")
    expect(window.page.locator(f"#progress-{scene.cast.paper_account.pk}")).to_be_visible()
    assert Intent.objects.filter(kind="EXIT").count() == 3


NOTE_THE_FOCUS = """() => {
  const body = document.getElementById("dialog-body"), moved = [];
  new MutationObserver(() => body.querySelector("[name=word]")?.focus()).observe(body, {childList: true});
  document.addEventListener("focusin", ({target}) => moved.push(target.name || target.textContent.trim()));
  const done = new Promise((resolve) => document.body.addEventListener(
    "htmx:afterSettle", ({target}) => target === body && setTimeout(resolve, 100)));
  return {moved, done};
}"""


def test_a_dialog_never_takes_the_focus_from_a_quick_typist(window: Window, scene: Scene) -> None:
    """Seen: the focus moved to Cancel after the word was typed, and Enter closed the square-off, unsent."""
    window.sign_in(scene.cast.trader.email)
    settled = window.page.evaluate_handle(NOTE_THE_FOCUS)
    window.page.locator("#square-off-all").click()
    assert settled.evaluate("async (it) => { await it.done; return it.moved.at(-1); }") == "word"


def test_a_trade_tells_its_story_in_a_dialog(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    window.page.locator(f"#trade-{scene.live_trade.pk}").get_by_role("button", name="Short straddle").click()
    dialog = window.page.get_by_role("dialog")
    expect(dialog).to_contain_text("65 NIFTY23NOV2626000PE sold at 42.10")
    publish_price(scene.cast.put, "26.70")
    expect(dialog.locator("[data-key]")).to_have_text("+1,147.25")


def test_an_instrument_is_found_added_removed_and_brought_back(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    window.page.keyboard.press("/")
    window.page.keyboard.type("nifty 26000 ce")
    expect(window.page.locator("#search-found button")).to_have_count(1)
    window.page.keyboard.press("Enter")
    row = window.page.locator("#watchlist li")
    expect(row).to_contain_text("NIFTY 26000 CE")
    publish_price(scene.cast.call, "40.05")
    expect(row).to_contain_text("40.05")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    window.page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)
    assert WatchlistItem.objects.filter(user=scene.cast.trader).count() == 1


def test_the_keyboard_sheet_opens_and_keys_in_fields_are_text(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    window.page.keyboard.press("?")
    expect(window.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    window.page.keyboard.press("Escape")
    expect(window.page.get_by_role("dialog")).to_have_count(0)
    window.page.keyboard.press("/")
    window.page.keyboard.type("?/gt")
    expect(window.page.locator("#search-text")).to_have_value("?/gt")
    window.page.locator("#search").get_by_role("button", name="Close").click()
    expect(window.page.get_by_role("dialog")).to_have_count(0)
    window.page.keyboard.press("g")
    window.page.keyboard.press("t")
    expect(window.page).to_have_url(f"{window.site.base_url}/trades/")


def test_a_silent_feed_greys_prices_and_says_so(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    publish_price(scene.cast.put, "27.80")
    expect(window.page.locator("[data-feed-text]")).to_have_text("Live")
    expect(window.page.locator("[data-feed-text]")).to_have_text("Delayed", timeout=10_000)
    expect(window.page.locator("[data-stale-banner]")).to_be_visible()
    expect(trade_pnl(window, scene.live_trade)).to_have_class(re.compile(r"\bis-stale\b"))
    publish_price(scene.cast.put, "27.75")
    expect(window.page.locator("[data-feed-text]")).to_have_text("Live")
    expect(window.page.locator("[data-stale-banner]")).to_be_hidden()


def test_signing_out_in_one_tab_ends_the_other(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    other = window.context.new_page()
    other.goto(f"{window.site.base_url}/settings/")
    other.get_by_label("Your menu").click()
    other.get_by_role("button", name="Sign out").click()
    expect(window.page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("window", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_flashes_for_who_wants_less_motion(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    publish_price(scene.cast.put, "20.00")
    cell = window.page.locator(f'[data-price="{scene.cast.put.pk}"]:visible').first
    expect(cell).to_have_text("20.00")
    assert cell.evaluate("element => getComputedStyle(element).animationName") == "none"


@pytest.mark.parametrize("window", [PHONE | {"color_scheme": scheme} for scheme in ("light", "dark")], indirect=True)
def test_a_phone_gets_cards_large_targets_and_no_sideways_scroll(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    for path in PAGES:
        window.open(path)
        assert window.page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert small_targets(window) == [], path
        expect(window.page.locator("nav:visible").last.get_by_role("link")).to_have_count(5)
    window.open("/")
    expect(window.page.locator("#trades table")).to_be_hidden()
    publish_price(scene.cast.put, "20.00")
    expect(trade_pnl(window, scene.live_trade)).to_have_text("+1,582.75")
    window.page.locator(f"#exit-card-{scene.live_trade.pk}").click()
    expect(window.page.get_by_role("dialog")).to_be_visible()
    assert window.page.evaluate("document.documentElement.scrollWidth") <= 390


def small_targets(window: Window) -> list[str]:
    """Return what a thumb could not hit: visible controls lower than 44 px, in no label and no closed menu."""
    found: str = window.page.evaluate(
        """() => JSON.stringify([...document.querySelectorAll("a, button, summary, input, select")]
            .filter(one => one.offsetParent && !one.closest("dialog, label, details > :not(summary), .sr-only"))
            .filter(one => !one.classList.contains("sr-only") && one.getBoundingClientRect().height < 43.9)
            .map(one => one.outerHTML.slice(0, 120)))"""
    )
    return list(json.loads(found))


@pytest.mark.parametrize(
    "window",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE, PHONE | {"color_scheme": "dark"}],
    indirect=True,
)
def test_pictures_of_every_page_are_taken(window: Window, scene: Scene, request: pytest.FixtureRequest) -> None:
    window.sign_in(scene.cast.trader.email)
    scheme = window.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
    SHOTS.mkdir(parents=True, exist_ok=True)
    for path in PAGES:
        window.open(path)
        expect(window.page.locator("[data-feed-text]")).not_to_have_text("")
        size = window.page.viewport_size
        assert size is not None
        picture = SHOTS / f"{path.strip('/') or 'home'}-{size['width']}-{scheme}.png"
        window.page.screenshot(path=picture)
        assert picture.stat().st_size > 10_000
        assert contrast(window) >= 4.5


def contrast(window: Window) -> float:
    """Return the contrast of the page's text on its ground."""
    return float(
        window.page.evaluate(
            """() => {
              const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
              const light = colour => {
                canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
                const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(part => part / 255)
                  .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
              };
              const text = light(getComputedStyle(document.body).color);
              const ground = light(getComputedStyle(document.documentElement).backgroundColor);
              return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
            }"""
        )
    )
