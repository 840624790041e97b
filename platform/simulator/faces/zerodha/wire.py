"""Kite's envelopes: ``{"status": "success", "data": ..}`` and ``{"status": "error", "message".

.., "error_type": ..}``.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from domain.clock import IST


class KiteError(Exception):
    """An error reply: the HTTP status, Kite's ``error_type`` and its message."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message


def input_error(message: str) -> KiteError:
    """A missing or invalid field."""
    return KiteError(400, "InputException", message)


def order_error(message: str) -> KiteError:
    """An order that the broker's own checks refuse."""
    return KiteError(400, "OrderException", message)


def margin_error(message: str) -> KiteError:
    """Not enough money."""
    return KiteError(400, "MarginException", message)


def token_error(message: str = "Incorrect `api_key` or `access_token`.") -> KiteError:
    """A session that is not valid (any more)."""
    return KiteError(403, "TokenException", message)


def not_found(message: str = "Route not found") -> KiteError:
    """Nothing at this address."""
    return KiteError(404, "GeneralException", message)


def too_many() -> KiteError:
    """A call limit is used up."""
    return KiteError(429, "NetworkException", "Too many requests")


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the form fields of a request; raises ``KiteError`` for a body that is no form in readable text."""
    try:
        return {key: str(value) for key, value in (await request.post()).items()}
    except (ValueError, LookupError):
        raise input_error("The request body is not a readable form.") from None


def success(data: Any) -> web.Response:
    """Wrap a result. Decimals become JSON numbers, as Kite sends them."""
    return _json(200, {"status": "success", "data": data})


def failure(error: KiteError) -> web.Response:
    """Wrap an error."""
    body = {"status": "error", "message": error.message, "data": None, "error_type": error.error_type}
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
