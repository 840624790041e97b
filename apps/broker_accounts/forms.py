"""What people write about an account at its broker: written once, never shown back."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from apps.users.models import User
from domain.broker_spec import LONGEST_CREDENTIAL, CredentialField

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class WriteOnlyArea(forms.Textarea):
    """Several lines that no page shows again, not even the one that complains about them."""

    def format_value(self, value: Any) -> str:
        """Show nothing."""
        return ""


def credential_inputs(fields: Sequence[CredentialField], *, css: Mapping[str, str]) -> dict[str, forms.Field]:
    """Return a form's fields; ``css`` are the classes of a ``line`` and of an ``area``."""
    return {field.name: _input(field, css) for field in fields}


def _input(field: CredentialField, css: Mapping[str, str]) -> forms.Field:
    label = field.label if field.required else f"{field.label} (optional)"
    return forms.CharField(
        max_length=LONGEST_CREDENTIAL,
        label=label,
        required=field.required,
        help_text=field.help,
        widget=_widget(field, css),
    )


def _widget(field: CredentialField, css: Mapping[str, str]) -> forms.Widget:
    if field.lines:
        return WriteOnlyArea(attrs={**_PLAIN, "rows": 3, "class": css["area"]})
    if field.secret:
        return forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "class": css["line"]})
    return forms.TextInput(attrs={**_PLAIN, "class": css["line"]})


class OwnCredentialsForm(forms.Form):
    """A client's credentials, with the client's password as proof of who sits there."""

    password = forms.CharField(
        max_length=256,
        label="Your password here",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "input touch w-full"}),
    )

    def __init__(self, *args: Any, user: User, asked: Sequence[CredentialField], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        css = {"line": "input touch w-full", "area": "input touch w-full h-auto"}
        self.fields = {**credential_inputs(asked, css=css), **self.fields}

    def clean_password(self) -> str:
        """Prove who asks."""
        if not self._user.check_password(self.cleaned_data["password"]):
            raise forms.ValidationError("This is not your password.")
        return ""

    @property
    def written(self) -> dict[str, str]:
        """What was written; the password is not part of it."""
        return {name: value for name, value in self.cleaned_data.items() if name != "password"}
