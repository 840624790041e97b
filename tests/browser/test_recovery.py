"""What people see in the browser while something is not as it should be, and how it goes away by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Locator, Route, expect

from apps.notifications.models import Level, Notification
from apps.notifications.services.notify import notify
from apps.risk.models import Halt
from apps.risk.services.halts import halt_account, lift_automatic, set_halt
from apps.trading.models import AccountState, ExternalOrder, Intent, Order, Position
from apps.trading.services.announce import announce_orders
from bus.models import Lease
from domain.orders import OrderStatus
from tests.apps.dashboard.conftest import Scene
from tests.apps.dashboard.scene import make_order
from tests.browser.conftest import PASSWORD, Window
from tests.browser.test_dashboard import PHONE, SHOTS, connected, small_targets

CHECKING = "Checking with the broker"


def set_status(order: Order, status: OrderStatus) -> None:
    """Move an order as the platform does: a row, and word to the pages."""
    Order.objects.filter(pk=order.pk).update(status=status)
    announce_orders(Order.objects.filter(pk=order.pk).select_related("account", "intent"))


def checked_order(scene: Scene, status: OrderStatus = OrderStatus.OPEN) -> Order:
    leg = scene.live_trade.legs.get(instrument=scene.cast.put)
    order = make_order(leg, status=status, now=timezone.now(), code="TIMEOUT")
    Order.objects.filter(pk=order.pk).update(claimed_at=timezone.now())
    return order


def page_message(scene: Scene, key: str = "unknown:1") -> Notification:
    notify(
        key=key,
        code="ORDER_UNKNOWN",
        text="AB1234 (zerodha): checking with the broker what became of an order in NIFTY23NOV2626000PE.",
        tenant_id=scene.cast.tenant.pk,
        user_id=scene.cast.trader.pk,
        level=Level.PAGE,
    )
    return Notification.objects.get(key=key)


def test_an_unknown_order_is_shown_and_then_resolved_before_ones_eyes(window: Window, scene: Scene) -> None:
    order = checked_order(scene)
    window.sign_in(scene.cast.trader.email)
    connected(window)
    row, line = window.page.locator(f"#trade-{scene.live_trade.pk}"), window.page.locator(f"#order-{order.pk}")
    expect(line).to_contain_text("Open")
    expect(row).not_to_contain_text(CHECKING)
    set_status(order, OrderStatus.UNKNOWN)
    expect(row).to_contain_text(CHECKING)
    age = row.locator(f"#row-check-{order.pk} [data-age]")
    expect(age).not_to_have_text(age.inner_text())  # it counts
    expect(line).to_contain_text("It is not sent again meanwhile")
    expect(window.page.locator("#announcer")).to_contain_text("being checked with the broker")
    set_status(order, OrderStatus.PARKED)
    expect(row).to_contain_text("tell your operator what you see")
    set_status(order, OrderStatus.OPEN)  # found in the book, and adopted
    expect(line).not_to_contain_text("hecking with the broker")
    expect(line).to_contain_text("Open")
    expect(row).not_to_contain_text("hecking with the broker")


def test_a_trades_open_dialog_follows_its_order(window: Window, scene: Scene) -> None:
    order = checked_order(scene, OrderStatus.UNKNOWN)
    window.sign_in(scene.cast.trader.email)
    connected(window)
    window.page.locator(f"#trade-{scene.live_trade.pk}").get_by_role("button", name="Short straddle").click()
    dialog = window.page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_contain_text(CHECKING)
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    set_status(order, OrderStatus.FILLED)
    expect(dialog.get_by_role("status")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()


def test_a_dialog_that_cannot_be_fetched_says_so_and_can_be_asked_for_again(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    with unanswered(window, "square-off/"):
        window.page.locator("#square-off-all").click()
        dialog = window.page.get_by_role("dialog")
        expect(dialog.get_by_role("alert")).to_contain_text("Nothing was asked for yet")
    dialog.get_by_role("button", name="Try again").click()
    expect(dialog.get_by_label("Type EXIT to confirm")).to_be_visible()


def test_a_square_off_without_an_answer_is_pressed_again_and_made_once(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    window.page.locator("#square-off-all").click()
    dialog = window.page.get_by_role("dialog")
    dialog.get_by_label("Type EXIT to confirm").fill("EXIT")
    confirm = dialog.get_by_role("button", name="Square off all")
    with unanswered(window, "square-off/", is_done=True):
        confirm.click()
        expect(dialog.get_by_role("alert")).to_contain_text("it may have been carried out")
    asked = Intent.objects.filter(kind="EXIT").count()
    assert asked > 0
    confirm.click()
    expect(dialog.get_by_role("heading", name="Squaring off")).to_be_visible()
    assert Intent.objects.filter(kind="EXIT").count() == asked


def test_who_was_signed_out_meanwhile_is_asked_to_sign_in_on_the_whole_page(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    window.context.clear_cookies()
    window.page.locator("#square-off-all").click()
    window.page.get_by_label("Password").wait_for()
    expect(window.page.get_by_role("dialog")).to_have_count(0)


@contextmanager
def unanswered(window: Window, path: str, *, is_done: bool = False) -> Iterator[None]:
    """Let calls of a path get no answer; ``is_done``: they reach the server all the same."""

    def lose(route: Route) -> None:
        if is_done:
            route.fetch()
        route.abort()

    address, before = f"{window.site.base_url}/{path}", len(window.faults)
    window.page.route(address, lose)
    yield
    window.page.unroute(address)
    expected = ("ERR_FAILED", "htmx:sendError", "htmx:afterRequest")
    assert [fault for fault in window.faults[before:] if not any(word in fault for word in expected)] == []
    del window.faults[before:]


def test_what_was_never_announced_reaches_the_page_all_the_same(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    row = window.page.locator(f"#trade-{scene.live_trade.pk}")
    expect(row).to_be_visible()
    checked_order(scene, OrderStatus.UNKNOWN)
    expect(row).to_contain_text(CHECKING, timeout=30_000)


def test_a_halted_account_is_shown_and_the_release_too(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    card = window.page.locator(f"#account-{scene.cast.account.pk}")
    other = window.page.locator(f"#account-{scene.cast.paper_account.pk}")
    expect(card).not_to_contain_text("halted")
    halt_account(account_id=scene.cast.account.pk, reason_code="SESSION_LOST", reason="token refused")
    expect(card).to_contain_text("Account halted")
    expect(card).to_contain_text("The broker session was lost.")
    expect(card.get_by_role("link", name="Sign in at Zerodha")).to_be_visible()
    expect(other).not_to_contain_text("halted")
    lift_automatic(account_id=scene.cast.account.pk, reason_codes=["SESSION_LOST"], now=timezone.now())
    expect(card).not_to_contain_text("halted")


def test_a_release_is_refused_and_after_a_fresh_sign_in_allowed(window: Window, scene: Scene) -> None:
    operator = scene.cast.operator
    halt = set_halt(
        scope="ACCOUNT",
        reason="odd fills",
        actor=operator,
        tenant_id=scene.cast.tenant.pk,
        account_id=scene.cast.account.pk,
    )
    window.sign_in(operator.email)
    connected(window)
    card = window.page.locator(f"#account-{scene.cast.account.pk}")
    expect(card).to_contain_text("odd fills")
    desk = window.context.new_page()
    desk.goto(window.site.base_url + reverse("admin:risk_halt_release", args=[halt.pk]))
    expect(desk.get_by_text("your password counts as a fresh sign-in")).to_be_visible()
    desk.get_by_label("Your password").fill("not my password")
    desk.get_by_role("button", name="Release the halt").click()
    expect(desk.get_by_role("alert")).to_have_text("This is not your password.")
    assert Halt.objects.active().filter(pk=halt.pk).exists()
    expect(card).to_contain_text("odd fills")
    desk.get_by_label("Your password").fill(PASSWORD)
    desk.get_by_role("button", name="Release the halt").click()
    expect(desk.get_by_text("The halt is released.")).to_be_visible()
    expect(card).not_to_contain_text("odd fills")
    assert not Halt.objects.active().exists()


def test_an_urgent_message_stays_until_it_was_read(window: Window, scene: Scene) -> None:
    window.sign_in(scene.cast.trader.email)
    connected(window)
    bell = window.page.locator("#bell-button")
    expect(bell).to_have_accessible_name("Messages")
    note = page_message(scene)
    toast = window.page.locator(f'#toasts [data-note="{note.pk}"]')
    expect(toast).to_contain_text("Urgent")
    expect(window.page.locator("#alarm")).to_contain_text("checking with the broker")
    expect(bell).to_have_accessible_name("Messages: 1 unread, 1 urgent")
    bell.click()
    dialog = window.page.get_by_role("dialog")
    expect(dialog).to_contain_text("NIFTY23NOV2626000PE")
    dialog.get_by_role("button", name="Mark read").click()
    expect(dialog.get_by_role("button", name="Mark read")).to_have_count(0)
    expect(toast).to_have_count(0)
    expect(bell).to_have_accessible_name("Messages")


def watched(window: Window) -> Locator:
    window.open(reverse("admin:trading_trade_under_watch"))
    return window.page.locator("#under-watch")


def test_the_watch_screen_refreshes_itself_and_leaves_the_focus_alone(window: Window, scene: Scene) -> None:
    order = checked_order(scene, OrderStatus.UNKNOWN)
    Lease.objects.create(name="feed", epoch=3, holder="host:1:2", until=timezone.now() + timedelta(hours=1))
    window.sign_in(scene.cast.operator.email)
    screen = watched(window)
    expect(screen.locator(f"#orders-{order.pk}")).to_contain_text("AB1234")
    link = screen.locator("#leases-feed-link")
    link.focus()
    halt = halt_account(account_id=scene.cast.account.pk, reason_code="FLIP", reason="short by 65")
    expect(screen.locator(f"#halts-{halt.pk}")).to_contain_text("FLIP", timeout=30_000)
    expect(link).to_be_focused()
    Order.objects.filter(pk=order.pk).update(status=OrderStatus.FILLED)
    expect(screen.locator(f"#orders-{order.pk}")).to_have_count(0, timeout=30_000)
    expect(link).to_be_focused()


def trouble(scene: Scene) -> None:
    """Everything at once."""
    account, trade, now = scene.cast.account, scene.live_trade, timezone.now()
    checked_order(scene, OrderStatus.UNKNOWN)
    call = trade.legs.get(instrument=scene.cast.call)
    parked = make_order(call, status=OrderStatus.PARKED, now=now, code="NO_ANSWER")
    Order.objects.filter(pk=parked.pk).update(claimed_at=now - timedelta(minutes=11))
    Intent.objects.create(
        tenant=trade.tenant, account=account, trade=trade, leg=call, kind="EXIT", side="BUY", quantity=65,
        mode="LIVE", status="BLOCKED", note="The broker session was lost; sign in again.",
    )  # fmt: skip
    ExternalOrder.objects.create(
        account=account, broker_order_id="261120000123", symbol=f"Z{scene.cast.call.symbol}", side="BUY", quantity=65,
        filled_quantity=65, average_price="41.15", status="FILLED",
    )  # fmt: skip
    AccountState.objects.create(account=account, mode="LIVE", positions_read_at=now)
    Position.objects.filter(account=account, instrument=scene.cast.put).update(quantity=65)
    halt_account(account_id=account.pk, reason_code="SESSION_LOST", reason="token refused")
    set_halt(scope="TENANT", reason="expiry drill", actor=scene.cast.operator, tenant_id=scene.cast.tenant.pk)
    page_message(scene)
    Lease.objects.create(name="execution.0", epoch=12, holder="host:811:2", until=now - timedelta(seconds=9))


@pytest.mark.parametrize(
    "window",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE, PHONE | {"color_scheme": "dark"}],
    indirect=True,
)
def test_trouble_is_readable_everywhere(window: Window, scene: Scene) -> None:
    trouble(scene)
    window.sign_in(scene.cast.trader.email)
    connected(window)
    page_message(scene, "unknown:2")
    expect(window.page.locator("#toasts [data-urgent]")).to_be_visible()
    width = int(window.page.evaluate("innerWidth"))
    _picture(window, "trouble-home")
    for path, wanted in PLACES.items():
        window.open(path.format(trade=scene.live_trade.pk))
        expect(window.page.locator("main")).to_contain_text(wanted)
        _picture(window, f"trouble-{path.strip('/').split('/')[0]}")
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width, path
        if width < 400:
            assert small_targets(window) == [], path


PLACES = {
    "/trades/": CHECKING,
    "/trades/{trade}/": "Placed outside the platform",
    "/orders/": "Placed outside the platform",
    "/positions/": "Differs from the platform",
    "/settings/": "Account halted",
    "/notifications/": "Urgent",
}


@pytest.mark.parametrize("window", [{"color_scheme": "light"}, PHONE | {"color_scheme": "dark"}], indirect=True)
def test_the_watch_screen_is_readable_everywhere(window: Window, scene: Scene) -> None:
    trouble(scene)
    window.sign_in(scene.cast.operator.email)
    screen = watched(window)
    expect(screen.locator("#watch-summary")).to_contain_text("need somebody")
    width = int(window.page.evaluate("innerWidth"))
    assert window.page.evaluate("document.documentElement.scrollWidth") <= width
    _picture(window, "trouble-watch")


def _picture(window: Window, name: str) -> Path:
    scheme = window.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
    SHOTS.mkdir(parents=True, exist_ok=True)
    size: Any = window.page.viewport_size
    picture = SHOTS / f"{name}-{size['width']}-{scheme}.png"
    window.page.screenshot(path=picture, full_page=True)
    return picture
