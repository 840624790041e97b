"""How Fyers knows its callers, and how it words what happens at every broker."""

from time import time
from typing import Any

from aiohttp import hdrs, web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.fyers.limits import CALLS, MINUTE, WINDOWS, Blocked
from simulator.faces.fyers.names import Names
from simulator.faces.fyers.tokens import client_of, session_token
from simulator.faces.fyers.wire import REJECTED, bad_input, failure, no_session, refusal, success, too_many
from simulator.faces.limits import CallLimits, Excess

BROKER = "fyers"


class FyersCounter(Counter[web.Request]):
    """Where Fyers' calls are checked and spoilt; its reads are handed the request."""

    broker = BROKER
    bucket = CALLS
    half = b'{"s":"ok","code":1101,"message":"","id":"26'

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits))
        self.names = Names.of(desk.exchange.market)
        self._blocked = Blocked()

    async def asked(self, request: web.Request) -> web.Request:
        """Return the request."""
        return request

    def client(self, asked: web.Request) -> Client:
        """Return whose call it is, or raise the error of a token."""
        return self.authorized(asked.headers.get(hdrs.AUTHORIZATION, ""))

    def authorized(self, authorization: str) -> Client:
        """Return the client of ``appid:token``, or raise the error of a token.

        The SDK asks for the tokens of symbols with the token alone, which says itself whose it is.
        """
        app_id, token = pair_of(authorization)
        if not token:
            return self.signed_in(self.named(client_of(app_id)), session_token(app_id))
        return self.signed_in(self.keyed(app_id), session_token(token))

    def count(self, client: Client, bucket: str) -> None:
        """Count a call, or raise the refusal of one too many, all day where there were too many of them."""
        now = time()
        if self.desk.limits.enabled and self._blocked.is_blocked(client.client, now=now):
            raise too_many()
        excess = self.limits.take(who=client.client, bucket=bucket, now=now)
        if excess is None:
            return
        if excess.window.name == MINUTE:
            self._blocked.note(client.client, now=now)
        raise self.too_many(excess)

    def success(self, data: Any) -> web.Response:
        """Wrap a result."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""
        return failure(error)

    def session_lost(self) -> FaceError:
        """The error of a token."""
        return no_session()

    def too_many(self, excess: Excess) -> FaceError:
        """The 429, which tells no numbers."""
        return too_many()

    def unavailable(self, status: int) -> FaceError:
        """The error that names nothing."""
        return refusal(REJECTED, "internal server error", status=status)

    def timed_out(self) -> FaceError:
        """A refusal that proves nothing."""
        return refusal(REJECTED, "RED:Request timed out. Check the order book.")

    def unknown_path(self, status: int) -> FaceError:
        """Nothing of that name."""
        error = bad_input("Invalid URL" if status == web.HTTPNotFound.status_code else "Method not allowed")
        return FaceError(error.message, status=status, code=error.code)


def pair_of(authorization: str) -> tuple[str, str]:
    """Return app id and token of ``appid:token``; empty strings where absent."""
    app_id, _, token = authorization.strip().partition(":")
    return app_id.strip(), token.strip()
