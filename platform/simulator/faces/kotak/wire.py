"""Kotak's envelopes: ``jData`` forms in, ``{"stat": "Ok", "stCode": 200, ..}`` or one of its refusals out.

Refusals of the order system come with HTTP 200 and a code of its own; what the gateway refuses has an HTTP status.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from domain.clock import IST
from simulator.faces.calls import FaceError

Fields = Mapping[str, str]
Row = dict[str, Any]

NO_DATA = "5203"
COMPLETED = "1021"
FIELDS = "400"
LOGIN = "401"
FAULT = "fault"

_LARGEST_BODY = 65_536


def invalid_session() -> FaceError:
    """A session that is not valid (any more)."""
    return FaceError("Invalid session", status=403, code="1003")


def no_data() -> FaceError:
    """What an empty book is."""
    return FaceError("No Data", status=200, code=NO_DATA)


def refused(code: int, message: str) -> FaceError:
    """A refusal of the order system."""
    return FaceError(message, status=200, code=str(code))


def invalid(detail: str) -> FaceError:
    """A field that cannot be used."""
    return FaceError(f"Invalid {detail}", status=400, code=FIELDS)


def missing(name: str) -> FaceError:
    """A field that is not there."""
    return FaceError(f"Missing required field '{name}'", status=400, code=FIELDS)


def not_signed_in(message: str) -> FaceError:
    """A step of the sign-in that failed."""
    return FaceError(message, status=401, code=LOGIN)


def fault(message: str) -> FaceError:
    """A refusal of the history service."""
    return FaceError(message, status=400, code=FAULT)


def success(data: Any) -> web.Response:
    """Wrap a list as ``data``, or put the verdict beside the fields of an answer."""
    verdict = {"stat": "Ok", "stCode": 200}
    return as_json({**verdict, "data": data} if isinstance(data, list) else {**data, **verdict})


def failure(error: FaceError) -> web.Response:
    """Word an error the way its kind is worded."""
    return as_json(_worded(error), status=error.status)


def as_json(body: Any, *, status: int = 200) -> web.Response:
    """Encode a reply."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form's ``jData``, empty where there is none that can be read."""
    try:
        pairs = dict(parse_qsl(body[:_LARGEST_BODY].decode(), keep_blank_values=True, max_num_fields=8))
        return _strings(orjson.loads(pairs["jData"]))
    except (ValueError, KeyError):
        return {}


def read_json(body: bytes) -> dict[str, str]:
    """Return the fields of a JSON body, empty where it cannot be read."""
    try:
        return _strings(orjson.loads(body[:_LARGEST_BODY]))
    except ValueError:
        return {}


def money(value: Decimal) -> str:
    """Return rupees with two decimals."""
    return f"{value:.2f}"


def day_first(moment: datetime) -> str:
    """Return ``22-Jan-2025 14:28:01``, IST."""
    return moment.astimezone(IST).strftime("%d-%b-%Y %H:%M:%S")


def spaced(moment: datetime) -> str:
    """Return ``22-Jan-2025 14: 28: 01``, as histories write it."""
    return day_first(moment).replace(":", ": ")


def year_first(moment: datetime) -> str:
    """Return ``2025/01/22 14:28:01``, IST."""
    return moment.astimezone(IST).strftime("%Y/%m/%d %H:%M:%S")


def _worded(error: FaceError) -> Row:
    if error.code in (FIELDS, "429"):
        return {"error": [{"code": error.code, "message": error.message}], "stat": "Not_Ok"}
    if error.code == LOGIN:
        return {"status": "error", "message": error.message, "errorCode": error.code}
    if error.code == FAULT:
        return {"fault": {"message": error.message}}
    if error.code == NO_DATA:
        return {"stCode": int(error.code), "errMsg": error.message, "desc": "data not found", "stat": "Not_Ok"}
    if error.code == COMPLETED:
        return {"stCode": int(error.code), "errMsg": error.message, "stat": "please provide valid order number"}
    return {"stat": "Not_Ok", "emsg": error.message, "stCode": int(error.code or error.status)}


def _strings(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    return {str(key): str(value) for key, value in data.items() if value is not None}
