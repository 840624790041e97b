"""Strategies, subscribed accounts, webhook addresses and the signal inspector on the operators' desk."""

from datetime import timedelta
from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from apps.strategies.admin_forms import AlgoIdForm, LegFormSet, RotateForm, StrategyForm, StrategyMapForm
from apps.strategies.admin_inspector import pretty, verdict_table
from apps.strategies.models import AlgoId, Signal, Strategy, StrategyLeg, StrategyMap, WebhookToken
from apps.strategies.services import tokens
from apps.tenants.admin_confirm import ConfirmForm, ask, confirmed
from apps.tenants.admin_scoping import ReadOnlyAdmin, ScopedAdmin, ScopedInline, desk_action
from apps.users.models import User

_OWN = admin.RelatedOnlyFieldListFilter  # the plain filter would name other tenants' rows


class LegInline(ScopedInline):
    """The legs, in the order they were added."""

    model = StrategyLeg
    formset = LegFormSet
    may_change = True
    fields = ("side", "lots", "symbol", "kind", "right", "strike_rule", "expiry_rule")


class AlgoIdInline(ScopedInline):
    """What the strategy is registered as, broker by broker."""

    model = AlgoId
    form = AlgoIdForm
    may_change = True
    fields = ("broker", "algo_id")


@admin.register(Strategy)
class StrategyAdmin(ScopedAdmin):
    """What is traded. Strategies are switched off, never deleted."""

    may_add = True
    may_change = True
    form = StrategyForm
    inlines = (LegInline, AlgoIdInline)
    list_display = ("name", "underlying", "product", "order_type", "square_off_at", "accounts", "is_active", "tenant")
    list_filter = ("is_active", "product", "underlying")
    list_select_related = ("tenant",)
    search_fields = ("name", "slug", "underlying")
    prepopulated_fields = {"slug": ("name",)}
    actions_detail = ["rotate_webhook", "revoke_webhook"]
    fieldsets = (
        (None, {"fields": ("tenant", "name", "slug", "description", "is_active")}),
        (
            "What",
            {"fields": (("underlying", "exchange"), ("product", "order_type"), ("on_buy", "on_sell"), "allowed_ips")},
        ),
        (
            "Each leg's exit",
            {
                "fields": (
                    *(("stop_kind", "stop_value"), ("target_kind", "target_value")),
                    *(("trail_kind", "trail_value", "trail_after"), ("confirm_ticks", "buffer_percent")),
                )
            },
        ),
        (
            "The whole trade's exit",
            {"fields": (("trade_stop_kind", "trade_stop_value"), ("trade_target_kind", "trade_target_value"))},
        ),
        ("When", {"fields": (("entry_timeout_seconds", "keep_partial"), "square_off_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Count the accounts along."""
        rows = super().get_queryset(request).annotate(mapped=Count("maps", filter=Q(maps__is_active=True)))
        return cast("QuerySet[Model]", rows)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """A tenant's own people never choose the tenant."""
        names = self.get_fields(request, obj) if obj is None else None
        if names is None or "tenant" in names:
            return self.fieldsets
        (title, first), *rest = self.fieldsets
        return ((title, {"fields": tuple(name for name in first["fields"] if name != "tenant")}), *rest)

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form who asks."""
        form = super().get_form(request, obj, change, **kwargs)
        return type("StrategyForm", (form,), {"actor": request.user})

    @admin.display(description="Accounts", ordering="mapped")
    def accounts(self, strategy: Any) -> int:
        """How many accounts are subscribed."""
        return int(strategy.mapped)

    @desk_action("New webhook address", path="rotate-webhook", icon="key")
    def rotate_webhook(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Make a new address and show it, this once."""
        strategy = self._strategy(request, object_id)
        form = ask(request, RotateForm)
        if request.method == "POST" and form.is_valid():
            return self._show_address(request, strategy, timedelta(seconds=int(form.cleaned_data["grace"])))
        return confirmed(
            self,
            request,
            form=form,
            title=f"New webhook address: {strategy}",
            text="Alerts must be told the new address before the old one ends. It is shown once, on the next page.",
            button="Make a new address",
            back=self._page(strategy),
            act=lambda _: "",
        )

    @desk_action("End webhook addresses", path="revoke-webhook", icon="key_off")
    def revoke_webhook(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """End every address now."""
        strategy = self._strategy(request, object_id)
        actor = cast(User, request.user)
        return confirmed(
            self,
            request,
            form=ask(request, ConfirmForm),
            title=f"End the webhook addresses: {strategy}",
            text="No alert is taken any more until a new address is made. Open trades go on as they are.",
            button="End them now",
            back=self._page(strategy),
            act=lambda _: f"Addresses ended: {tokens.revoke_all(strategy, actor=actor)}.",
        )

    def _strategy(self, request: HttpRequest, object_id: int) -> Strategy:
        return cast(Strategy, get_object_or_404(self.get_queryset(request), pk=object_id))

    def _page(self, strategy: Strategy) -> str:
        return reverse("admin:strategies_strategy_change", args=[strategy.pk])

    def _show_address(self, request: HttpRequest, strategy: Strategy, grace: timedelta) -> HttpResponse:
        """The one page a token is ever on; nothing keeps it."""
        token = tokens.rotate(strategy, grace=grace, actor=cast(User, request.user))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"New webhook address: {strategy}",
            "text": "Copy it now: it cannot be shown again. Whoever knows it can send signals to this strategy.",
            "url": tokens.webhook_url(token),
            "back": self._page(strategy),
        }
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return TemplateResponse(request, "admin/strategies/webhook_url.html", context, headers=headers)


@admin.register(StrategyMap)
class StrategyMapAdmin(ScopedAdmin):
    """Which account follows which strategy, and how large; edited in the list, many at once."""

    tenant_path = "strategy__tenant"
    client_path = "account__user"
    may_add = True
    may_change = True
    form = StrategyMapForm
    list_display = (
        *("account", "client", "strategy", "lot_multiplier", "stop_value", "target_value"),
        *("day_loss_limit", "day_target", "is_active"),
    )
    list_editable = ("lot_multiplier", "stop_value", "target_value", "day_loss_limit", "day_target", "is_active")
    list_filter = (("strategy", _OWN), "is_active", "account__mode", "account__broker")
    list_select_related = ("account__user", "strategy")
    search_fields = ("account__client_id", "account__label", "account__user__email", "strategy__name")
    fields = (
        *("strategy", "account", "lot_multiplier", ("stop_value", "target_value"), ("day_loss_limit", "day_target")),
        "is_active",
    )
    actions = ["switch_on", "switch_off"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Whose account follows what is fixed once it is made: its trades hang on it."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "strategy", "account"] if obj is not None else fields

    @admin.display(description="Client", ordering="account__user__email")
    def client(self, strategy_map: StrategyMap) -> str:
        """Whose account it is."""
        return strategy_map.account.user.email

    @action(description="Switch on", permissions=["operate"])  # type: ignore[untyped-decorator]
    def switch_on(self, request: HttpRequest, queryset: QuerySet[StrategyMap]) -> None:
        """Let the chosen accounts follow their strategies."""
        self._switch(request, queryset, is_active=True)

    @action(description="Switch off", permissions=["operate"])  # type: ignore[untyped-decorator]
    def switch_off(self, request: HttpRequest, queryset: QuerySet[StrategyMap]) -> None:
        """Keep the chosen accounts out of new entries; open trades go on."""
        self._switch(request, queryset, is_active=False)

    def _switch(self, request: HttpRequest, rows: QuerySet[StrategyMap], *, is_active: bool) -> None:
        changed = list(rows.exclude(is_active=is_active))
        StrategyMap.objects.filter(pk__in=[row.pk for row in changed]).update(is_active=is_active)
        for row in changed:
            self.log_change(request, row, "Switched on." if is_active else "Switched off.")
        self.message_user(request, f"{len(changed)} switched {'on' if is_active else 'off'}.")


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    """The signal inspector: what was said, and what it meant for every client."""

    list_display = ("id", "received_at", "strategy", "kind", "status", "took_part", "left_out", "source_ip", "reason")
    list_filter = ("status", "kind", ("strategy", _OWN), "source", "received_at")
    list_select_related = ("strategy",)
    search_fields = ("=id", "dedupe_key", "strategy__name", "reason")
    date_hierarchy = "received_at"
    fields = (
        *(("strategy", "kind", "status", "reason"), ("received_at", "routed_at"), ("source", "source_ip")),
        *("dedupe_key", "wave_link", "verdicts", "payload_text", "raw_body"),
    )
    readonly_fields = ("wave_link", "verdicts", "payload_text")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Count the verdicts along."""
        rows = super().get_queryset(request).select_related("wave")
        counted = rows.annotate(
            taken=Count("wave__verdicts", filter=Q(wave__verdicts__taken=True)),
            skipped=Count("wave__verdicts", filter=Q(wave__verdicts__taken=False)),
        )
        return cast("QuerySet[Model]", counted)

    @admin.display(description="Took part")
    def took_part(self, signal: Any) -> int:
        """How many accounts took part."""
        return int(signal.taken)

    @admin.display(description="Left out")
    def left_out(self, signal: Any) -> int:
        """How many accounts did not, for some reason."""
        return int(signal.skipped)

    @admin.display(description="Wave")
    def wave_link(self, signal: Signal) -> SafeString | str:
        """The wave the signal became."""
        wave = getattr(signal, "wave", None)
        if wave is None:
            return "None yet" if signal.status == "ACCEPTED" else "None"
        url = reverse("admin:trading_wave_change", args=[wave.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, wave)

    @admin.display(description="Verdict per account")
    def verdicts(self, signal: Signal) -> SafeString:
        """Every account with its verdict, the reason and its trade."""
        return verdict_table(signal)

    @admin.display(description="Payload, secrets masked")
    def payload_text(self, signal: Signal) -> SafeString:
        """What was sent."""
        return pretty(signal.payload)


@admin.register(WebhookToken)
class WebhookTokenAdmin(ReadOnlyAdmin):
    """Webhook addresses: when they were made and until when they work; the token itself is kept nowhere."""

    tenant_path = "strategy__tenant"
    list_display = ("strategy", "created_at", "valid_until", "works")
    list_filter = (("strategy", _OWN), "created_at")
    list_select_related = ("strategy",)
    fields = ("strategy", "created_at", "valid_until", "works")
    readonly_fields = ("works",)

    @admin.display(description="Works", boolean=True)
    def works(self, token: WebhookToken) -> bool:
        """Whether alerts are taken at the address now."""
        return token.valid_until is None or token.valid_until > timezone.now()
