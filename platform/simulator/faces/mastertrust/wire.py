"""The platform's envelopes: ``{"data": .., "message": .., "status": "success"}``, and ``"error"`` with a code.

Searches and contracts' facts come as ``{"error": {"code": 0}, "result": ..}``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from domain.clock import IST
from domain.prices import to_decimal
from simulator.faces.calls import FaceError

Fields = Mapping[str, str]
Row = dict[str, Any]

INVALID, BACKEND, WENT_WRONG, UNAUTHORISED = "44000", "45000", "45010", "40000"
"""Codes: a field, a price or a quantity or the OMS behind, nobody knows, not signed in."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call says: its fields, of the query and of a JSON body alike, and the token it came with."""

    fields: Fields
    token: str


def invalid(name: str) -> FaceError:
    """A field that is missing or makes no sense."""
    return FaceError(f"`{name}` is invalid", status=400, code=INVALID)


def no_amount(name: str) -> FaceError:
    """A price or a quantity nobody could trade at."""
    return FaceError(f"`{name}` is invalid", status=400, code=BACKEND)


def backend(text: str) -> FaceError:
    """What the OMS behind the API answers."""
    return FaceError(f"Error from backend: {text}", status=400, code=BACKEND)


def went_wrong(status: int = 400) -> FaceError:
    """What nobody can tell."""
    return FaceError("Something went wrong", status=status, code=WENT_WRONG)


def unauthorised(status: int = 401) -> FaceError:
    """A session that is not valid (any more), or somebody else's account."""
    return FaceError("Request Unauthorised", status=status, code=UNAUTHORISED)


async def read_call(request: web.Request) -> Call:
    """Return what a request says; a body that is no JSON object says nothing.

    The token comes as a bearer or under the platform's own header; fastbt sends orders in the query.
    """
    fields = {**request.match_info, **request.query, **_object(await request.read())}
    return Call({name: _text(value) for name, value in fields.items()}, _token(request))


def required(fields: Fields, name: str) -> str:
    """Return a field that must be there."""
    value = fields.get(name, "").strip()
    if not value:
        raise invalid(name)
    return value


def success(data: Any, message: str = "") -> web.Response:
    """Wrap the result of a call."""
    return as_json({"data": data, "message": message, "status": "success"})


def found(result: Any) -> web.Response:
    """Wrap the result of a search."""
    return as_json({"error": {"code": 0, "message": ""}, "result": result})


def failure(error: FaceError) -> web.Response:
    """Wrap an error."""
    body: Row = {"data": {}, "message": error.message, "status": "error"}
    code = {"error_code": int(error.code)} if error.code else {}
    return as_json(code | body, status=error.status)


def as_json(body: Any, *, status: int = 200) -> web.Response:
    """Encode a reply."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def number(value: Decimal) -> int | float:
    """Return an amount as a JSON number: 72, 109.4."""
    return int(value) if value == value.to_integral_value() else float(value)


def rupees(scaled: int) -> int | float:
    """Return a scaled price as a JSON number."""
    return number(to_decimal(scaled))


def money(value: Decimal) -> str:
    """Return rupees with two decimals, as the order book writes them."""
    return f"{value:.2f}"


def seconds(moment: datetime | None) -> int:
    """Return epoch seconds; 0 for what has not happened."""
    return int(moment.timestamp()) if moment is not None else 0


def history_stamp(moment: datetime | None) -> str:
    """Return ``28-Mar-2025 10:22:17`` in India, as an order's history writes it."""
    return moment.astimezone(IST).strftime("%d-%b-%Y %H:%M:%S") if moment is not None else "--"


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        given = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return {}
    return given if isinstance(given, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else request.headers.get("X-Authorization-Token", "")
