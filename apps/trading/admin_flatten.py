"""Flattening on the operators' desk: asked for and typed out; the whole platform's takes a second person."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldBooleanWidget

from apps.broker_accounts.models import BrokerAccount
from apps.markets.clock import now
from apps.risk.models import FlattenRequest, HaltScope
from apps.tenants.admin_confirm import ConfirmForm, ask, confirmed
from apps.tenants.admin_scoping import ReadOnlyAdmin, ScopedAdmin, desk_action, is_installation_admin, person_of
from apps.tenants.models import Tenant
from apps.trading.models import Trade
from apps.trading.services.flatten import Target, live_trades
from apps.trading.services.flatten_request import ask_to_flatten, confirm_flatten, is_waiting, target_of
from apps.users.models import User

PLATFORM = Target(HaltScope.PLATFORM, 0, None, "the whole platform")


class FlattenForm(ConfirmForm):
    """Flattening is typed out, with a reason."""

    word = "FLATTEN"
    wants_reason = True

    halt = forms.BooleanField(
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
        label="Halt its entries, too",
        help_text="Otherwise the next signal may enter again.",
    )


class AgreeForm(ConfirmForm):
    """Agreeing is typed out, too."""

    word = "FLATTEN"


def flatten_urls(page: ScopedAdmin) -> list[URLPattern]:
    """Return the address of the page that flattens ``?account=``, ``?strategy=``, ``?tenant=`` or ``?platform=1``."""

    def view(request: HttpRequest) -> HttpResponse:
        return _flatten_page(page, request)

    return [path("flatten/", page.admin_site.admin_view(view), name="trading_trade_flatten")]


def _flatten_page(page: ScopedAdmin, request: HttpRequest) -> HttpResponse:
    if not page.has_operate_permission(request):
        raise Http404
    user, target = cast(User, request.user), _target(page, request)
    trades = live_trades(user, target).count()
    second = " A second person has to agree within ten minutes." if target == PLATFORM else ""
    return confirmed(
        page,
        request,
        form=ask(request, FlattenForm),
        title=f"Flatten {target.name}",
        text=f"{trades} live trades are asked to leave at once, at the market, in every account they are in.{second}",
        button=f"Flatten {trades} trades" if target != PLATFORM else "Ask to flatten everything",
        back=reverse("admin:risk_flattenrequest_changelist"),
        act=lambda data: _ask(target, user, data),
    )


def _target(page: ScopedAdmin, request: HttpRequest) -> Target:
    """Find what is named among what the person may see; anything else does not exist."""
    if request.GET.get("platform") == "1" and is_installation_admin(person_of(request)):
        return PLATFORM
    strategy: type[Model] = Trade._meta.get_field("strategy").related_model
    models: dict[str, type[Model]] = {"account": BrokerAccount, "strategy": strategy, "tenant": Tenant}
    for name, model in models.items():
        number = request.GET.get(name, "")
        if number.isdecimal() and len(number) <= 18:
            row = _seen(page, request, model).filter(pk=int(number)).first()
            if row is not None:
                tenant_id = row.pk if name == "tenant" else row.tenant_id
                return Target(HaltScope(name.upper()), row.pk, tenant_id, str(row))
    raise Http404


def _seen(page: ScopedAdmin, request: HttpRequest, model: type[Model]) -> "QuerySet[Any]":
    if model is Tenant:
        user = person_of(request)
        own = Tenant.objects.filter(users=cast(User, request.user))
        return Tenant.objects.all() if is_installation_admin(user) else own
    return cast("QuerySet[Any]", page.admin_site.get_model_admin(model).get_queryset(request))


def _ask(target: Target, user: User, data: dict[str, Any]) -> str:
    asked = ask_to_flatten(
        target=target, user=user, reason=data["reason"], halt=data["halt"], now=now(), wall=timezone.now()
    )
    if asked.trades is None:
        return "A second person has ten minutes to agree; the installation's admins were paged."
    return f"{asked.trades} trades of {target.name} were asked to leave."


@admin.register(FlattenRequest)
class FlattenRequestAdmin(ReadOnlyAdmin):
    """What was flattened, by whom, and what waits for a second person."""

    list_display = ("asked_at", "scope", "target", "reason", "asked_by", "state", "confirmed_by", "trades")
    list_filter = ("scope",)
    list_select_related = ("tenant", "strategy", "account", "asked_by", "confirmed_by")
    search_fields = ("reason", "asked_by__email")
    actions_detail = ["agree"]
    actions_list = ["everything"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the flattenings of the person's tenant."""
        rows = FlattenRequest.objects.for_user(cast(User, request.user))
        return cast("QuerySet[Model]", FlattenRequest.objects.filter(pk__in=rows.values("pk")))

    @admin.display(description="What is flattened")
    def target(self, row: FlattenRequest) -> str:
        """Its name."""
        return target_of(row).name

    @admin.display(description="State")
    def state(self, row: FlattenRequest) -> str:
        """Whether it was done."""
        if row.confirmed_at is not None:
            return "Done"
        return "Waits for a second person" if is_waiting(row, wall=timezone.now()) else "Lapsed"

    @desk_action("Flatten everything…", path="everything", icon="emergency_home")
    def everything(self, request: HttpRequest) -> HttpResponse:
        """Lead to the page that asks; a tenant's operator flattens the tenant."""
        user = person_of(request)
        target = "platform=1" if is_installation_admin(user) else f"tenant={user.tenant_id}"
        return redirect(f"{reverse('admin:trading_trade_flatten')}?{target}")

    @desk_action("Agree…", path="agree", icon="done_all")
    def agree(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Agree, as the second person."""
        row = cast(FlattenRequest, get_object_or_404(self.get_queryset(request), pk=object_id))
        user, target = cast(User, request.user), target_of(row)
        trades = live_trades(user, target).count()
        return confirmed(
            self,
            request,
            form=ask(request, AgreeForm),
            title=f"Flatten {target.name}, as {row.asked_by} asked",
            text=f"{trades} live trades are asked to leave at once, at the market. Reason given: {row.reason}",
            button=f"Flatten {trades} trades",
            back=reverse("admin:risk_flattenrequest_changelist"),
            act=lambda _: _agree(row, user),
        )


def _agree(row: FlattenRequest, user: User) -> str:
    trades = confirm_flatten(request=row, user=user, now=now(), wall=timezone.now())
    return f"{trades} trades were asked to leave."
