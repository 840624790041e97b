"""The webhook TradingView posts to: the token is the only credential, one insert, then the answer.

It answers within TradingView's three seconds whatever else is down, and never with a 5xx once a signal is stored (a
5xx is sent again, up to three times).
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.markets import clock
from apps.strategies.services import tokens
from apps.strategies.services.intake import Received, receive
from apps.strategies.services.sources import Address, is_allowed, source_address
from apps.strategies.services.tokens import Hook
from domain.payload import MAX_BODY, Alert, PayloadCode, PayloadError, check_age, parse_alert

log = logging.getLogger(__name__)

_STATUS_OF = {
    PayloadCode.BODY_TOO_LARGE: 413,
    PayloadCode.UNSUPPORTED_TYPE: 415,
    PayloadCode.NO_ACTION: 422,
    PayloadCode.UNKNOWN_ACTION: 422,
    PayloadCode.CONFLICT: 422,
    PayloadCode.POSITION_UNCHANGED: 422,
    PayloadCode.STALE: 422,
    PayloadCode.FUTURE: 422,
}
"""400 is for what cannot be read, 422 for what was understood and is refused."""


class Refused(Exception):
    """The request ends here; nothing was stored."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


@csrf_exempt
def tradingview(request: HttpRequest, token: str) -> JsonResponse:
    """Take one alert: 202 for a new signal, 200 for one known already, 4xx with a reason code otherwise."""
    try:
        received = _take(request, token)
    except Refused as refusal:
        return _refuse(refusal)
    except PayloadError as error:
        return _refuse(Refused(_STATUS_OF.get(error.code, 400), error.code, error.message))
    except DatabaseError:
        log.exception("an alert could not be stored")
        return _refuse(Refused(503, "TRY_AGAIN", "The alert could not be stored; send it again."))
    return JsonResponse(
        {"status": received.status, "signal": received.signal_id}, status=202 if received.is_new else 200
    )


@csrf_exempt
def nowhere(request: HttpRequest) -> JsonResponse:
    """Answer what is no webhook."""
    return _refuse(Refused(404, "NOT_FOUND", "There is no such webhook."))


def _take(request: HttpRequest, token: str) -> Received:
    if request.method != "POST":
        raise Refused(405, "METHOD_NOT_ALLOWED", "Send the alert with POST.")
    declared = _declared_size(request)
    wall = timezone.now()
    hook = _hook(token, wall)
    caller = source_address(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.headers.get("X-Forwarded-For", ""),
        trusted=settings.TRUSTED_PROXIES,
    )
    _check_open(hook, caller)
    now = clock.market_clock().at(wall)
    body = _body(request, declared)
    alert = _alert(request, body, now)
    source_ip = str(caller) if caller is not None else None
    return receive(hook=hook, alert=alert, body=body, source_ip=source_ip, now=now, wall=wall)


def _declared_size(request: HttpRequest) -> int:
    declared = request.headers.get("Content-Length") or "0"
    if not (declared.isascii() and declared.isdecimal()):
        raise Refused(400, "BAD_LENGTH", "Content-Length is not a number.")
    if len(declared) > 9 or int(declared) > MAX_BODY:
        raise PayloadError(PayloadCode.BODY_TOO_LARGE, f"{declared[:20]} bytes, at most {MAX_BODY} are read")
    return int(declared)


def _hook(token: str, wall: datetime) -> Hook:
    hook = tokens.find(token, wall=wall)
    if hook is None:
        raise Refused(404, "NOT_FOUND", "There is no such webhook.")
    return hook


def _check_open(hook: Hook, caller: Address | None) -> None:
    if not is_allowed(caller, hook.allowed_ips):
        raise Refused(403, "SOURCE_NOT_ALLOWED", "This address may not send alerts to this webhook.")
    if not hook.is_tenant_active:
        raise Refused(409, "TENANT_DISABLED", "The platform of this webhook is switched off.")
    if not hook.is_strategy_active:
        raise Refused(409, "STRATEGY_DISABLED", "The strategy of this webhook is switched off.")


def _body(request: HttpRequest, declared: int) -> bytes:
    """Read one byte more than is allowed, so that a lying Content-Length shows; half an alert is none."""
    try:
        body = request.read(MAX_BODY + 1)
    except UnreadablePostError as error:
        raise Refused(400, "CUT_SHORT", "The body could not be read.") from error
    if len(body) < declared:
        raise Refused(400, "CUT_SHORT", "The body ended before it was complete.")
    return body


def _alert(request: HttpRequest, body: bytes, now: datetime) -> Alert:
    alert = parse_alert(body, request.headers.get("Content-Type", ""))
    check_age(alert, now=now, max_age=timedelta(seconds=settings.SIGNAL_MAX_AGE_SECONDS))
    return alert


def _refuse(refusal: Refused) -> JsonResponse:
    """Answer with a reason code, and log it here: Django's own line would carry the request, and its path the token."""
    log.warning("alert refused", extra={"code": refusal.code, "status": refusal.status})
    response = JsonResponse(
        {"status": "error", "code": refusal.code, "message": refusal.message}, status=refusal.status
    )
    response._has_been_logged = True  # type: ignore[attr-defined]
    if refusal.status == 405:
        response.headers["Allow"] = "POST"
    return response
