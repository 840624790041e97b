"""Halts and day stops on the operators' desk."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.risk.models import DayStop, Halt, HaltScope
from apps.risk.services.halts import FreshSignIn, release_halt, set_halt
from apps.risk.wording import words_of
from apps.tenants.admin_confirm import ConfirmForm, ask, confirmed
from apps.tenants.admin_scoping import ReadOnlyAdmin, ScopedAdmin, desk_action
from apps.users.models import User

_TARGET = {HaltScope.TENANT: "tenant", HaltScope.STRATEGY: "strategy", HaltScope.ACCOUNT: "account"}


class HaltForm(forms.ModelForm):  # type: ignore[type-arg]
    """How far the halt reaches, and why."""

    actor: User

    class Meta:
        model = Halt
        fields = ("scope", "tenant", "strategy", "account", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.actor.tenant_id is not None and "scope" in self.fields:
            scopes = [(scope.value, scope.label) for scope in HaltScope if scope != HaltScope.PLATFORM]
            cast(forms.ChoiceField, self.fields["scope"]).choices = scopes

    def clean(self) -> dict[str, Any]:
        """Exactly the target the scope needs, and one the person runs."""
        data = super().clean() or {}
        if self.actor.tenant_id is not None:
            data["tenant"] = self.actor.tenant
        wanted = _TARGET.get(HaltScope(data["scope"])) if data.get("scope") else None
        for name in _TARGET.values():
            given = data.get(name)
            if name == wanted and given is None:
                self.add_error(name if name in self.fields else None, "Say what is halted.")
            elif name != wanted and given is not None and name != "tenant":
                self.add_error(name, "This does not belong to the scope.")
            elif name != "tenant" and given is not None and not self._runs(given):
                self.add_error(name, "This belongs to another tenant.")
        return data

    def _runs(self, row: Any) -> bool:
        return self.actor.tenant_id is None or row.tenant_id == self.actor.tenant_id

    def _post_clean(self) -> None:
        """The service makes the row: what the form puts together is never saved."""


@admin.register(Halt)
class HaltAdmin(ScopedAdmin):
    """Halts: set with a reason, released, never deleted or edited. Exits go on under every halt."""

    may_add = True
    form = HaltForm
    list_display = (
        *("created_at", "scope", "target", "reason_code", "why", "reason", "set_by", "released_at", "released_by"),
    )
    list_filter = ("scope", ("released_at", admin.EmptyFieldListFilter), "reason_code")
    list_select_related = ("tenant", "strategy", "account", "created_by", "released_by")
    search_fields = ("reason", "reason_code")
    fields = ("scope", "tenant", "strategy", "account", "reason")
    actions_detail = ["release"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the halts that reach the person's tenant."""
        reached = Halt.objects.for_user(cast(User, request.user)).values("pk")
        return cast("QuerySet[Model]", Halt.objects.filter(pk__in=reached))

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form who asks."""
        form = super().get_form(request, obj, change, **kwargs)
        return type("HaltForm", (form,), {"actor": request.user})

    @admin.display(description="What is halted")
    def target(self, halt: Halt) -> str:
        """What the halt stops."""
        found = {"TENANT": halt.tenant, "STRATEGY": halt.strategy, "ACCOUNT": halt.account}.get(halt.scope)
        return str(found) if found is not None else "Everything"

    @admin.display(description="In words")
    def why(self, halt: Halt) -> str:
        """What the account's owner reads."""
        return words_of(halt).why

    @admin.display(description="Set by", ordering="created_by")
    def set_by(self, halt: Halt) -> str:
        """Who halted it; the platform itself where nobody did."""
        return str(halt.created_by or "the platform")

    def save_model(self, request: HttpRequest, obj: Halt, form: Any, change: bool) -> None:
        """Halt by the service."""
        data = form.cleaned_data
        strategy, account, tenant = data.get("strategy"), data.get("account"), data.get("tenant")
        if strategy is not None or account is not None:
            tenant = (strategy or account).tenant
        halt = set_halt(
            scope=data["scope"],
            reason=data["reason"],
            actor=cast(User, request.user),
            tenant_id=tenant.pk if tenant is not None and data["scope"] != HaltScope.PLATFORM else None,
            strategy_id=strategy.pk if strategy is not None else None,
            account_id=account.pk if account is not None else None,
        )
        obj.__dict__.update(halt.__dict__)

    @desk_action("Release", path="release", icon="play_arrow")
    def release(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Let entries go on."""
        halt = cast(Halt, get_object_or_404(self.get_queryset(request), pk=object_id))
        return confirmed(
            self,
            request,
            form=ask(request, ConfirmForm),
            title=f"Release: {halt}",
            text=_release_text(halt, cast(User, request.user)),
            button="Release the halt",
            back=reverse("admin:risk_halt_changelist"),
            act=lambda _: _release(halt, cast(User, request.user)),
        )


def _release_text(halt: Halt, actor: User) -> str:
    """Say what releasing does and by what right this person may."""
    said = "New entries are taken again at once."
    if halt.scope == HaltScope.PLATFORM and halt.created_by_id == actor.pk:
        return f"{said} You set this halt yourself: a platform halt is released by a second person."
    if halt.created_by_id is None:
        return f"{said} The platform set this halt: {words_of(halt).why}. Make sure the cause is gone."
    if halt.created_by_id == actor.pk:
        return f"{said} You set this halt yourself: your password counts as a fresh sign-in, and is noted as such."
    return f"{said} {halt.created_by} set this halt; you are the second person."


def _release(halt: Halt, actor: User) -> str:
    """Release by the service; the password was typed a moment ago."""
    now = timezone.now()
    released = release_halt(halt=halt, actor=actor, now=now, proof=FreshSignIn(actor.pk, now))
    return "The halt is released." if released else "Somebody released it before."


@admin.register(DayStop)
class DayStopAdmin(ReadOnlyAdmin):
    """Maps that reached their limit of the day."""

    tenant_path = "strategy_map__strategy__tenant"
    client_path = "strategy_map__account__user"
    list_display = ("trading_date", "strategy_map", "reason", "net_pnl", "at")
    list_filter = ("reason", "trading_date")
    list_select_related = ("strategy_map__strategy", "strategy_map__account")
    search_fields = ("strategy_map__strategy__name", "strategy_map__account__client_id")
