"""When a broker's session ends. Pure."""

import base64
import binascii
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


class _Claims(msgspec.Struct):
    exp: float


def stated_expiry(token: str) -> datetime | None:
    """Return when a JWT says it dies (RFC 7519, 4.1.4); ``None`` for what is none or does not say. Proves nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return datetime.fromtimestamp(msgspec.json.decode(claims, type=_Claims).exp, tz=UTC)
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError, OSError):
        return None


def _next(hour: time, now: datetime) -> datetime:
    local = now.astimezone(IST)
    end = local.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    return end if local < end else end + timedelta(days=1)
