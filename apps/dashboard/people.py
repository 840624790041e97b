"""Who is asking: only signed-in people of an active tenant get past these."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.dashboard.context import live_url
from apps.users.models import User

View = Callable[..., HttpResponse]


def person_of(request: HttpRequest) -> User:
    """Return the signed-in person; only for views behind ``signed_in``."""
    return cast(User, request.user)


def may_sign_in(user: User) -> bool:
    """Whether the account and its tenant are in use."""
    return user.is_active and (user.tenant is None or user.tenant.is_active)


def signed_in(view: View) -> View:
    """Let only people of an active tenant in; others see the sign-in page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_sign_in(person_of(request)):
            logout(request)
            return redirect(settings.LOGIN_URL)
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return allow_socket(request, response)

    return cast(View, login_required(guarded))


def allow_socket(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the page open the socket where this browser reaches it, by whatever name."""
    address = live_url(request)
    if address:
        response._csp_update = {"connect-src": [address]}  # type: ignore[attr-defined]  # django-csp's own way
    return response


def client_ip(request: HttpRequest) -> str:
    """Return the caller's address; a forwarded one counts only when the hop before us is a trusted proxy."""
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if direct not in settings.TRUSTED_PROXIES:
        return direct
    hops = [hop.strip() for hop in str(request.headers.get("X-Forwarded-For", "")).split(",") if hop.strip()]
    return next((hop for hop in reversed(hops) if hop not in settings.TRUSTED_PROXIES), direct)
