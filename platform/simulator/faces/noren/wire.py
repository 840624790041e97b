"""Noren's envelopes: ``jData={..}&jKey=token`` in, ``{"stat": "Ok", ..}``, a list, or ``{"stat": "Not_Ok"}`` out.

Every value on the wire is a string.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import orjson
from aiohttp import web

from domain.clock import IST
from simulator.faces.calls import FaceError

Fields = Mapping[str, str]
Row = dict[str, Any]

_LARGEST_BODY = 65_536
_ABSENT = frozenset({"", "None", "null"})


def refusal(emsg: str, *, status: int = 200) -> FaceError:
    """A refused call: ``emsg`` is Noren's text. The documentation has refusals with HTTP 200 and with 400."""
    return FaceError(emsg, status=status)


def invalid(detail: str) -> FaceError:
    """A missing or unreadable field."""
    return refusal(f"Invalid Input : {detail}", status=400)


def refused_order(detail: str) -> FaceError:
    """An order the OMS's own checks turn down."""
    return refusal(f"Rejected : ORA:{detail}")


def no_data() -> FaceError:
    """What an empty book is."""
    return refusal('Error Occurred : 5 "no data"')


def session_expired() -> FaceError:
    """A session that is not valid (any more)."""
    return refusal("Session Expired : Invalid Session Key")


def server_timeout(status: int = 200) -> FaceError:
    """The OMS behind the gateway did not answer; it proves nothing."""
    return refusal("Server Timeout :  ", status=status)


async def read_call(request: web.Request) -> tuple[dict[str, str], str]:
    """Return a call's fields and its token; raises ``FaceError`` for a body that cannot be read.

    The token is ``jKey`` or, from newer clients, a bearer header. Clients send the body without a content type, as a
    form, or under a JSON one.
    """
    body = await request.read()
    try:
        pairs = dict(parse_qsl(body[:_LARGEST_BODY].decode(), keep_blank_values=True, max_num_fields=8))
        data = orjson.loads(pairs["jData"])
    except (ValueError, KeyError):
        raise invalid("jData is not valid json object") from None
    if not isinstance(data, dict):
        raise invalid("jData is not valid json object")
    return {str(key): _text(value) for key, value in data.items()}, pairs.get("jKey") or _bearer(request)


def required(fields: Fields, name: str) -> str:
    """Return a field that must be there."""
    value = fields.get(name, "").strip()
    if value in _ABSENT:
        raise invalid(f"Missing {name}")
    return value


def optional(fields: Fields, name: str) -> str:
    """Return a field or "": the SDK writes ``None`` for what it leaves out."""
    value = fields.get(name, "").strip()
    return "" if value in _ABSENT else value


def symbol_field(fields: Fields, name: str) -> str:
    """Return a trading symbol, which clients quote (``M%26M-EQ``) within the JSON."""
    return unquote_plus(required(fields, name))


def success(data: Row, *, now: datetime) -> web.Response:
    """Wrap the result of a call."""
    return as_json({"request_time": stamp(now), "stat": "Ok", **data})


def failure(error: FaceError, *, now: datetime) -> web.Response:
    """Wrap an error."""
    return as_json({"stat": "Not_Ok", "request_time": stamp(now), "emsg": error.message}, status=error.status)


def as_json(body: Any, *, status: int = 200) -> web.Response:
    """Encode a reply."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def stamp(moment: datetime) -> str:
    """Return ``19:59:32 13-12-2020``: IST, time first."""
    return moment.astimezone(IST).strftime("%H:%M:%S %d-%m-%Y")


def day_first(moment: datetime) -> str:
    """Return ``13-12-2020 19:59:32``, as fills and candles are stamped."""
    return moment.astimezone(IST).strftime("%d-%m-%Y %H:%M:%S")


def money(value: Decimal) -> str:
    """Return rupees with two decimals."""
    return f"{value:.2f}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else ""
