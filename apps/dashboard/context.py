"""What every page knows: whose brand it wears, where the live socket is."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from apps.dashboard.brands import Brand, load_brand

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def brand_of(request: HttpRequest) -> Brand:
    """Return the brand of the signed-in person's tenant, else the installation's."""
    user = getattr(request, "user", None)
    tenant = user.tenant if user is not None and user.is_authenticated else None
    return load_brand(tenant.brand if tenant is not None else settings.BRAND)


def live_url(request: HttpRequest) -> str:
    """Return the socket's address as this browser reaches it; "" means the page's own host.

    The session cookie belongs to a host, not a port: a person who came by ``localhost`` must not be sent to
    ``127.0.0.1``.
    """
    if not settings.LIVE_URL:
        return ""
    parts = urlsplit(settings.LIVE_URL)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    asked = request.get_host().rsplit(":", 1)[0] if not request.get_host().endswith("]") else request.get_host()
    known = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else (parts.hostname or "")
    host = asked if {asked, known} <= _LOOPBACK else known
    port = f":{parts.port}" if parts.port else ""
    return f"{scheme}://{host}{port}{parts.path.rstrip('/') or '/ws/live'}/"


def brand(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``brand`` and ``live_url``."""
    return {"brand": brand_of(request), "live_url": live_url(request)}
