"""Binance's bodies: the data itself, or ``{"code": -1121, "msg": ..}``; decimals are text of eight places."""

import time
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from simulator.faces.calls import FaceError

EIGHT = Decimal("0.00000001")
UNREADABLE = {"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}}
"""What a socket of streams says to a text that is no message."""

_LIMITED = frozenset({429, 418})


class BinanceError(FaceError):
    """A refused call; ``data`` is what a failed cancel-replace says of its halves."""

    def __init__(self, code: int, message: str, *, status: int = 400, data: Any = None) -> None:
        super().__init__(message, status=status, code=str(code))
        self.data = data


def mandatory(name: str) -> BinanceError:
    """A parameter that must be there and is not, or is empty."""
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, pattern: str) -> BinanceError:
    """A parameter that is not of its shape."""
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def filtered(name: str) -> BinanceError:
    """An order one of its pair's filters holds back."""
    return BinanceError(-1013, f"Filter failure: {name}")


def bad_symbol() -> BinanceError:
    """A pair nobody lists."""
    return BinanceError(-1121, "Invalid symbol.")


def unknown_order() -> BinanceError:
    """Nothing of that id rests."""
    return BinanceError(-2011, "Unknown order sent.")


def success(data: Any) -> web.Response:
    """Return a result."""
    return _json(200, data)


def failure(error: FaceError) -> web.Response:
    """Return an error; one of haste says when to come back."""
    body = {"code": int(error.code), "msg": error.message}
    data = getattr(error, "data", None)
    response = _json(error.status, body if data is None else body | {"data": data})
    if error.status in _LIMITED:
        response.headers["Retry-After"] = str(60 - int(time.time()) % 60)
    return response


def dumps(value: Any) -> bytes:
    """Encode JSON with Decimals as text of eight places."""
    return orjson.dumps(value, default=_text)


def places(value: Decimal) -> str:
    """Return a number as Binance writes it."""
    return format(value.quantize(EIGHT), "f")


def stamp(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return places(value)
    raise TypeError(f"{type(value).__name__} has no place in a reply")


def _json(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=dumps(body), content_type="application/json")
