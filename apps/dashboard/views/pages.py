"""The trader's pages. Each reads one board and renders it; parts of it are fetched again when something changed."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.dashboard.context import brand_of
from apps.dashboard.forms import HistoryForm, OrdersForm, ThemeForm, TradesForm
from apps.dashboard.people import person_of, signed_in
from apps.dashboard.services import risk_notice
from apps.dashboard.services.account_filter import Chosen, choose
from apps.dashboard.services.bell import bell_of
from apps.dashboard.services.board import Board
from apps.dashboard.services.feed import read_feed
from apps.dashboard.services.history import PAGE, closed_trades, day_totals
from apps.dashboard.services.market import market_hours
from apps.dashboard.services.order_lines import order_lines
from apps.dashboard.services.positions import position_lines
from apps.dashboard.services.prices import read_prices
from apps.dashboard.services.recovery import checks_of, externals_today, held_up_of
from apps.dashboard.services.summary import build_board, todays_orders
from apps.dashboard.services.timeline import timeline
from apps.dashboard.wording import trade_words
from apps.markets import clock
from apps.trading.models import Order, Trade
from apps.trading.wording import CHECKING
from apps.users.models import User
from domain.orders import LIVE_TRADES, UNRESOLVED, OrderStatus

PARTS = frozenset({"totals", "accounts", "trades", "orders", "watchlist", "closed", "bell"})
_REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.ABORTED, OrderStatus.ABSENT, OrderStatus.EXPIRED)
_STATES = {
    "working": UNRESOLVED,
    "filled": (OrderStatus.FILLED,),
    "refused": _REFUSED,
    "checking": CHECKING,
    "outside": (),  # of the orders of others there are rows of their own
}


def board_of(user: User) -> Board:
    """Return the person's board at this moment."""
    now = clock.now()
    feed = read_feed(now)
    return build_board(user, now=now, read_prices=read_prices, is_feed_stale=feed.is_stale)


def frame(request: HttpRequest, **more: Any) -> dict[str, Any]:
    """Return what every page of a signed-in person needs."""
    now = clock.now()
    return {
        "market": market_hours(now, person_of(request)),
        "feed": read_feed(now),
        "risk_due": risk_notice.is_due(request, brand_of(request)),
        "bell": bell_of(person_of(request)),
        "shown_at": timezone.now(),
        **more,
    }


@require_GET
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Show the dashboard."""
    return render(request, "dashboard/home.html", frame(request, board=board_of(person_of(request)), page="home"))


@require_GET
@signed_in
def parts(request: HttpRequest) -> HttpResponse:
    """Return the asked sections of the dashboard, fresh, from one reading: ``?show=totals,trades``."""
    names = request.GET.get("show", "").split(",")
    if not set(names) <= PARTS:
        raise Http404
    context: dict[str, Any] = {"parts": [f"dashboard/parts/{name}.html" for name in names]}
    if "bell" in names:
        context["bell"] = bell_of(person_of(request))
    if set(names) != {"bell"}:
        context["board"] = _filtered(request)
    return render(request, "dashboard/parts.html", context)


def _filtered(request: HttpRequest) -> Board:
    """Return the person's board with the trades the address asks for."""
    form, chosen = TradesForm(request.GET), choose(person_of(request), request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    board = board_of(person_of(request))
    return board.only(
        mode=asked.get("mode", ""), find=asked.get("find", ""), account_ids=None if chosen.is_all else chosen.ids
    )


@require_GET
@signed_in
def trades(request: HttpRequest) -> HttpResponse:
    """Show open trades and those of today that are over."""
    form, chosen = TradesForm(request.GET), choose(person_of(request), request.GET)
    context = {"board": _filtered(request), "form": form, "chosen": chosen, "page": "trades"}
    return render(request, "dashboard/trades.html", frame(request, **context))


@require_GET
@signed_in
def trade(request: HttpRequest, trade_id: int) -> HttpResponse:
    """Show one trade's legs and what happened to it, as a dialog's inside or as a page."""
    found = Trade.objects.for_user(person_of(request)).select_related("account", "strategy", "wave__signal")
    row = get_object_or_404(found, pk=trade_id)
    context = {
        "trade": row,
        "legs": row.legs.select_related("instrument"),
        "steps": timeline(row),
        "words": trade_words(row.status),
        "is_open": row.status in LIVE_TRADES,
        "checks": checks_of([row.pk]).get(row.pk, ()),
        "held_up": held_up_of([row.pk]).get(row.pk, ()),
    }
    if request.headers.get("HX-Request"):
        return render(request, "dashboard/parts/trade.html", context)
    return render(request, "dashboard/trade.html", frame(request, page="trades", **context))


@require_GET
@signed_in
def positions(request: HttpRequest) -> HttpResponse:
    """Show net positions as the brokers last showed them."""
    chosen = choose(person_of(request), request.GET)
    lines = position_lines(
        person_of(request), read_prices=read_prices, account_ids=None if chosen.is_all else chosen.ids
    )
    context = {"positions": lines, "chosen": chosen, "page": "positions"}
    return render(request, "dashboard/positions.html", frame(request, **context))


@require_GET
@signed_in
def orders(request: HttpRequest) -> HttpResponse:
    """Show today's orders, newest first, by state."""
    form, chosen = OrdersForm(request.GET), choose(person_of(request), request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    found = _orders_of(person_of(request), asked, chosen)
    page = list(found[: PAGE + 1])
    context = {
        "chosen": chosen,
        "kept": {"state": asked.get("state", "")},
        "orders": order_lines(page[:PAGE]),
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "externals": externals_today(person_of(request), chosen) if _shows_externals(asked) else [],
        "state": asked.get("state", ""),
        "states": form.fields["state"].choices,  # type: ignore[attr-defined]
    }
    return render(request, "dashboard/orders.html", frame(request, page="orders", **context))


def _shows_externals(asked: dict[str, Any]) -> bool:
    return asked.get("state", "") in ("", "outside") and not asked.get("before")


def _orders_of(user: User, asked: dict[str, Any], chosen: Chosen) -> QuerySet[Order]:
    found = todays_orders(user, clock.trading_date(clock.now()))
    if not chosen.is_all:
        found = found.filter(account_id__in=chosen.ids)
    if asked.get("state"):
        found = found.filter(status__in=_STATES[asked["state"]])
    return found.filter(pk__lt=asked["before"]) if asked.get("before") else found


@require_GET
@signed_in
def history(request: HttpRequest) -> HttpResponse:
    """Show closed trades of a span of days with their charges."""
    form = HistoryForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    found = closed_trades(
        person_of(request), since=asked.get("since"), until=asked.get("until"), mode=asked.get("mode", "")
    )
    page = list((found.filter(pk__lt=asked["before"]) if asked.get("before") else found)[: PAGE + 1])
    context = {
        "form": form,
        "trades": page[:PAGE],
        "totals": day_totals(found),
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "query": _query(request, page[PAGE - 1].pk) if len(page) > PAGE else "",
    }
    return render(request, "dashboard/history.html", frame(request, page="history", **context))


def _query(request: HttpRequest, before: int) -> str:
    query = request.GET.copy()
    query["before"] = str(before)
    return query.urlencode()


@require_http_methods(["GET", "POST"])
@signed_in
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show and change the person's own settings."""
    form = ThemeForm(request.POST or None, instance=person_of(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("dashboard:settings")
    accounts = board_of(person_of(request)).accounts
    return render(request, "dashboard/settings.html", frame(request, form=form, accounts=accounts, page="settings"))
