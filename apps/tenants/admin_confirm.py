"""Asking twice: a page that says what will happen, wants the password again, a word typed, a reason."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from apps.tenants.admin_scoping import Person, ScopedAdmin, person_of


class ConfirmForm(forms.Form):
    """What is asked for before a deed; subclasses add fields of their own before these.

    ``word`` must be typed as it stands; ``wants_reason`` asks why. The password proves who sits there.
    """

    word = ""
    wants_reason = False

    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Kept with your name.")
    typed = forms.CharField(max_length=40, label="To confirm", widget=UnfoldAdminTextInputWidget)
    password = forms.CharField(
        max_length=200,
        label="Your password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, user: Person, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._user = user
        self.fields["typed"].help_text = f"Type {self.word}."
        if not self.word:
            del self.fields["typed"]
        if not self.wants_reason:
            del self.fields["reason"]

    def clean_typed(self) -> str:
        """Compare with the word."""
        typed: str = self.cleaned_data["typed"]
        if typed != self.word:
            raise forms.ValidationError(f"Type {self.word} exactly.")
        return typed

    def clean_password(self) -> str:
        """Prove who asks."""
        if not self._user.check_password(self.cleaned_data["password"]):
            raise forms.ValidationError("This is not your password.")
        return ""


def confirmed(
    page: ScopedAdmin,
    request: HttpRequest,
    *,
    form: ConfirmForm,
    title: str,
    text: str,
    button: str,
    back: str,
    act: Callable[[dict[str, Any]], str],
) -> HttpResponse:
    """Show the question, or do the deed once it is answered rightly; ``act`` returns what to tell about it.

    ``act`` raises ``ValueError`` or ``PermissionError`` with a sentence when it refuses.
    """
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, act(form.cleaned_data))
        except (ValueError, PermissionError) as error:
            messages.error(request, str(error))
        return redirect(back)
    context = {
        **page.admin_site.each_context(request),
        "opts": page.model._meta,
        "title": title,
        "text": text,
        "button": button,
        "form": form,
        "back": back,
    }
    return TemplateResponse(request, "admin/confirm.html", context, status=200 if request.method == "GET" else 422)


def ask(request: HttpRequest, form: type[ConfirmForm], **kwargs: Any) -> ConfirmForm:
    """Return the form, bound when it was sent."""
    return form(request.POST if request.method == "POST" else None, user=person_of(request), **kwargs)
