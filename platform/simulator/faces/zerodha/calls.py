"""How Kite knows its callers, and how it words what happens at every broker."""

from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Counter, FaceError
from simulator.faces.desk import Desk
from simulator.faces.limits import CallLimits, Excess
from simulator.faces.zerodha.limits import WINDOWS, Bucket
from simulator.faces.zerodha.wire import (
    failure,
    not_allowed,
    not_found,
    order_error,
    success,
    token_error,
    too_many,
    unavailable,
)

BROKER = "zerodha"


class KiteCounter(Counter[web.Request]):
    """Where Kite's calls are checked and spoilt; its reads are handed the request."""

    broker = BROKER
    bucket = Bucket.OTHER
    half = b'{"status":"success","data":{"order_'

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CallLimits(WINDOWS, switch=desk.limits))

    async def asked(self, request: web.Request) -> web.Request:
        """Return the request."""
        return request

    def client(self, asked: web.Request) -> Client:
        """Return whose call it is, or raise the TokenException."""
        api_key, token = credentials(asked)
        return self.signed_in(self.keyed(api_key), token)

    def success(self, data: Any) -> web.Response:
        """Wrap a result."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Wrap an error."""
        return failure(error)

    def session_lost(self) -> FaceError:
        """The TokenException."""
        return token_error()

    def too_many(self, excess: Excess) -> FaceError:
        """The 429, which tells no numbers."""
        return too_many()

    def unavailable(self, status: int) -> FaceError:
        """The NetworkException."""
        return unavailable(status)

    def timed_out(self) -> FaceError:
        """An OrderException that proves nothing."""
        return order_error("The request timed out. Check the order book.")

    def unknown_path(self, status: int) -> FaceError:
        """The GeneralException."""
        return not_found() if status == web.HTTPNotFound.status_code else not_allowed()


def credentials(request: web.Request) -> tuple[str, str]:
    """Return api_key and access_token of ``Authorization: token key:token``; empty strings where absent."""
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    api_key, _, token = pair.strip().partition(":")
    return (api_key, token) if scheme == "token" else ("", "")
