"""Access tokens as Fyers makes them: JSON Web Tokens that hold the key of the market socket."""

import base64
from datetime import datetime

import orjson

from simulator.clients import Client, Session

_LENGTH = 32
"""Digits of a session's own token."""


def access_token(client: Client, session: Session, *, app_id: str, now: datetime) -> str:
    """Return the token of a session; its signature is the session's own secret, which nobody could guess."""
    claims = {
        "iss": "api.fyers.in",
        "iat": int(now.timestamp()),
        "exp": int(session.expires_at.timestamp()),
        "nbf": int(now.timestamp()),
        "aud": ["x:0", "x:1", "x:2", "d:1", "d:2"],
        "sub": "access_token",
        "at_hash": app_id,
        "display_name": client.client,
        "oms": "K1",
        "hsm_key": f"{session.token}{client.client.encode().hex()}",
        "fy_id": client.client,
        "appType": 200,
    }
    return ".".join((_segment({"typ": "JWT", "alg": "HS256"}), _segment(claims), session.token))


def session_token(access_token: str) -> str:
    """Return the session's own token of an access token, "" for what is none."""
    _, _, rest = access_token.partition(".")
    return rest.partition(".")[2]


def client_of(access_token: str) -> str:
    """Return whose token it says it is, "" for what is none; its signature is what proves it."""
    segments = access_token.split(".")
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(segments[1] + "=="))
        return str(claims["fy_id"])
    except (IndexError, KeyError, TypeError, ValueError):
        return ""


def socket_key(key: str) -> tuple[str, str]:
    """Return the client and the session's own token of a market socket's key; empty ones for what is none."""
    token, name = key[:_LENGTH], key[_LENGTH:]
    try:
        return bytes.fromhex(name).decode(), token
    except ValueError:
        return "", ""


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")
