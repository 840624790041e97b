"""What an access token says of itself: a JSON Web Token, whose payload is JSON in base64 (RFC 7519).

Its signature is Fyers' own affair: the token came from Fyers itself, and nothing is granted here on its word.
"""

import base64
import binascii
from datetime import UTC, datetime

import msgspec


class Claims(msgspec.Struct):
    """The claims that matter: the client, the end of the session, and the key of the market socket."""

    fy_id: str = ""
    exp: int | None = None
    hsm_key: str = ""

    @property
    def expires_at(self) -> datetime | None:
        """When the token dies; ``None`` where it does not say."""
        return None if self.exp is None else datetime.fromtimestamp(self.exp, tz=UTC)


def claims_of(token: str) -> Claims:
    """Return a token's claims; raises ``ValueError`` for what is no token."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JSON Web Token")
    try:
        payload = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        claims = msgspec.json.decode(payload, type=Claims)
        claims.expires_at  # noqa: B018 -- out of range, it is no time
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError, OverflowError, OSError) as error:
        raise ValueError("the token's claims cannot be read") from error
    return claims
