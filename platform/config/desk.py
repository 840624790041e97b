"""The operators' desk: the admin site, what its first page shows, and where its menu leads."""

from typing import Any, cast

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse, reverse_lazy
from unfold.sites import UnfoldAdminSite

from apps.dashboard.context import brand_of
from apps.dashboard.services.feed import read_feed
from apps.markets.clock import now
from apps.tenants.admin_scoping import ScopedAdmin
from apps.trading.models import Trade
from apps.trading.services.desk_figures import DeskFigures, desk_figures
from apps.users.models import User
from config.csv_export import export_csv
from domain.orders import OrderStatus

_CSP = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}
"""Unfold's pages evaluate expressions in attributes and carry their colours in the page; ours stay strict."""


class DeskSite(UnfoldAdminSite):  # type: ignore[misc]
    """Django's admin as the operators' desk; people sign in where everybody does, with the same guard."""

    index_title = "Today"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.add_action(export_csv)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send whoever may not be here to the one sign-in page."""
        if self.has_permission(request) or request.user.is_authenticated:
            return redirect_home(self, request)
        wanted = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(wanted, resolve_url(settings.LOGIN_URL))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Relax the content policy as far as these pages need it, and nowhere else."""
        inner = super().admin_view(view, cacheable)

        def with_policy(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = cast(HttpResponse, inner(request, *args, **kwargs))
            response._csp_update = _CSP  # type: ignore[attr-defined]
            return response

        return with_policy


def redirect_home(site: DeskSite, request: HttpRequest) -> HttpResponse:
    """Send people to their own first page: the desk for those who run it, else the trader's."""
    return redirect("admin:index" if site.has_permission(request) else "dashboard:home")


def brand_name(request: HttpRequest) -> str:
    """Return the name of the brand the person's tenant wears."""
    return brand_of(request).name


def logo(request: HttpRequest) -> str:
    """Return the address of that brand's logo."""
    return reverse("dashboard:brand-logo", args=[brand_of(request).slug])


def desk(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the desk's figures to the first page."""
    figures = desk_figures(cast(User, request.user), now=now())
    feed = read_feed(now())
    context |= {
        "figures": figures,
        "cards": _cards(figures, feed_text=_feed_text(feed.state, feed.age_ms)),
        "orders_table": _orders_table(figures),
        "readiness_table": _readiness_table(figures),
        "flower_url": settings.FLOWER_URL,
    }
    return context


def _cards(figures: DeskFigures, *, feed_text: str) -> list[dict[str, Any]]:
    trades = figures.open_trades
    return [
        _card("Active traders", figures.active_traders, "users_user_changelist"),
        _card("Live accounts", f"{figures.live_accounts} live · {figures.paper_accounts} paper", _ACCOUNTS),
        _card("Open trades", f"{trades['LIVE']} live · {trades['PAPER']} paper", "trading_trade_changelist"),
        _card("Feed", feed_text, "bus_heartbeat_changelist", "?q=feed"),
        _card("Orders rejected or denied today", figures.rejected, "trading_order_changelist", "?status=REJECTED"),
        _card("Orders with an unknown fate", figures.unknown, "trading_order_changelist", "?status=UNKNOWN"),
        _card("Pages not acknowledged", figures.pages, "notifications_notification_changelist", "?level=PAGE"),
        _card("Halts in force", figures.halts, "risk_halt_changelist"),
    ]


_ACCOUNTS = "broker_accounts_brokeraccount_changelist"


def _card(title: str, value: object, page: str, query: str = "") -> dict[str, Any]:
    return {"title": title, "value": value, "href": reverse(f"admin:{page}") + query}


def _feed_text(state: str, age_ms: int | None) -> str:
    return state.capitalize() if age_ms is None else f"{state.capitalize()}, {age_ms / 1000:.1f} s old"


def _orders_table(figures: DeskFigures) -> dict[str, Any]:
    known = [status.value for status in OrderStatus if figures.orders[status.value]]
    return {"headers": ["State", "Orders today"], "rows": [[name, figures.orders[name]] for name in known]}


def _readiness_table(figures: DeskFigures) -> dict[str, Any]:
    rows = [
        [str(row.account), str(row.account.user), row.account.get_mode_display(), row.why] for row in figures.not_ready
    ]
    return {"headers": ["Account", "Client", "Mode", "Why it cannot trade as wanted"], "rows": rows[:25]}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu: the rooms in the order of an operator's day, each only where the person may look."""
    groups = [
        {"title": title, "separator": True, "collapsible": False, "items": items}
        for title, entries in _MENU
        if (items := [item for entry in entries if (item := _item(request, *entry)) is not None])
    ]
    return [{"separator": False, "items": [_UNDER_WATCH]}, *groups] if _may_operate(request) else groups


def _may_operate(request: HttpRequest) -> bool:
    page = cast(ScopedAdmin, admin.site.get_model_admin(Trade))
    return page.has_operate_permission(request)


_UNDER_WATCH = {"title": "Under watch", "icon": "emergency", "link": reverse_lazy("admin:trading_trade_under_watch")}


def _item(request: HttpRequest, title: str, icon: str, model: str) -> dict[str, Any] | None:
    for known, page in admin.site._registry.items():
        if known._meta.label_lower == model:
            if not page.has_view_permission(request):
                return None
            name = f"admin:{known._meta.app_label}_{known._meta.model_name}_changelist"
            return {"title": title, "icon": icon, "link": reverse(name)}
    return None


_MENU: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Today",
        (
            ("Halts", "block", "risk.halt"),
            ("Flattenings", "emergency_home", "risk.flattenrequest"),
            ("Notifications", "notifications", "notifications.notification"),
            ("Signals", "sensors", "strategies.signal"),
            ("Trades", "swap_vert", "trading.trade"),
            ("Orders", "receipt_long", "trading.order"),
            ("Fills", "done_all", "trading.fill"),
            ("Positions", "inventory_2", "trading.position"),
        ),
    ),
    (
        "Clients",
        (
            ("People", "group", "users.user"),
            ("Broker accounts", "account_balance", "broker_accounts.brokeraccount"),
            ("Sign-ins", "login", "broker_accounts.loginattempt"),
            ("Subscriptions", "card_membership", "plans.subscription"),
            ("Plans", "sell", "plans.plan"),
            ("API keys", "key", "users.apikey"),
        ),
    ),
    (
        "Strategies",
        (
            ("Strategies", "insights", "strategies.strategy"),
            ("Subscribed accounts", "hub", "strategies.strategymap"),
            ("Waves", "waves", "trading.wave"),
            ("Intents", "flag", "trading.intent"),
            ("Day stops", "timer_off", "risk.daystop"),
        ),
    ),
    (
        "Markets",
        (
            ("Calendar", "calendar_month", "markets.tradingsession"),
            ("Confirmed through", "event_available", "markets.calendarhorizon"),
            ("Contracts", "description", "markets.instrument"),
            ("Contract syncs", "sync", "markets.instrumentsync"),
        ),
    ),
    (
        "House",
        (
            ("Audit trail", "history", "audit.auditevent"),
            ("Processes", "memory", "bus.heartbeat"),
            ("Leases", "lock_clock", "bus.lease"),
            ("Ended terms", "power_off", "bus.term"),
            ("Account books", "menu_book", "trading.accountstate"),
            ("Orders of others", "call_split", "trading.externalorder"),
            ("Tenants", "domain", "tenants.tenant"),
            ("Schedule", "schedule", "django_celery_beat.periodictask"),
        ),
    ),
)
