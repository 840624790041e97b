"""Cancelling and changing an order: a dialog that says what it means, the request, and how far it is."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from apps.dashboard.forms import CancelOrderForm, ChangeOrderForm, new_key
from apps.dashboard.people import person_of, signed_in
from apps.dashboard.services import order_deeds
from apps.dashboard.services.order_lines import order_lines
from apps.dashboard.views.pages import frame
from apps.trading.models import ChangeRequest, Order
from apps.trading.services.order_requests import standing_of
from domain.order_changes import NotAllowed, Standing, check_cancel, check_changeable
from domain.prices import to_decimal, to_scaled


@require_http_methods(["GET", "POST"])
@signed_in
def cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ask before, then request, the cancel of one order."""
    order = _order(request, order_id)
    form = CancelOrderForm(request.POST or None)
    refusal = ""
    try:
        if request.method == "POST" and form.is_valid():
            made = order_deeds.cancel(person_of(request), order.pk, form.cleaned_data["key"])
            return redirect("dashboard:order-deed", key=made.key)
        check_cancel(standing_of(order))
    except NotAllowed as error:
        refusal = error.message
    return _dialog(request, "cancel_order", order, form, refusal, means=order_deeds.cancel_means(order))


@require_http_methods(["GET", "POST"])
@signed_in
def change(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ask for, then request, a new price, trigger or quantity of one order."""
    order = _order(request, order_id)
    standing = standing_of(order)
    form = ChangeOrderForm(request.POST or None, initial=_values(standing))
    refusal = ""
    try:
        if request.method == "POST" and form.is_valid():
            made = order_deeds.change(person_of(request), order.pk, form.cleaned_data["key"], form.wish())
            return redirect("dashboard:order-deed", key=made.key)
        check_changeable(standing)
    except NotAllowed as error:
        refusal = error.message
    can_ask = bool(order_lines([order])[0].can_change)
    more = {"means": order_deeds.change_means(order), "standing": standing, "can_ask": can_ask}
    return _dialog(request, "change_order", order, form, refusal, **more)


@require_GET
@signed_in
def progress(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show how far a request is."""
    try:
        deed = order_deeds.deed_of(person_of(request), key)
    except (ChangeRequest.DoesNotExist, Order.DoesNotExist):
        raise Http404 from None
    return _render(request, "order_deed", {"deed": deed, "key": key})


def _values(standing: Standing) -> dict[str, object]:
    """Return an order's values as a person would type them."""
    prices = {"price": standing.price, "trigger_price": standing.trigger_price}
    return {name: to_decimal(to_scaled(value)) for name, value in prices.items()} | {"quantity": standing.quantity}


def _order(request: HttpRequest, order_id: int) -> Order:
    try:
        return order_deeds.find(person_of(request), order_id)
    except Order.DoesNotExist:
        raise Http404 from None


def _dialog(request: HttpRequest, name: str, order: Order, form: Any, refusal: str, **more: Any) -> HttpResponse:
    context = {
        "form": form,
        "order": order_lines([order])[0],
        "refusal": refusal,
        "key": form.data.get("key") or new_key(),
        **more,
    }
    return _render(request, name, context)


def _render(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Return the dialog's inside to htmx, a whole page to a browser without scripts."""
    if request.headers.get("HX-Request"):
        return render(request, f"dashboard/parts/{name}.html", context)
    return render(
        request,
        "dashboard/order_deed.html",
        frame(request, part=f"dashboard/parts/{name}.html", page="orders", **context),
    )
