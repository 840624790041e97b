"""Kite's envelopes: ``{"status": "success", "data": ..}`` and ``{"status": "error", "message".

.., "error_type": ..}``.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from domain.clock import IST
from simulator.faces.calls import FaceError


def input_error(message: str) -> FaceError:
    """A missing or invalid field."""
    return FaceError(message, status=400, code="InputException")


def order_error(message: str) -> FaceError:
    """An order that the broker's own checks refuse."""
    return FaceError(message, status=400, code="OrderException")


def margin_error(message: str) -> FaceError:
    """Not enough money."""
    return FaceError(message, status=400, code="MarginException")


def token_error(message: str = "Incorrect `api_key` or `access_token`.") -> FaceError:
    """A session that is not valid (any more)."""
    return FaceError(message, status=403, code="TokenException")


def not_found() -> FaceError:
    """Nothing at this address."""
    return FaceError("Route not found", status=404, code="GeneralException")


def not_allowed() -> FaceError:
    """Not by this method."""
    return FaceError("Method not allowed", status=405, code="GeneralException")


def unavailable(status: int) -> FaceError:
    """The servers behind the gateway fail."""
    return FaceError("The upstream server is not responding", status=status, code="NetworkException")


def too_many() -> FaceError:
    """A call limit is used up."""
    return FaceError("Too many requests", status=429, code="NetworkException")


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the form fields of a request; raises ``FaceError`` for a body that is no form in readable text."""
    try:
        return {key: str(value) for key, value in (await request.post()).items()}
    except (ValueError, LookupError):
        raise input_error("The request body is not a readable form.") from None


def success(data: Any) -> web.Response:
    """Wrap a result. Decimals become JSON numbers, as Kite sends them."""
    return _json(200, {"status": "success", "data": data})


def failure(error: FaceError) -> web.Response:
    """Wrap an error."""
    body = {"status": "error", "message": error.message, "data": None, "error_type": error.code}
    return _json(error.status, body)


def dumps(value: Any) -> bytes:
    """Encode JSON with Decimals as numbers."""
    return orjson.dumps(value, default=_plain)


def stamp(moment: datetime | None) -> str | None:
    """Return Kite's naive IST time, ``2021-05-31 09:18:57``."""
    return None if moment is None else moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def number(value: Decimal) -> int | float:
    """Return a price as the number Kite would send: 72, 109.4."""
    return int(value) if value == value.to_integral_value() else float(value)


def _plain(value: object) -> int | float:
    if isinstance(value, Decimal):
        return number(value)
    raise TypeError(f"{type(value).__name__} has no place in a reply")


def _json(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=dumps(body), content_type="application/json")
