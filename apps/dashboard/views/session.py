"""Signing in and out, the risk disclosure, legal texts."""

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.dashboard.context import brand_of
from apps.dashboard.forms import SignInForm
from apps.dashboard.people import person_of, signed_in
from apps.dashboard.services import risk_notice
from apps.dashboard.services.live_access import SIGNED_OUT_NOTICE
from bus import live


class SignIn(LoginView):
    """Sign in with e-mail and password."""

    authentication_form = SignInForm  # type: ignore[assignment]
    template_name = "dashboard/login.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again; a blocked address learns it by status, too."""
        response = super().form_invalid(form)
        blocked = any(error.code == "blocked" for error in form.non_field_errors().as_data())
        response.status_code = 429 if blocked else 200
        return response


class SignOut(LogoutView):
    """Sign out; POST only."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session, and with it the person's live sockets at once."""
        user_id = request.user.pk
        response = super().post(request, *args, **kwargs)
        live.announce([user_id] if user_id else [], "notice", {"code": SIGNED_OUT_NOTICE})
        return response


@require_POST
@signed_in
def acknowledge_risk(request: HttpRequest) -> HttpResponse:
    """Remember that the disclosure in force was acknowledged."""
    risk_notice.acknowledge(request, user=person_of(request), brand=brand_of(request))
    return HttpResponse(status=204) if request.headers.get("HX-Request") else redirect("dashboard:home")


def legal(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one of the brand's legal texts; anybody may read them."""
    own = brand_of(request)
    document = next((entry for entry in (*own.documents, own.risk) if entry.slug == slug), None)
    if document is None:
        raise Http404
    return render(request, "dashboard/legal.html", {"document": document})
