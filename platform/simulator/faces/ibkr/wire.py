"""IBKR's bodies: bare JSON where a call succeeds, ``{"error": "..", "statusCode": 400}`` where it does not.

An order that is turned down is an error with status 200, a question is a list with status 200.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from simulator.faces.calls import FaceError

Row = dict[str, Any]
Fields = Mapping[str, Any]

_LARGEST_BODY = 65_536


def refusal(message: str, *, status: int = 400) -> FaceError:
    """A refused call."""
    return FaceError(message, status=status)


def order_refusal(message: str) -> FaceError:
    """A new order that is turned down."""
    return FaceError(message, status=200)


def not_authenticated() -> FaceError:
    """A session that is not valid (any more)."""
    return FaceError("not authenticated", status=401)


def no_bridge() -> FaceError:
    """A call that needs the brokerage session, before there is one."""
    return FaceError("Bad Request: no bridge", status=400)


def accounts_first() -> FaceError:
    """A call that needs the accounts to have been asked for."""
    return FaceError("Please query /accounts first", status=400)


def too_many() -> FaceError:
    """A call limit is used up."""
    return FaceError("Too Many Requests", status=429)


def unavailable(status: int) -> FaceError:
    """The servers behind the gateway fail."""
    return FaceError("Service Unavailable", status=status)


async def read_json(request: web.Request) -> Any:
    """Return a body's JSON; an empty one is an empty object. Raises ``FaceError`` for what is none."""
    body = (await request.read())[:_LARGEST_BODY]
    if not body.strip():
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise refusal("Bad Request: Unable to parse JSON") from None


def success(data: Any, *, status: int = 200) -> web.Response:
    """Encode a result; Decimals become numbers."""
    return web.Response(status=status, body=dumps(data), content_type="application/json")


def failure(error: FaceError) -> web.Response:
    """Encode an error."""
    body: Row = {"error": error.message}
    if error.status != 200:
        body["statusCode"] = error.status
    return success(body, status=error.status)


def dumps(value: Any) -> bytes:
    """Encode JSON."""
    return orjson.dumps(value, default=_plain)


def number(value: Decimal) -> float:
    """Return a number as IBKR writes it: always with a fraction."""
    return float(value)


def text(value: Decimal) -> str:
    """Return a price as a text without a tail of noughts beyond two decimals."""
    exact = value.quantize(Decimal("0.01"))
    return f"{exact if exact == value else value.normalize():f}"


def _plain(value: object) -> float:
    if isinstance(value, Decimal):
        return number(value)
    raise TypeError(f"{type(value).__name__} has no place in a reply")
