"""How IBKR knows its callers, and how it words what happens at every broker."""

from time import time
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.ibkr import oauth
from simulator.faces.ibkr.limits import WINDOWS, Bucket
from simulator.faces.ibkr.names import Names
from simulator.faces.ibkr.sessions import Brokerage, Session
from simulator.faces.ibkr.wire import failure, not_authenticated, refusal, success, too_many, unavailable
from simulator.faces.limits import CallLimits, Excess

BROKER = "ibkr"

_ISERVER, _OF_SESSION = "/v1/api/iserver/", "/v1/api/iserver/auth/"
_SKEW_SECONDS = 300
_TOKEN, _SESSION = web.RequestKey("ibkr.token", str), web.RequestKey("ibkr.session", Session)


class Question(FaceError):
    """An order that must be confirmed first: it is not placed, and what is answered is no error."""

    def __init__(self, body: list[dict[str, Any]], kinds: str) -> None:
        super().__init__(f"asked back: {kinds}", status=200)
        self.body = body


class IbkrCounter(Counter[web.Request]):
    """Where IBKR's calls are checked and spoilt; its reads are handed the request."""

    broker = BROKER
    bucket = Bucket.OTHER
    half = b'[{"order_id":"12'

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits))
        self.names = Names.of(desk.exchange.market)
        self.brokerage = Brokerage()

    async def asked(self, request: web.Request) -> web.Request:
        """Return the request."""
        return request

    def client(self, asked: web.Request) -> Client:
        """Return whose call it is: proved by a live token, and by the brokerage session where the address wants one."""
        client, token = self.proved(asked)
        asked[_TOKEN] = token
        asked[_SESSION] = self.brokerage.of(token)
        path = asked.rel_url.path.removeprefix(f"/{BROKER}")
        if path.startswith(_ISERVER) and not path.startswith(_OF_SESSION):
            asked[_SESSION] = self.brokerage.check(client, token)
        return client

    def proved(self, request: web.Request) -> tuple[Client, str]:
        """Return a signed request's client and live token; raises ``FaceError``."""
        parameters = oauth.parameters_of(request.headers.get("Authorization", ""))
        client = self.claimed(request)
        if client is None or parameters.get("oauth_signature_method") != "HMAC-SHA256" or not is_fresh(parameters):
            raise not_authenticated()
        texts = signed_texts(request, parameters)
        for token in self.desk.sessions.tokens(client.client):
            if oauth.hmac_proves(parameters, texts, token):
                return client, token
        raise not_authenticated()

    def claimed(self, request: web.Request) -> Client | None:
        """Return who a request says it is, by consumer key and access token."""
        parameters = oauth.parameters_of(request.headers.get("Authorization", ""))
        client = self.keyed(parameters.get("oauth_consumer_key", ""))
        return client if client is not None and client.api_secret == parameters.get("oauth_token") else None

    def success(self, data: Any) -> web.Response:
        """Encode a result."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Encode an error, or the question it is."""
        return success(error.body) if isinstance(error, Question) else failure(error)

    def session_lost(self) -> FaceError:
        """The 401."""
        return not_authenticated()

    def too_many(self, excess: Excess) -> FaceError:
        """The 429, which tells no numbers."""
        return too_many()

    def unavailable(self, status: int) -> FaceError:
        """The servers behind fail."""
        return unavailable(status)

    def timed_out(self) -> FaceError:
        """A 400 that proves nothing."""
        return refusal("Bad Request: the request timed out")

    def unknown_path(self, status: int) -> FaceError:
        """Nothing here."""
        return refusal("Resource not found" if status == 404 else "Method not allowed", status=status)


def session_of(request: web.Request) -> Session:
    """Return the session of a request whose client is known."""
    return request[_SESSION]


def token_of(request: web.Request) -> str:
    """Return the live token of a request whose client is known."""
    return request[_TOKEN]


def is_fresh(parameters: oauth.Parameters) -> bool:
    """Say whether a request was signed within the last minutes."""
    stamp = parameters.get("oauth_timestamp", "")
    return stamp.isdigit() and abs(int(stamp) - time()) <= _SKEW_SECONDS


def signed_texts(request: web.Request, parameters: oauth.Parameters) -> set[str]:
    """Return what may have been signed: a client may reach this address by another name than its ``Host`` says."""
    return oauth.base_strings(request.method, _addresses(request), parameters, dict(request.query))


def _addresses(request: web.Request) -> set[str]:
    hosts = {request.host}
    local = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if local:
        hosts |= {f"{local[0]}:{local[1]}", f"localhost:{local[1]}"}
    return {f"{scheme}://{host}{request.rel_url.path}" for host in hosts for scheme in ("http", "https")}
