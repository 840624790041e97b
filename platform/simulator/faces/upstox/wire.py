"""Upstox's envelopes: ``{"status": "success", "data": ..}`` and ``{"status": "error", "errors": [..]}``.

https://upstox.com/developer/api-documentation/response-structure/
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from domain.clock import IST
from domain.prices import to_decimal
from simulator.faces.calls import FaceError

Body = Mapping[str, Any]


def invalid_input(message: str, code: str = "UDAPI100038", *, status: int = 400) -> FaceError:
    """A missing or invalid field; the codes of particular fields are told by ``code``."""
    return FaceError(message, status=status, code=code)


def invalid_token() -> FaceError:
    """A session that is not valid (any more)."""
    return FaceError("Invalid token used to access API", status=401, code="UDAPI100050")


def order_not_found() -> FaceError:
    """An order nobody knows, or a tag nobody bears."""
    return FaceError("Order not found", status=404, code="UDAPI100010")


def invalid_key() -> FaceError:
    """A key that names no contract."""
    return invalid_input("Invalid Instrument key", "UDAPI100011")


def not_found() -> FaceError:
    """Nothing at this address."""
    return FaceError("Resource not Found.", status=404, code="UDAPI100060")


def too_many() -> FaceError:
    """A call limit is used up."""
    return FaceError("Too Many Request Sent", status=429, code="UDAPI10005")


def unavailable(status: int) -> FaceError:
    """Something behind the gateway failed."""
    return FaceError("Something went wrong... please contact us", status=status, code="UDAPI100500")


async def read_json(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request; raises ``FaceError``."""
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise invalid_input("Invalid Input", "UDAPI100036") from None
    if not isinstance(body, dict):
        raise invalid_input("Invalid Input", "UDAPI100036")
    return body


def success(data: Any, *, latency: int | None = None) -> web.Response:
    """Wrap a result; v3 order calls tell how long they took, in milliseconds."""
    metadata = {} if latency is None else {"metadata": {"latency": latency}}
    return bare({"status": "success", "data": data, **metadata})


def failure(error: FaceError) -> web.Response:
    """Wrap an error, its fields in both spellings."""
    problem = {
        "errorCode": error.code,
        "message": error.message,
        "propertyPath": None,
        "invalidValue": None,
        "error_code": error.code,
        "property_path": None,
        "invalid_value": None,
    }
    return bare({"status": "error", "errors": [problem]}, status=error.status)


def bare(body: Any, *, status: int = 200) -> web.Response:
    """Encode a reply."""
    return web.Response(status=status, body=dumps(body), content_type="application/json")


def dumps(value: Any) -> bytes:
    """Encode JSON, Decimals as the fractions Upstox writes."""
    return orjson.dumps(value, default=_plain)


def rupees(scaled: int) -> float:
    """Return a market's price as Upstox writes it."""
    return float(to_decimal(scaled))


def stamp(moment: datetime | None) -> str | None:
    """Return a naive time of India, ``2023-10-19 13:25:56``."""
    return None if moment is None else moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def day_first(moment: datetime) -> str:
    """Return ``03-Aug-2017 15:03:42``, as trades are stamped."""
    return moment.astimezone(IST).strftime("%d-%b-%Y %H:%M:%S")


def iso(milliseconds: int) -> str | None:
    """Return ``2023-10-19T05:21:51.099+05:30``; ``None`` for no time."""
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=IST)
    return moment.isoformat(timespec="milliseconds") if milliseconds else None


def _plain(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no place in a reply")
