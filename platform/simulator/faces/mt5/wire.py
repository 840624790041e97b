"""Return codes of the trade server and last errors of the terminal, as MetaTrader 5 numbers and words them.

https://www.mql5.com/en/docs/constants/errorswarnings/enum_trade_return_codes
"""

from typing import Any

from aiohttp import web

from simulator.faces.calls import FaceError

PLACED, DONE, DONE_PARTIAL = 10008, 10009, 10010
REQUOTE, REJECT, ERROR, TIMEOUT = 10004, 10006, 10011, 10012
INVALID, INVALID_VOLUME, INVALID_PRICE, INVALID_STOPS = 10013, 10014, 10015, 10016
MARKET_CLOSED, NO_MONEY, INVALID_EXPIRATION = 10018, 10019, 10022
TOO_MANY_REQUESTS, NO_CHANGES, INVALID_FILL = 10024, 10025, 10030
INVALID_ORDER, POSITION_CLOSED, INVALID_CLOSE_VOLUME = 10035, 10036, 10038

UNAUTHORISED, NO_SUCH_CALL, NOT_FOUND = -6, -2, -4
"""Last errors of the terminal itself (``RES_E_AUTH_FAILED``, ``RES_E_INVALID_PARAMS``, ``RES_E_NOT_FOUND``)."""


class TradeError(FaceError):
    """A request the trade server does not take: a whole answer with a return code, not a failed call."""

    def __init__(self, retcode: int, message: str) -> None:
        super().__init__(message, status=200, code=str(retcode))


class TerminalError(FaceError):
    """A call the terminal itself does not answer."""

    def __init__(self, number: int, message: str, *, status: int = 400) -> None:
        super().__init__(message, status=status, code=str(number))


def result(retcode: int, *, comment: str, **numbers: Any) -> dict[str, Any]:
    """Return an ``MqlTradeResult``."""
    empty: dict[str, Any] = {"deal": 0, "order": 0, "volume": 0.0, "price": 0.0, "bid": 0.0, "ask": 0.0}
    return {"retcode": retcode, **empty, "comment": comment, "request_id": 0, "retcode_external": 0, **numbers}


def success(data: Any) -> web.Response:
    """Return what a call asked for."""
    return web.json_response({"result": data})


def failure(error: FaceError) -> web.Response:
    """Return a refused request as the trade server's result, anything else as the terminal's last error."""
    if isinstance(error, TradeError):
        return success(result(int(error.code), comment=error.message))
    return web.json_response({"last_error": [int(error.code or NO_SUCH_CALL), error.message]}, status=error.status)
