"""Cancelling and changing orders in the browser, and the pages that show all accounts side by side."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, expect

from apps.broker_accounts.models import BrokerAccount
from apps.trading.models import (
    AccountState,
    ChangeRequest,
    ExternalOrder,
    Holding,
    Intent,
    Order,
    PortfolioRead,
    TradeLeg,
)
from apps.trading.services.announce import announce_orders
from apps.trading.services.portfolio import Portfolio, save_portfolio
from domain.order_changes import RequestStatus
from domain.orders import Funds, OrderStatus
from tests.apps.dashboard.conftest import Scene
from tests.apps.dashboard.scene import make_order
from tests.browser.conftest import Window
from tests.browser.test_dashboard import PHONE, SHOTS, connected, small_targets
from tests.cast import make_account, sign_in


def resting(scene: Scene) -> Order:
    """Let an entry of the put rest at the broker."""
    now = timezone.now()
    leg = scene.live_trade.legs.get(instrument=scene.cast.put)
    TradeLeg.objects.filter(pk=leg.pk).update(entry_quantity=0, entry_value=0, quantity=130)
    order = make_order(leg, status=OrderStatus.OPEN, now=now)
    Order.objects.filter(pk=order.pk).update(quantity=130)
    Intent.objects.filter(pk=order.intent_id).update(status="WORKING", expires_at=now + timedelta(minutes=5))
    return order


def told(order: Order, **fields: object) -> None:
    """Move an order as the platform does: a row, and word to the pages."""
    Order.objects.filter(pk=order.pk).update(**fields)
    announce_orders(Order.objects.filter(pk=order.pk).select_related("account", "intent"))


def row(window: Window, order: Order) -> Locator:
    return window.page.locator(f"#order-{order.pk}")


def test_an_order_is_cancelled_by_keyboard_alone_and_followed(window: Window, scene: Scene) -> None:
    order = resting(scene)
    window.sign_in(scene.cast.trader.email)
    window.open("/orders/")
    connected(window)
    window.page.locator(f"#cancel-{order.pk}").focus()
    window.page.keyboard.press("Enter")
    dialog = window.page.get_by_role("dialog", name="Cancel this order")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    expect(dialog).to_contain_text("the order may still fill")
    expect(dialog).to_contain_text("no leg stays alone")
    window.page.keyboard.press("Tab")
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("dialog")).to_contain_text("Cancel asked")
    expect(row(window, order)).to_contain_text("Being cancelled")
    expect(row(window, order).get_by_role("button", name="Cancel")).to_have_count(0)
    told(order, status=OrderStatus.CANCELLED, finished_at=timezone.now())
    expect(window.page.get_by_role("heading", name="The order is over")).to_be_visible()
    window.page.get_by_role("link", name="Done").click()
    expect(window.page.get_by_role("dialog")).to_have_count(0)
    expect(row(window, order)).to_contain_text("Cancelled")


def test_a_double_click_asks_once(window: Window, scene: Scene) -> None:
    order = resting(scene)
    window.sign_in(scene.cast.trader.email)
    window.open("/orders/")
    window.page.locator(f"#cancel-{order.pk}").click()
    window.page.get_by_role("dialog").get_by_role("button", name="Cancel the order").dblclick()
    expect(window.page.get_by_role("dialog")).to_contain_text("Cancel asked")
    assert ChangeRequest.objects.count() == 1


def test_a_price_is_changed_and_a_slip_is_told_in_place(window: Window, scene: Scene) -> None:
    order = resting(scene)
    window.sign_in(scene.cast.trader.email)
    window.open("/orders/")
    connected(window)
    window.page.locator(f"#change-{order.pk}").click()
    dialog = window.page.get_by_role("dialog")
    price = dialog.get_by_label("Price")
    expect(price).to_have_value("42.10")
    price.fill("41.52")
    dialog.get_by_role("button", name="Change the order").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not a multiple of the contract's tick")
    expect(price).to_have_value("41.52")
    price.fill("41.50")
    dialog.get_by_label("Quantity").fill("65")
    window.page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Change queued")
    made = ChangeRequest.objects.get()
    ChangeRequest.objects.filter(pk=made.pk).update(status=RequestStatus.DONE, finished_at=timezone.now())
    told(order, price="41.50")
    expect(dialog).to_contain_text("Changed by hand")
    dialog.get_by_role("link", name="Done").click()
    expect(row(window, order)).to_contain_text("0/65")
    expect(row(window, order)).to_contain_text("Limit 41.50")


def test_accounts_are_chosen_without_scripts_of_their_own(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    window.open("/orders/?state=filled")
    window.page.get_by_label("Broker").select_option("paper")
    window.page.get_by_role("button", name="Show", exact=True).click()
    expect(window.page.locator("#order-list li").first).to_contain_text("PAPER1")
    expect(window.page.locator("#order-list")).not_to_contain_text("LIVE")
    assert "state=filled" in window.page.url
    window.page.get_by_role("link", name="All accounts").click()
    expect(window.page.locator("#order-list")).to_contain_text("LIVE")


def test_a_refresh_is_asked_for_and_said(window: Window, scene: Scene) -> None:
    portfolio(scene)
    window.sign_in(scene.cast.trader.email)
    for key, place in (("l", "Holdings"), ("f", "Funds")):
        window.page.keyboard.press("g")
        window.page.keyboard.press(key)
        expect(window.page.get_by_role("heading", name=place)).to_be_visible()
    window.page.get_by_role("button", name="Refresh").click()
    expect(window.page.get_by_role("status").filter(has_text="being read")).to_be_visible()
    assert window.page.url.endswith("/funds/")
    connected(window)
    line = window.page.locator(f"#funds-{scene.cast.account.pk}")
    expect(line).to_contain_text("12,34,567.50")
    money = Funds(available=Decimal(777), used=Decimal(23), total=Decimal(800))
    save_portfolio(Portfolio((scene.cast.account.pk, "LIVE"), timezone.now() + timedelta(seconds=1), money, None))
    expect(line).to_contain_text("777.00")  # it comes by itself


def portfolio(scene: Scene) -> None:
    """Live accounts in every state a page may show."""
    now = timezone.now()
    trader = scene.cast.trader
    coins = make_account(trader, "binance", "COINS1", mode="LIVE")
    silent = make_account(trader, "upstox", "UP0042", mode="LIVE")
    out = make_account(trader, "fyers", "FY0077", mode="LIVE")
    BrokerAccount.objects.filter(pk=out.pk).update(label="The second long-named account of the family office")
    for account in (coins, silent):
        sign_in(account)
    for account, hours in ((scene.cast.account, 0), (silent, 2), (coins, 0), (out, 30)):
        at = now - timedelta(hours=hours)
        PortfolioRead.objects.create(account=account, read_at=at, tried_at=now)
        AccountState.objects.create(
            account=account, mode="LIVE", funds_read_at=at, available_funds="1234567.50", used_funds="65432.50",
            total_funds="1300000",
        )  # fmt: skip
    PortfolioRead.objects.filter(account=silent).update(
        error_code="TIMEOUT", error="Upstox holdings: no usable answer within 7 s"
    )
    for account, symbol, quantity in (
        (scene.cast.account, "INFY", 120),
        (scene.cast.account, "TCS", 40),
        (out, "M&M", 7),
    ):
        Holding.objects.create(
            account=account, exchange="NSE", symbol=symbol, quantity=quantity, pledged=quantity // 3,
            average_price="1510.35", last_price="1622.10" if symbol == "INFY" else "1490.00", read_at=now,
        )  # fmt: skip


def busy(scene: Scene) -> Order:
    """Everything a page of orders may show at once."""
    order = resting(scene)
    asked = ChangeRequest(
        tenant=scene.cast.tenant, account=order.account, order=order, kind="CHANGE", quantity=65,
        status=RequestStatus.REFUSED, note="The price is outside the exchange's band.", asked_by=scene.cast.trader,
        key="0b5ff0a6-3f6f-4a0c-8c2c-000000000001",
    )  # fmt: skip
    asked.save()
    call = scene.live_trade.legs.get(instrument=scene.cast.call)
    leaving = make_order(call, status=OrderStatus.OPEN, now=timezone.now())
    intent = Intent.objects.create(
        tenant=scene.cast.tenant, account=order.account, trade=scene.live_trade, leg=call, kind="EXIT", side="BUY",
        quantity=65, mode="LIVE", status="WORKING",
    )  # fmt: skip
    Order.objects.filter(pk=leaving.pk).update(intent=intent, side="BUY")
    waiting = make_order(call, status=OrderStatus.UNKNOWN, now=timezone.now())
    Order.objects.filter(pk=waiting.pk).update(cancel_requested_at=timezone.now(), claimed_at=timezone.now())
    ExternalOrder.objects.create(
        account=order.account, broker_order_id="261120000123", symbol=f"Z{scene.cast.call.symbol}", side="BUY",
        quantity=65, status="OPEN",
    )  # fmt: skip
    return order


PLACES = {"/orders/": "Being cancelled", "/trades/": "Zerodha Kite", "/positions/": "Zerodha Kite",
          "/holdings/": "M&M", "/funds/": "65,432.50"}  # fmt: skip


@pytest.mark.parametrize(
    "window",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE, PHONE | {"color_scheme": "dark"}],
    indirect=True,
)
def test_every_page_is_readable_everywhere(window: Window, scene: Scene) -> None:
    order = busy(scene)
    portfolio(scene)
    window.sign_in(scene.cast.trader.email)
    width = int(window.page.evaluate("innerWidth"))
    for path, wanted in PLACES.items():
        window.open(path)
        expect(window.page.locator("main")).to_contain_text(wanted)
        picture(window, f"accounts-{path.strip('/')}")
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width, path
        if width < 400:
            assert small_targets(window) == [], path
    window.open("/orders/")
    for deed in ("cancel", "change"):
        window.page.locator(f"#{deed}-{order.pk}").click()
        expect(window.page.locator("#dialog-body form")).to_be_visible()
        picture(window, f"accounts-{deed}")
        window.page.keyboard.press("Escape")


def picture(window: Window, name: str) -> Path:
    """Take a picture of the whole page."""
    scheme = window.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
    SHOTS.mkdir(parents=True, exist_ok=True)
    size = window.page.viewport_size
    assert size is not None
    path = SHOTS / f"{name}-{size['width']}-{scheme}.png"
    window.page.screenshot(path=path, full_page=True)
    return path
