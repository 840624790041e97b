"""When a broker's session ends. Pure."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, time, timedelta

import msgspec

from domain.broker import BrokerSpec
from domain.clock import IST

FOREVER = timedelta(days=3650)


def token_expiry(spec: BrokerSpec, now: datetime, *, stated: datetime | None = None) -> datetime:
    """Return when a token given now dies: the earliest of the SPEC's hour, its life, and what the broker stated."""
    ends = [now + (spec.token_lasts or FOREVER)]
    if spec.token_expires_at is not None:
        ends.append(_next(spec.token_expires_at, now))
    if stated is not None:
        ends.append(stated)
    return min(ends).astimezone(UTC)


def jwt_expiry(token: str) -> datetime | None:
    """Return the ``exp`` a JSON web token states (RFC 7519); ``None`` where it states none that can be read."""
    claims = token.split(".")[1:2] or [""]
    try:
        return datetime.fromtimestamp(_decoded(claims[0]).exp, tz=UTC)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError):
        return None


class _Claims(msgspec.Struct):
    exp: int


def _decoded(part: str) -> _Claims:
    return msgspec.json.decode(urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=_Claims)


def _next(hour: time, now: datetime) -> datetime:
    local = now.astimezone(IST)
    end = local.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    return end if local < end else end + timedelta(days=1)
