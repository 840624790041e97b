"""What an operator may write into a strategy: every rule is read by the parser that will trade it."""

from typing import Any, cast

from django import forms
from django.forms.models import BaseInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from apps.strategies.models import AlgoId, Strategy, StrategyLeg, StrategyMap
from apps.strategies.services.sources import parse_network
from apps.tenants.admin_confirm import ConfirmForm
from apps.users.models import User
from brokers.catalog import SPECS
from domain.expiries import ExpiryRuleError, Pick, parse_expiry_rule
from domain.instruments import Exchange, Kind
from domain.selectors import MAX_LEGS, StrikeRuleError, parse_strike_rule
from domain.symbols import DERIVATIVE_EXCHANGES, SymbolError, parse_symbol, symbol_of
from domain.venues import VENUES, venue_of

SHORTEST_ENTRY, LONGEST_ENTRY = 5, 3600
GRACES = [("0", "None: the old address ends now"), ("300", "5 minutes"), ("3600", "1 hour"), ("86400", "1 day")]


class AddressListField(forms.CharField):
    """Addresses and networks, one a line; kept as a list."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        """Show a list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Return the lines; raises ``ValidationError`` naming the one that is no address."""
        entries = str(super().clean(value) or "").replace(",", "\n").split()
        for entry in entries:
            try:
                parse_network(entry)
            except ValueError as error:
                raise forms.ValidationError(f"{entry!r} is no address and no network.") from error
        return entries


class StrategyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A strategy; its webhook addresses are made by an action of the page."""

    actor: User

    allowed_ips = AddressListField(required=False, help_text="One a line; empty lets every address send.")
    exchange = forms.ChoiceField(
        choices=[(one.value, one.value) for one in Exchange if one in DERIVATIVE_EXCHANGES or one in VENUES],
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Strategy
        exclude = ("created_at",)  # noqa: DJ006  # what the page shows is listed by the page

    def clean_underlying(self) -> str:
        """Underlyings are written in capitals."""
        return str(self.cleaned_data["underlying"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        """Rules that only make sense together; a slug is one of its tenant's."""
        data = super().clean() or {}
        if data.get("trail_after") and not data.get("trail_value"):
            self.add_error("trail_after", "There is no trail to begin.")
        if not 0 <= (data.get("buffer_percent") or 0) <= 50:
            self.add_error("buffer_percent", "A buffer is 0 to 50 percent.")
        if not SHORTEST_ENTRY <= (data.get("entry_timeout_seconds") or 0) <= LONGEST_ENTRY:
            self.add_error("entry_timeout_seconds", f"An entry waits {SHORTEST_ENTRY} to {LONGEST_ENTRY} seconds.")
        if data.get("product") == "MIS" and not data.get("square_off_at"):
            self.add_error("square_off_at", "An intraday position needs a time, or the broker squares it off itself.")
        if data.get("product") == "MIS" and venue_of(str(data.get("exchange") or "")).never_closes:
            self.add_error("product", "A market that never closes has no day a position could be of: NRML or CNC.")
        for kind, value in (("stop_kind", "stop_value"), ("trade_stop_kind", "trade_stop_value")):
            if data.get(kind) == "PERCENT" and (data.get(value) or 0) > 100:
                self.add_error(value, "No more than all of it can be lost: at most 100 percent.")
        if self._is_taken(str(data.get("slug") or "")):
            self.add_error("slug", "There is a strategy of this name in the address already.")
        return data

    def _is_taken(self, slug: str) -> bool:
        tenant = self.instance.tenant_id or self.actor.tenant_id or getattr(self.cleaned_data.get("tenant"), "pk", None)
        return Strategy.objects.filter(tenant=tenant, slug=slug).exclude(pk=self.instance.pk).exists()


class LegFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """A strategy's legs: at least one, at most ten, each naming a contract."""

    def clean(self) -> None:
        """Read each leg's rules as routing will."""
        super().clean()
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if not 1 <= len(kept) <= MAX_LEGS:
            raise forms.ValidationError(f"A strategy has 1 to {MAX_LEGS} legs.")
        for form in kept:
            self._check(form)

    def _check(self, form: forms.ModelForm) -> None:  # type: ignore[type-arg]
        data, venue = form.cleaned_data, venue_of(self.instance.exchange)
        if data.get("side") == "SELL" and not venue.can_short:
            form.add_error("side", "Nothing can be sold here that was not bought before.")
        if data.get("symbol"):
            self._check_symbol(form, str(data["symbol"]))
            return
        if venue.kind is not None:
            form.add_error("symbol", "Here a leg names its contract, for instance BTCUSDT.")
            return
        try:
            pick = parse_expiry_rule(str(data.get("expiry_rule") or "")).pick
        except ExpiryRuleError as error:
            form.add_error("expiry_rule", str(error))
            return
        if data.get("kind") == Kind.OPTION:
            self._check_option(form, pick)

    def _check_symbol(self, form: forms.ModelForm, text: str) -> None:  # type: ignore[type-arg]
        try:
            form.instance.symbol = symbol_of(parse_symbol(text, exchange=Exchange(self.instance.exchange)))
        except (SymbolError, ValueError) as error:
            form.add_error("symbol", str(error))

    def _check_option(self, form: forms.ModelForm, pick: Pick) -> None:  # type: ignore[type-arg]
        if pick is Pick.FUTURE:
            form.add_error("expiry_rule", "FRONT, NEXT and FAR are for futures; options use WEEK, MONTH or DTE.")
        if not form.cleaned_data.get("right"):
            form.add_error("right", "An option is a call or a put.")
        try:
            parse_strike_rule(str(form.cleaned_data.get("strike_rule") or ""))
        except StrikeRuleError as error:
            form.add_error("strike_rule", str(error))

    def save_new(self, form: forms.ModelForm, commit: bool = True) -> StrategyLeg:  # type: ignore[type-arg]
        """Number the leg after those there are."""
        last = StrategyLeg.objects.filter(strategy=self.instance).order_by("position").last()
        form.instance.position = last.position + 1 if last is not None else 1
        return cast(StrategyLeg, super().save_new(form, commit=commit))


class AlgoIdForm(forms.ModelForm):  # type: ignore[type-arg]
    """An algo id, for brokers that take one with an order."""

    broker = forms.ChoiceField(
        choices=[(slug, spec.name) for slug, spec in SPECS.items() if spec.algo_field], widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = AlgoId
        fields = ("broker", "algo_id")

    def clean(self) -> dict[str, Any]:
        """An id the broker would not take would keep every order from it."""
        data = super().clean() or {}
        spec, algo_id = SPECS.get(data.get("broker", "")), data.get("algo_id", "")
        if spec is not None and len(algo_id) > spec.algo_length:
            self.add_error("algo_id", f"{spec.name} takes at most {spec.algo_length} characters.")
        return data


class StrategyMapForm(forms.ModelForm):  # type: ignore[type-arg]
    """Subscribes an account to a strategy of its own tenant."""

    class Meta:
        model = StrategyMap
        exclude = ("created_at",)  # noqa: DJ006  # what the page shows is listed by the page

    def clean(self) -> dict[str, Any]:
        """Refuse another tenant's strategy."""
        data = super().clean() or {}
        strategy, account = data.get("strategy"), data.get("account")
        if strategy is not None and account is not None and strategy.tenant_id != account.tenant_id:
            self.add_error("account", "The account belongs to another tenant than the strategy.")
        return data


class RotateForm(ConfirmForm):
    """How long the address in use goes on working."""

    grace = forms.ChoiceField(choices=GRACES, initial="3600", widget=UnfoldAdminSelectWidget)
