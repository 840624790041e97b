"""One-time codes of an authenticator: RFC 6238 over HMAC-SHA-1 with steps of 30 seconds. Pure."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

STEP_SECONDS = 30


def totp(secret: str, *, at: datetime, digits: int = 6) -> str:
    """Return the code an authenticator shows at a time.

    ``secret`` is its setup key in base32, in blocks or not, in any case; raises ``ValueError`` for what is none.
    """
    counter = int(at.timestamp()) // STEP_SECONDS
    digest = hmac.new(_key(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def _key(secret: str) -> bytes:
    text = "".join(secret.split()).upper().rstrip("=")
    try:
        key = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise ValueError("the secret is not base32") from None
    if not key:
        raise ValueError("the secret is empty")
    return key
