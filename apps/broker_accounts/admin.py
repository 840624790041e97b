"""Broker accounts, their sign-ins and their sealed credentials on the operators' desk."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from unfold.widgets import INPUT_CLASSES, TEXTAREA_CLASSES

from apps.broker_accounts.forms import credential_inputs
from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession, LoginAttempt
from apps.broker_accounts.services.bridge_tokens import has_bridge, revoke
from apps.broker_accounts.services.credentials import fields_for, set_credentials
from apps.broker_accounts.services.links import callback_url, postback_url
from apps.broker_accounts.services.modes import choose_mode, end_hold, hold_on_paper, is_torn
from apps.broker_accounts.services.readiness import Ready, readiness_of
from apps.broker_accounts.services.sharding import emptiest_shard, is_under_way, move, move_all, planned_moves
from apps.tenants.admin_confirm import ConfirmForm, ask, confirmed
from apps.tenants.admin_scoping import ReadOnlyAdmin, ScopedAdmin, desk_action
from apps.users.models import User
from brokers.catalog import SPECS, spec_of
from bus import commands
from domain.broker_spec import CredentialField, SignInKind
from domain.clock import IST


def actor_of(request: HttpRequest) -> User:
    """Return who is signed in, as a row."""
    return cast(User, request.user)


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """An account; which broker and customer it is stays as it was made."""

    class Meta:
        model = BrokerAccount
        fields = (
            *("user", "broker", "client_id", "label", "wanted_mode", "is_active", "is_feed", "shard"),
            *("flatten_flips", "paper_cash"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "broker" in self.fields:
            self.fields["broker"] = forms.ChoiceField(choices=[(slug, spec.name) for slug, spec in SPECS.items()])
        if "shard" in self.fields and not self.instance.pk:
            self.fields["shard"].initial = emptiest_shard()

    def clean_user(self) -> User:
        """A client belongs to a tenant, and so does the account."""
        user = cast(User, self.cleaned_data["user"])
        if user.tenant_id is None:
            raise forms.ValidationError("This person belongs to no tenant.")
        return user

    def clean_shard(self) -> int:
        """A shard that runs; and no move while the old one may still have something on the wire."""
        shard = int(self.cleaned_data["shard"])
        if not 0 <= shard < settings.SHARDS:
            raise forms.ValidationError(f"There are shards 0 to {settings.SHARDS - 1}.")
        moves = self.instance.pk and "shard" in self.changed_data
        if moves and is_under_way(self.instance):
            raise forms.ValidationError("An order of the account is under way: it cannot move now.")
        return shard

    def clean(self) -> dict[str, Any]:
        """The paper broker trades on paper; one customer of a broker is one account."""
        data = super().clean() or {}
        broker = data.get("broker") or self.instance.broker
        if broker == "paper" and data.get("wanted_mode") == AccountMode.LIVE:
            self.add_error("wanted_mode", "An account at the paper broker cannot trade live.")
        if broker and is_torn(broker=broker, wanted=data.get("wanted_mode", ""), is_feed=bool(data.get("is_feed"))):
            field = "wanted_mode" if "wanted_mode" in self.changed_data else "is_feed"
            self.add_error(field, f"{SPECS[broker].name} gives a session one socket: feed or live trading, not both.")
        user, client_id = data.get("user"), data.get("client_id")
        same = BrokerAccount.objects.filter(broker=broker, client_id=client_id).exclude(pk=self.instance.pk)
        if user is not None and client_id and same.filter(tenant=user.tenant_id).exists():
            self.add_error("client_id", "There is an account of this customer already.")
        return data


class CredentialsForm(ConfirmForm):
    """What a broker needs or takes of an account; written, never shown back."""

    def __init__(self, *args: Any, asked: tuple[CredentialField, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        css = {"line": " ".join(INPUT_CLASSES), "area": " ".join(TEXTAREA_CLASSES)}
        self.fields = {**credential_inputs(asked, css=css), **self.fields}


def _state_of(account: BrokerAccount) -> Ready:
    """Return the account's readiness, read once per row."""
    known: Ready | None = account.__dict__.get("_readiness")
    if known is None:
        known = account.__dict__["_readiness"] = readiness_of([account])[0]
    return known


def _ist(at: datetime) -> str:
    return f"{at.astimezone(IST):%d %b %Y %H:%M} IST"


@admin.register(BrokerAccount)
class BrokerAccountAdmin(ScopedAdmin):
    """Accounts with their readiness for today."""

    client_path = "user"
    may_add = True
    may_change = True
    form = AccountForm
    list_display = (
        *("client_id", "label", "user", "broker", "mode", "mode_reason", "signed_in", "ready", "last_attempt"),
        *("shard", "is_active", "is_feed"),
    )
    list_filter = ("broker", "mode", "mode_reason", "is_active", "is_feed", "shard")
    list_select_related = ("user", "tenant")
    search_fields = ("client_id", "label", "user__email")
    fields = (
        *("user", "broker", "client_id", "label", "wanted_mode", "is_active", "is_feed", "shard", "paper_cash"),
        *("mode", "mode_reason", "signed_in", "ready", "last_attempt", "credentials_set_at", "postback", "callback"),
    )
    readonly_fields = (
        *("mode", "mode_reason", "signed_in", "ready", "last_attempt", "credentials_set_at", "postback", "callback"),
    )
    actions = ["sign_in_now", "to_paper", "off_hold", "spread"]
    actions_detail = ["credentials", "bridge", "end_bridge", "halt", "flatten"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Whose account it is and where is fixed once it is made."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "user", "broker", "client_id"] if obj is not None else fields

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Show the state only of accounts that exist."""
        fields = super().get_fields(request, obj)
        return fields if obj is not None else [name for name in fields if name not in self.readonly_fields]

    def save_model(self, request: HttpRequest, obj: BrokerAccount, form: Any, change: bool) -> None:
        """Save the row; the mode is the service's."""
        wanted = AccountMode(obj.wanted_mode)
        if not change:
            obj.tenant = cast(Any, obj.user.tenant)
            obj.wanted_mode = AccountMode.PAPER
        elif "wanted_mode" in form.changed_data:
            obj.wanted_mode = form.initial["wanted_mode"]
        shard = obj.shard
        if change:
            obj.shard = form.initial["shard"]
        obj.save()
        if shard != obj.shard and move([obj.pk], to=shard, actor=actor_of(request)).busy:
            messages.error(request, "An order of the account is under way: it stays in its shard. Try again.")
        if wanted != obj.wanted_mode:
            choose_mode(account=obj, wanted=wanted, actor=actor_of(request))

    @admin.display(description="Signed in until")
    def signed_in(self, account: BrokerAccount) -> str:
        """Until when the broker's session lasts."""
        until = _state_of(account).signed_in_until
        return _ist(until) if until else "-"

    @admin.display(description="Ready")
    def ready(self, account: BrokerAccount) -> str:
        """Whether the account trades as its client wants, or why not."""
        return _state_of(account).why or "Ready"

    @admin.display(description="Last sign-in attempt")
    def last_attempt(self, account: BrokerAccount) -> str:
        """When a sign-in was last tried and what became of it."""
        attempt = _state_of(account).last_attempt
        return f"{_ist(attempt.at)}: {'signed in' if attempt.ok else attempt.code}" if attempt else "-"

    @admin.display(description="Enter at the broker for order updates")
    def postback(self, account: BrokerAccount) -> str:
        """Where the broker posts order updates."""
        return "-" if account.broker == "paper" else postback_url(account)

    @admin.display(description="Enter at the broker as the redirect address")
    def callback(self, account: BrokerAccount) -> str:
        """Where the broker sends the browser after a sign-in."""
        has_page = spec_of(account.broker).sign_in.kind is SignInKind.OAUTH
        return callback_url(account.broker) if has_page else "-"

    @admin.action(description="Sign in now", permissions=["operate"])
    def sign_in_now(self, request: HttpRequest, rows: QuerySet[BrokerAccount]) -> None:
        """Ask the sessions worker to sign the accounts in."""
        accounts = [account for account in rows if account.broker != "paper" and account.is_active]
        for account in accounts:
            commands.sign_in_account(account.pk)
            self.log_change(request, account, "Sign-in asked for.")
        messages.success(request, f"{len(accounts)} sign-ins were asked for; reload for what became of them.")

    @admin.action(description="Spread over the execution shards", permissions=["operate"])
    def spread(self, request: HttpRequest, rows: QuerySet[BrokerAccount]) -> None:
        """Move those of the accounts that sit in a shard with more than its part."""
        chosen = set(rows.values_list("pk", flat=True))
        done = move_all({pk: shard for pk, shard in planned_moves().items() if pk in chosen}, actor=actor_of(request))
        messages.success(request, f"{len(done.moved)} accounts were moved.")
        if done.busy:
            messages.warning(request, f"{len(done.busy)} have an order under way and stay for now.")

    @admin.action(description="Hold on paper", permissions=["operate"])
    def to_paper(self, request: HttpRequest, rows: QuerySet[BrokerAccount]) -> None:
        """Send new entries to paper until the hold is ended."""
        held = sum(hold_on_paper(account=account, actor=actor_of(request)) for account in rows)
        messages.success(request, f"{held} accounts are held on paper. Live trades stay live.")

    @admin.action(description="End the hold on paper", permissions=["operate"])
    def off_hold(self, request: HttpRequest, rows: QuerySet[BrokerAccount]) -> None:
        """Give the accounts the mode their clients chose."""
        freed = sum(end_hold(account=account, actor=actor_of(request)) for account in rows)
        messages.success(request, f"{freed} holds were ended.")

    @desk_action("Credentials", path="credentials", icon="key")
    def credentials(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Write the account's credentials anew."""
        account = cast(BrokerAccount, get_object_or_404(self.get_queryset(request), pk=object_id))
        actor = actor_of(request)
        asked = fields_for(account, actor)
        names = [field.name for field in asked]
        return confirmed(
            self,
            request,
            form=ask(request, CredentialsForm, asked=asked),
            title=f"Credentials of {account}",
            text=_about_credentials(account),
            button="Write the credentials",
            back=reverse("admin:broker_accounts_brokeraccount_change", args=[account.pk]),
            act=lambda data: _set_credentials(account, {name: data[name] for name in names}, actor),
        )

    @desk_action("Link a terminal", path="bridge", icon="link")
    def bridge(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Go on to the page that makes the account's bridge token and says how the terminal is set up."""
        account = cast(BrokerAccount, get_object_or_404(self.get_queryset(request), pk=object_id))
        if not has_bridge(account):
            messages.error(request, f"{spec_of(account.broker).name} has no terminal that calls us.")
            return redirect(reverse("admin:broker_accounts_brokeraccount_change", args=[account.pk]))
        return redirect(reverse("broker_accounts:connect", args=[account.broker, account.pk]))

    @desk_action("End the terminal's token", path="end-bridge", icon="link_off")
    def end_bridge(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Answer the account's terminal no more."""
        account = cast(BrokerAccount, get_object_or_404(self.get_queryset(request), pk=object_id))
        return confirmed(
            self,
            request,
            form=ask(request, ConfirmForm),
            title=f"End the bridge token of {account}",
            text="Its terminal is turned away from now on, live exits wait, and its owner is told to link it again.",
            button="End the token",
            back=reverse("admin:broker_accounts_brokeraccount_change", args=[account.pk]),
            act=lambda _: _end_bridge(account, actor_of(request)),
        )

    @desk_action("Halt…", path="halt", icon="block")
    def halt(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Go on to the page that asks for the reason."""
        account = get_object_or_404(self.get_queryset(request), pk=object_id)
        return redirect(f"{reverse('admin:risk_halt_add')}?scope=ACCOUNT&account={account.pk}")

    @desk_action("Flatten…", path="flatten", icon="emergency_home")
    def flatten(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Go on to the page that asks twice."""
        account = get_object_or_404(self.get_queryset(request), pk=object_id)
        return redirect(f"{reverse('admin:trading_trade_flatten')}?account={account.pk}")


def _about_credentials(account: BrokerAccount) -> str:
    sign_in = spec_of(account.broker).sign_in
    set_at = f"Set {_ist(account.credentials_set_at)}." if account.credentials_set_at else "Not set."
    address = f" Our callback address there: {callback_url(account.broker)}" if sign_in.kind is SignInKind.OAUTH else ""
    return (
        f"{set_at} What is stored is sealed and never shown; writing replaces all of it. {sign_in.user_must}{address}"
    )


def _set_credentials(account: BrokerAccount, fields: dict[str, str], actor: User) -> str:
    set_credentials(account=account, fields=fields, actor=actor)
    commands.sign_in_account(account.pk)
    return "The credentials are sealed, and a sign-in was asked for."


def _end_bridge(account: BrokerAccount, actor: User) -> str:
    revoke(account, actor=actor)
    return "The token is ended."


@admin.register(BrokerSession)
class BrokerSessionAdmin(ReadOnlyAdmin):
    """The brokers' sessions of the last weeks."""

    tenant_path = "account__tenant"
    client_path = "account__user"
    list_display = ("account", "trading_date", "opened_at", "expires_at", "lost_at", "lost_reason")
    list_filter = ("trading_date", ("lost_at", admin.EmptyFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("account__client_id", "account__label", "account__user__email")


@admin.register(LoginAttempt)
class LoginAttemptAdmin(ReadOnlyAdmin):
    """Sign-ins that were tried."""

    tenant_path = "account__tenant"
    client_path = "account__user"
    list_display = ("at", "account", "ok", "code", "message")
    list_filter = ("ok", "code")
    list_select_related = ("account",)
    search_fields = ("account__client_id", "account__label", "account__user__email", "code")
