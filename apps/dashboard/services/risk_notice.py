"""The risk disclosure everybody acknowledges at sign-in, once per session and version."""

from django.http import HttpRequest

from apps.audit.services.record import record
from apps.dashboard.brands import Brand
from apps.users.models import User

_FLAG = "risk_acknowledged"


def is_due(request: HttpRequest, brand: Brand) -> bool:
    """Whether this session has not acknowledged the text in force."""
    return bool(request.session.get(_FLAG) != brand.risk.version)


def acknowledge(request: HttpRequest, *, user: User, brand: Brand) -> None:
    """Remember the consent in the session and, for good, in the audit trail."""
    request.session[_FLAG] = brand.risk.version
    record(
        "risk_disclosure_acknowledged",
        user,
        tenant_id=user.tenant_id,
        actor=user,
        brand=brand.slug,
        version=brand.risk.version,
    )
