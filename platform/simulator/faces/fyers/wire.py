"""Fyers' envelopes: ``{"s": "ok", "code": 200, "message": ..}`` and ``{"s": "error", "code": -50, "message": ..}``."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from domain.clock import IST
from simulator.faces.calls import FaceError

Row = dict[str, Any]

INVALID_TOKEN, BAD_INPUT, BAD_ORDER_ID, NOT_PENDING, REJECTED, BAD_SYMBOL, TOO_MANY = (
    -16,
    -50,
    -51,
    -52,
    -99,
    -300,
    -429,
)
_RETRY_SECONDS = 1


def refusal(code: int, message: str, *, status: int = 400) -> FaceError:
    """Return an error of one of Fyers' codes."""
    return FaceError(message, status=status, code=str(code))


def bad_input(message: str) -> FaceError:
    """A parameter that is missing or wrong."""
    return refusal(BAD_INPUT, message)


def bad_symbol() -> FaceError:
    """A symbol of market data that nobody lists."""
    return refusal(BAD_SYMBOL, "Please provide a valid symbol")


def no_session() -> FaceError:
    """A token that is not valid (any more)."""
    return refusal(INVALID_TOKEN, "Could not authenticate the user", status=401)


def too_many() -> FaceError:
    """A call limit is used up; when to come back stands in headers."""
    return refusal(TOO_MANY, "request limit reached", status=429)


def success(data: Any, *, code: int = 200) -> web.Response:
    """Wrap a result: its keys stand beside the verdict, whose own give way."""
    return _json(200, {"s": "ok", "code": code, "message": "", **data})


def failure(error: FaceError) -> web.Response:
    """Wrap an error."""
    response = _json(error.status, {"s": "error", "code": int(error.code), "message": error.message})
    if error.status == web.HTTPTooManyRequests.status_code:
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
        response.headers["X-Retry-After-Ms"] = str(_RETRY_SECONDS * 1000)
    return response


async def read_json(request: web.Request) -> Row:
    """Return the object a request carries; raises ``FaceError``."""
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise bad_input("Invalid input") from None
    if not isinstance(body, dict):
        raise bad_input("Invalid input")
    return body


def stamp(moment: datetime) -> str:
    """Return Fyers' naive IST time, ``09-Mar-2023 09:34:38``."""
    return moment.astimezone(IST).strftime("%d-%b-%Y %H:%M:%S")


def number(value: Decimal) -> int | float:
    """Return a price as the number Fyers would send: 72, 109.4."""
    return int(value) if value == value.to_integral_value() else float(value)


def dumps(value: Any) -> bytes:
    """Encode JSON with Decimals as numbers."""
    return orjson.dumps(value, default=_plain)


def _plain(value: object) -> int | float:
    if isinstance(value, Decimal):
        return number(value)
    raise TypeError(f"{type(value).__name__} has no place in a reply")


def _json(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=dumps(body), content_type="application/json")
