"""How Kotak knows its callers, and how it words what happens at every broker.

Calls of a session show its token (``Auth``) and id (``Sid``), those of market data the consumer key alone. Tokens are
JSON web tokens; which session one is for stands in it.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.kotak.names import Names
from simulator.faces.kotak.wire import Fields, failure, invalid_session, read_form, success
from simulator.faces.limits import CallLimits, Excess, Window

BUCKET = "call"
WINDOWS = {BUCKET: (Window(10, 1, "second"),)}
"""Ten calls a second, of whatever kind."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its fields, and the request they came with."""

    fields: Fields
    request: web.Request


class KotakCounter(Counter[Call]):
    """Where calls of a session are checked and spoilt."""

    broker = "kotak"
    bucket = BUCKET
    half = b'{"stat":"Ok","nOrd'

    def __init__(self, desk: Desk, limits: CallLimits | None = None) -> None:
        super().__init__(desk, limits or CallLimits(WINDOWS, switch=desk.limits))
        self.names = Names.of(desk.exchange.market)

    async def asked(self, request: web.Request) -> Call:
        """Read the body."""
        return Call(read_form(await request.read()), request)

    def client(self, asked: Call) -> Client:
        """Return whose session it is, or raise the session error."""
        headers = asked.request.headers
        return self.of_session(headers.get("Auth", ""), headers.get("Sid", ""))

    def of_session(self, token: str, sid: str) -> Client:
        """Return whose a session is, or raise the session error."""
        name, session = claims_of(token)
        if sid != sid_of(session):
            raise invalid_session()
        return self.signed_in(self.named(name), session)

    def success(self, data: Any) -> web.Response:
        """Wrap a result."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""
        return failure(error)

    def session_lost(self) -> FaceError:
        """The invalid session."""
        return invalid_session()

    def too_many(self, excess: Excess) -> FaceError:
        """The gateway's refusal."""
        return FaceError("Too many requests to the API", status=429, code="429")

    def unavailable(self, status: int) -> FaceError:
        """The order system does not answer."""
        return FaceError("Not able to communicate with OMS", status=status)

    def timed_out(self) -> FaceError:
        """A 400 that proves nothing."""
        return FaceError("The request timed out", status=400, code="400")

    def unknown_path(self, status: int) -> FaceError:
        """An address there is not."""
        return FaceError("Resource not found", status=status)


class DataCounter(KotakCounter):
    """Where calls of market data are checked and spoilt: they go by the consumer key."""

    def client(self, asked: Call) -> Client:
        """Return whose consumer key it is, or raise the session error."""
        client = self.keyed(asked.request.headers.get("Authorization", ""))
        if client is None:
            raise FaceError("Invalid or missing API token", status=401, code="401")
        return client


def token_of(client: str, session: str, *, kind: str, expires_at: datetime) -> str:
    """Return a token that names its session; the signature is nobody's."""
    head = {"alg": "RS256", "typ": "JWT"}
    claims = {"sub": client, "jti": session, "kType": kind, "exp": int(expires_at.timestamp())}
    return ".".join((_encoded(head), _encoded(claims), _encoded(hashlib.sha256(session.encode()).hexdigest())))


def claims_of(token: str) -> tuple[str, str]:
    """Return the client and the session a token names, empty where it names none."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["sub"]), str(claims["jti"])
    except (ValueError, KeyError, TypeError):
        return "", ""


def sid_of(session: str) -> str:
    """Return a session's id; it follows from the session, so that a restart finds the same one."""
    text = hashlib.sha256(f"sid:{session}".encode()).hexdigest()[:32]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _encoded(data: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(data)).decode().rstrip("=")
