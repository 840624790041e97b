"""Alice Blue's envelopes: ``{"status": "Ok", "message": .., "result": [..]}``, and ``Not_ok`` with a code in its text.

Sign-in and history say ``stat`` and ``emsg``.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from domain.clock import IST
from simulator.faces.calls import FaceError

Row = dict[str, Any]

TEXTS = {
    "EC003": "An error occurred. Please try again later.",
    "EC087": "Session Expired",
    "EC088": "Single order slicing limit exceeded",
    "EC092": "'product' should be one of the following values: {'INTRADAY', 'LONGTERM', 'MTF'}.",
    "EC091": "'orderComplexity' should be one of the following values: {'REGULAR', 'AMO'}.",
    "EC807": "'product' - 'NORMAL' is not allowed in cash segment.",
    "EC837": "This product is not allowed for this segment.",
    "EC838": "This order type is not allowed.",
    "EC855": "Modification is not allowed.",
    "EC858": "Order placement not allowed for this exchange.",
    "EC865": "'product' - 'Delivery' is not allowed in FnO segment.",
    "EC869": "Insufficient buy quantity available for conversion.",
    "EC900": "'exchange' cannot be empty or null.",
    "EC901": "'exchange' should be one of the following values: { 'NSE', 'BSE', 'MCX', 'NFO', 'BFO', 'CDS', 'BCD'}.",
    "EC903": "'quantity' cannot be empty or null.",
    "EC906": "'product' cannot be empty or null.",
    "EC907": "'transactionType' cannot be empty or null.",
    "EC914": "'Request parameter' cannot be empty or null.",
    "EC916": "No orders found for this user.",
    "EC920": "No positions found for this user.",
    "EC922": "No holdings found for this user.",
    "EC926": "No trades found for this user.",
    "EC929": "'transactionType' should be one of the following values: {'BUY', 'SELL'}.",
    "EC930": "'orderType' should be one of the following values: {'LIMIT', 'MARKET', 'SL', 'SLM'}.",
    "EC932": "'validity' should be one of the following values: {'DAY', 'IOC'}.",
    "EC934": "'orderType' cannot be empty or null.",
    "EC941": "'instrumentId' cannot be empty or null.",
    "EC942": "'orderComplexity' cannot be empty or null.",
    "EC944": "'validity' cannot be empty or null.",
    "EC945": "'brokerOrderId' cannot be empty or null.",
    "EC946": "Invalid 'instrumentId'. It must contain only numeric characters.",
    "EC947": "'instrumentId' does not exist.",
    "EC949": "'quantity' should be a positive number.",
    "EC950": "'price' is required and cannot be empty or null.",
    "EC951": "'slTriggerPrice' is required and cannot be empty or null.",
    "EC954": "'quantity' should be a multiple of the lot size.",
    "EC957": "Invalid 'price'.",
    "EC958": "'price' cannot be zero or negative.",
    "EC959": "Invalid 'slTriggerPrice'.",
    "EC971": "'orderTag' should not exceed 50 characters",
    "EC972": "'algoId' should not exceed 12 characters.",
    "EC981": "Invalid 'disclosedQty'.",
    "EC984": "Invalid 'orderTag'.",
    "EC988": "'marketProtection' should be a positive number.",
    "EC993": "Provided 'brokerOrderId' is not in a valid state to modify the order.",
    "EC997": (
        "The specified order is not available in the order book and cannot be canceled. "
        "Please verify the order details and try again."
    ),
    "EC998": (
        "The specified order is not available in the order book, and order history cannot be retrieved. "
        "Please verify the order ID and try again."
    ),
    "EC999": (
        "The specified order is not available in the order book and cannot be modified. "
        "Please verify the order details and try again."
    ),
}
"""What the documented codes say."""


def refusal(code: str, *, status: int = 200) -> FaceError:
    """A refused call."""
    return FaceError(f"{code} : {TEXTS[code]}", status=status, code=code)


def session_expired() -> FaceError:
    """A session that is not valid (any more)."""
    return refusal("EC087", status=401)


async def read_json(request: web.Request) -> Any:
    """Return a body; raises ``FaceError`` for one that cannot be read."""
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise refusal("EC914") from None


def fields_of(body: Any) -> Mapping[str, Any]:
    """Return the fields of an object; raises ``FaceError`` for anything else."""
    if not isinstance(body, dict):
        raise refusal("EC914")
    return body


def bearer(request: web.Request) -> str:
    """Return the token of ``Authorization: Bearer ..``, "" where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else ""


def success(result: Any) -> web.Response:
    """Wrap a result; what is one row comes in a list all the same."""
    rows = result if isinstance(result, list) else [result]
    return as_json({"status": "Ok", "message": "Success", "result": rows})


def failure(error: FaceError) -> web.Response:
    """Wrap an error."""
    return as_json({"status": "Not_ok", "message": error.message, "result": []}, status=error.status)


def as_json(body: Any, *, status: int = 200) -> web.Response:
    """Encode a reply, Decimals as numbers."""
    return web.Response(status=status, body=orjson.dumps(body, default=_plain), content_type="application/json")


def stamp(moment: datetime | None) -> str:
    """Return ``2025-05-26 14:27:43``, "" for never."""
    return "" if moment is None else moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def request_time(moment: datetime) -> str:
    """Return ``26-May-2025 14:27:43``."""
    return moment.astimezone(IST).strftime("%d-%b-%Y %H:%M:%S")


def _plain(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no place in a reply")
