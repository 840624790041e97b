"""What people type."""

import uuid
from datetime import date
from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from apps.dashboard.people import client_ip, may_sign_in
from apps.dashboard.services import attempts
from apps.dashboard.services.square_off import ALL_WORD
from apps.users.models import User
from domain.order_changes import Wish

_REFUSED = "The e-mail address and the password do not match an account."
_BLOCKED = "Too many attempts. Wait 15 minutes and try again."


class SignInForm(forms.Form):
    """E-mail and password. One message for every refusal, so that nobody learns who has an account."""

    email = forms.EmailField(
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "class": "input touch w-full"}),
    )
    password = forms.CharField(
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "input touch w-full"}),
    )

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        self.request = request
        self.user: User | None = None
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Check the pair, counting failures per address and e-mail."""
        cleaned = super().clean() or {}
        email, password = cleaned.get("email"), cleaned.get("password")
        if not email or not password or self.request is None:
            return cleaned
        ip = client_ip(self.request)
        if attempts.is_blocked(ip=ip, email=email):
            raise forms.ValidationError(_BLOCKED, code="blocked")
        user = authenticate(self.request, username=email, password=password)
        if not isinstance(user, User) or not may_sign_in(user):
            attempts.note_failure(ip=ip, email=email)
            raise forms.ValidationError(_REFUSED, code="refused")
        attempts.forget(ip=ip, email=email)
        self.user = user
        return cleaned

    def get_user(self) -> User | None:
        """Return who signed in."""
        return self.user


class SquareOffForm(forms.Form):
    """One press of the button: ``key`` makes a double click one request."""

    key = forms.UUIDField(widget=forms.HiddenInput)


class SquareOffAllForm(SquareOffForm):
    """Everything: the word must be typed; ``accounts`` narrows it."""

    word = forms.CharField(max_length=20, required=False)
    accounts = forms.TypedMultipleChoiceField(coerce=int, required=False)

    def __init__(self, *args: Any, account_ids: frozenset[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["accounts"]
        assert isinstance(field, forms.TypedMultipleChoiceField)  # noqa: S101  # narrows the type
        field.choices = [(key, str(key)) for key in sorted(account_ids)]

    def clean_word(self) -> str:
        """The typed word must match."""
        word = str(self.cleaned_data["word"]).strip().upper()
        if word != ALL_WORD:
            raise forms.ValidationError(f"Type {ALL_WORD} to confirm.", code="word")
        return word


class CancelOrderForm(forms.Form):
    """One press of the button: ``key`` makes a double click one request."""

    key = forms.UUIDField(widget=forms.HiddenInput)


class ChangeOrderForm(CancelOrderForm):
    """A resting order's new values; one left empty stays as it is."""

    price = forms.DecimalField(required=False, max_digits=14, decimal_places=4)
    trigger_price = forms.DecimalField(required=False, max_digits=14, decimal_places=4)
    quantity = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)

    def wish(self) -> Wish:
        """Return what is wished."""
        return Wish(**{name: self.cleaned_data[name] for name in ("price", "trigger_price", "quantity")})


class ThemeForm(forms.ModelForm):  # type: ignore[type-arg]
    """Light, dark or as the device."""

    class Meta:
        model = User
        fields = ["theme"]


class HistoryForm(forms.Form):
    """Which closed trades: filters live in the address."""

    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "input touch"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "input touch"}))
    mode = forms.ChoiceField(
        required=False,
        choices=[("", "Paper and live"), ("LIVE", "Live"), ("PAPER", "Paper")],
        widget=forms.Select(attrs={"class": "select touch"}),
    )
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """The span must run forwards."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if isinstance(since, date) and isinstance(until, date) and since > until:
            raise forms.ValidationError("The first day is after the last.", code="span")
        return cleaned


class TradesForm(forms.Form):
    """Which trades: the filter lives in the address."""

    mode = forms.ChoiceField(required=False, choices=[("", "Paper and live"), ("LIVE", "Live"), ("PAPER", "Paper")])
    find = forms.CharField(required=False, max_length=60)


class OrdersForm(forms.Form):
    """Which orders: filters live in the address."""

    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "All"),
            ("working", "Working"),
            ("filled", "Filled"),
            ("refused", "Refused"),
            ("checking", "Checking"),
            ("outside", "Outside"),
        ],
    )
    before = forms.IntegerField(required=False, min_value=1)


def new_key() -> str:
    """Return a fresh idempotency key."""
    return str(uuid.uuid4())
