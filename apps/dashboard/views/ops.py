"""What machines ask: is the process alive, can it serve, how is it."""

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from apps.dashboard.services.gauges import metrics_text
from apps.dashboard.services.health import readiness
from apps.dashboard.services.tradable import tradability


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; touches nothing else."""
    return JsonResponse({"status": "ok", "build": settings.BUILD_ID})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether requests can be served, check by check; 503 when one fails. ``?trading`` asks for signals, too."""
    checks = readiness()
    if "trading" in request.GET and all(check.is_ok for check in checks):
        checks += tradability()
    ready = all(check.is_ok for check in checks)
    body = {
        "status": "ready" if ready else "not ready",
        "checks": {check.name: {"ok": check.is_ok, "detail": check.detail, "ms": check.ms} for check in checks},
    }
    return JsonResponse(body, status=200 if ready else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the gauges to whoever knows the token; without a token configured nobody does."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    if not token or not secrets.compare_digest(given.encode(), token.encode()):
        return HttpResponse(
            "A token is needed.\n", status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"}
        )
    return HttpResponse(metrics_text(), content_type=CONTENT_TYPE_LATEST)
