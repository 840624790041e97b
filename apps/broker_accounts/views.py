"""Where brokers post order updates, and where a client's browser passes on its way to the broker and back."""

from typing import cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.broker_accounts.forms import OwnCredentialsForm
from apps.broker_accounts.models import Bridge, BrokerAccount
from apps.broker_accounts.services import bridge_tokens, connecting, postbacks
from apps.broker_accounts.services.bridge_tokens import has_bridge
from apps.broker_accounts.services.credentials import BadCredentials, fields_for, set_credentials
from apps.broker_accounts.services.links import BadState, account_of, callback_url
from apps.users.models import User
from brokers.catalog import UnknownBroker, spec_of
from brokers.mt5 import PROGRAM
from brokers.postbacks import BODY_LIMIT
from bus import commands
from domain.broker_spec import SignInKind

_LOOKS = 15
"""How many times, a second apart, the browser asks for the broker's page before it is told that nobody answers."""


@csrf_exempt
@require_POST
def postback(request: HttpRequest, broker: str, reference: str) -> HttpResponse:
    """Take an order update. The worker that may unseal the secret verifies it; 200 only says that it was received."""
    account_id = account_of(reference)
    account = BrokerAccount.objects.active().filter(pk=account_id, broker=broker).first() if account_id else None
    if account is None:
        raise Http404
    if len(request.body) > BODY_LIMIT:
        return JsonResponse({"error": "TOO_LONG"}, status=413)
    try:
        body = postbacks.read_body(request.body)
    except postbacks.Malformed as error:
        return JsonResponse({"error": "MALFORMED", "detail": str(error)}, status=400)
    commands.check_postback(account.pk, body)
    return JsonResponse({"status": "received"})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest, broker: str, account_id: int) -> HttpResponse:
    """Ask, then begin a sign-in at the broker, or link the terminal that calls us."""
    account = _own(request, broker, account_id)
    if has_bridge(account):
        return _link(request, account)
    sign_in = spec_of(account.broker).sign_in
    if request.method == "GET":
        return render(request, "broker_accounts/connect.html", {"account": account, **_asked_of(request, account)})
    if sign_in.kind is SignInKind.KEYS:
        connecting.begin_with_keys(account=account, user=cast(User, request.user))
        messages.success(request, "A sign-in was asked for. The account is ready in a moment.")
        return redirect(settings.LOGIN_REDIRECT_URL)
    state = connecting.begin(account=account, user=cast(User, request.user), session=request.session)
    return redirect(_open_url(account, state, 0))


@never_cache
@login_required
@require_GET
def open_page(request: HttpRequest, broker: str, account_id: int) -> HttpResponse:
    """Go on to the broker's page as soon as the worker has said where it is.

    The first answer is always a page of ours: the form's content policy forbids to be redirected off this site.
    """
    account = _own(request, broker, account_id)
    state = request.GET.get("state", "")
    looks = int(request.GET["looks"]) if request.GET.get("looks", "").isdecimal() else 0
    try:
        page = connecting.page_of(
            state, broker=broker, account_id=account.pk, user=cast(User, request.user), session=request.session
        )
    except BadState as error:
        return _refuse(request, f"This sign-in cannot go on: {error}.", status=403)
    if looks and urlsplit(page).scheme in ("http", "https"):
        return HttpResponse(status=302, headers={"Location": page})
    if looks >= _LOOKS:
        return _refuse(request, "The sign-in service does not answer. Try again in a minute.", status=503)
    response = render(request, "broker_accounts/opening.html", {"account": account})
    response["Refresh"] = f"1; url={_open_url(account, state, looks + 1)}"
    return response


@never_cache
@login_required
@require_GET
def callback(request: HttpRequest, broker: str) -> HttpResponse:
    """Take the broker's one-use code from the browser that began the sign-in."""
    try:
        connecting.finish(
            broker=broker, query=request.GET.dict(), user=cast(User, request.user), session=request.session
        )
    except UnknownBroker as error:
        raise Http404 from error
    except BadState as error:
        return _refuse(request, f"This sign-in cannot be finished: {error}.", status=403)
    except connecting.BadCode as error:
        return _refuse(request, f"The sign-in failed: {error}.", status=400)
    messages.success(request, "Signed in at the broker. The account is ready in a moment.")
    return redirect(settings.LOGIN_REDIRECT_URL)


@sensitive_post_parameters()
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def credentials(request: HttpRequest, broker: str, account_id: int) -> HttpResponse:
    """Take what the account's own client writes about it; nothing that was written before is shown."""
    account, user = _own(request, broker, account_id), cast(User, request.user)
    asked = fields_for(account, user)
    if account.user_id != user.pk or not asked:
        raise Http404
    form = OwnCredentialsForm(request.POST if request.method == "POST" else None, user=user, asked=asked)
    if request.method == "POST" and form.is_valid() and _written(form, account, user):
        messages.success(request, "The credentials are sealed, and a sign-in was asked for.")
        return redirect(settings.LOGIN_REDIRECT_URL)
    context = {"account": account, "form": form, **_asked_of(request, account)}
    status = 200 if request.method == "GET" else 422
    return render(request, "broker_accounts/credentials.html", context, status=status)


@never_cache
@login_required
@require_GET
def program(request: HttpRequest, broker: str, account_id: int) -> HttpResponse:
    """Hand out the program a bridge's terminal runs."""
    if not has_bridge(_own(request, broker, account_id)):
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{PROGRAM.name}"'}
    return HttpResponse(PROGRAM.read_bytes(), content_type="application/octet-stream", headers=headers)


def _link(request: HttpRequest, account: BrokerAccount) -> HttpResponse:
    """Show how a terminal is linked; the one page a token is ever on is the answer to asking for it."""
    token = bridge_tokens.rotate(account, actor=cast(User, request.user)) if request.method == "POST" else ""
    context = {
        "account": account,
        "broker": spec_of(account.broker),
        "token": token,
        "address": settings.BASE_URL.rstrip("/"),
        "bridge": Bridge.objects.filter(account=account).first(),
    }
    response = render(request, "broker_accounts/bridge.html", context)
    response["Cache-Control"], response["Referrer-Policy"] = "no-store", "no-referrer"
    return response


def _written(form: OwnCredentialsForm, account: BrokerAccount, user: User) -> bool:
    try:
        set_credentials(account=account, fields=form.written, actor=user)
    except BadCredentials as error:
        form.add_error(None, str(error))
        return False
    commands.sign_in_account(account.pk)
    return True


def _asked_of(request: HttpRequest, account: BrokerAccount) -> dict[str, object]:
    """Return what the broker wants of the client, and the address to enter at the broker."""
    sign_in = spec_of(account.broker).sign_in
    return {
        "broker": spec_of(account.broker),
        "has_page": sign_in.kind is SignInKind.OAUTH,
        "callback": callback_url(account.broker) if sign_in.kind is SignInKind.OAUTH else "",
        "is_own": account.user_id == request.user.pk,
    }


def _own(request: HttpRequest, broker: str, account_id: int) -> BrokerAccount:
    """Return an account this person may see; anybody else's does not exist."""
    own = BrokerAccount.objects.for_user(cast(User, request.user)).active().exclude(broker="paper")
    account = own.filter(pk=account_id, broker=broker).select_related("tenant").first()
    if account is None:
        raise Http404
    return account


def _open_url(account: BrokerAccount, state: str, looks: int) -> str:
    path = reverse("broker_accounts:open", args=[account.broker, account.pk])
    return f"{path}?{urlencode({'state': state, 'looks': looks})}"


def _refuse(request: HttpRequest, text: str, *, status: int) -> HttpResponse:
    return render(request, "broker_accounts/refused.html", {"text": text}, status=status)
