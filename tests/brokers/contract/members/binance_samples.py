"""What both of Binance's markets write in the same words."""

import json
from collections.abc import Callable, Mapping, Sequence

import orjson
from aiohttp import web

from domain.broker import Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.contracts import Contract
from tests.brokers.contract.member import File, Sample, Spoil, Status
from tests.brokers.contract.samples import NOT_FOUND_PAGE
from tests.brokers.contract.stage import Stage

SYMBOL = "BTCUSDT"
_S = OrderStatus
STATUSES = (
    Status("NEW", _S.OPEN),
    Status("NEW", _S.TRIGGER_PENDING, order_type=OrderType.SL),
    Status("PARTIALLY_FILLED", _S.PARTIALLY_FILLED, filled=20),
    Status("FILLED", _S.FILLED, filled=65),
    Status("CANCELED", _S.CANCELLED),
    Status("CANCELED", _S.CANCELLED, filled=20),
    Status("REJECTED", _S.REJECTED),
    Status("EXPIRED", _S.EXPIRED),
    Status("EXPIRED", _S.EXPIRED, filled=20),
    Status("EXPIRED_IN_MATCH", _S.EXPIRED),
)


def error(status: int, code: int, message: str, verdict: Verdict, *, is_margin: bool = False) -> Sample:
    """An error of Binance's."""
    body = orjson.dumps({"code": code, "msg": message})
    return Sample(f"{status} {code}: {message}", status, body, verdict, is_margin)


_V = Verdict
ERRORS = (
    error(401, -2014, "API-key format invalid.", _V.SESSION_LOST),
    error(400, -1021, "Timestamp for this request is outside of the recvWindow.", _V.REJECTED),
    error(400, -1022, "Signature for this request is not valid.", _V.REJECTED),
    error(400, -1121, "Invalid symbol.", _V.REJECTED),
    error(400, -2011, "Unknown order sent.", _V.REJECTED),
    error(500, -1001, "Internal error; unable to process your request. Please try again.", _V.UNKNOWN),
    error(503, -1008, "Request throttled by system-level protection.", _V.UNKNOWN),
    Sample("403 of the firewall", 403, b"<html>403 Forbidden</html>", _V.UNKNOWN, content_type="text/html"),
    NOT_FOUND_PAGE,
)
STRANGERS: Mapping[str, Mapping[str, object]] = {
    "/api/v3/exchangeInfo": {
        "symbol": "ETHBTC",
        "status": "TRADING",
        "baseAsset": "ETH",
        "quoteAsset": "BTC",
        "isSpotTradingAllowed": True,
        "orderTypes": ["LIMIT"],
        "filters": [],
    },
    "/fapi/v1/exchangeInfo": {
        "symbol": "BTCUSDT_261225",
        "status": "TRADING",
        "contractType": "CURRENT_QUARTER",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "orderTypes": ["LIMIT"],
        "filters": [],
    },
}
"""What each market lists beside what anybody here trades."""

DAY = {
    "e": "24hrTicker",
    "E": 1764442800123,
    "s": SYMBOL,
    "P": "0.110",
    "O": 1764356400123,
    "C": 1764442800123,
    "F": 1,
    "L": 2,
    "n": 2,
}
"""What a ticker says at both markets."""


def instead(body: bytes, content_type: str = "application/json") -> Spoil:
    """Another file."""
    return lambda file: File(body, content_type)


def without(name: str) -> Callable[[File], File]:
    """The file with a field of its first symbol missing."""

    def spoil(file: File) -> File:
        body = orjson.loads(file.body)
        del body["symbols"][0][name]
        return File(orjson.dumps(body), "application/json")

    return spoil


UNUSABLE: Mapping[str, Spoil] = {
    "empty": instead(b""),
    "no symbols": instead(b'{"symbols":[]}'),
    "no list of symbols": instead(b'{"timezone":"UTC"}'),
    "a list": instead(b"[]"),
    "missing field": without("filters"),
    "invalid UTF-8": lambda file: File(file.body.replace(b"BTC", b"B\xff\xfe", 1), "application/json"),
    "proxy page": instead(b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    "cut": lambda file: File(file.body[:-20], "application/json"),
}


def listing(*symbols: Mapping[str, object]) -> File:
    """A master of these entries."""
    body = {"timezone": "UTC", "serverTime": 1764442800000, "rateLimits": [], "exchangeFilters": []}
    return File(orjson.dumps(body | {"symbols": list(symbols)}), "application/json")


def told(data: Mapping[str, object], stream: str = "ticker", **change: object) -> str:
    """What a socket says of bitcoin."""
    return json.dumps({"stream": f"btcusdt@{stream}", "data": {**data, **change}})


async def confirmed(socket: web.WebSocketResponse) -> Sequence[str]:
    """Read and confirm a subscription; returns the streams it names."""
    asked = await socket.receive_json()
    await socket.send_json({"result": None, "id": asked["id"]})
    return [str(name) for name in asked["params"]]


def stage_of(traded: Contract, watched: Contract, *others: Contract) -> Stage:
    """A stage on which all but what is watched happens to one contract."""
    first, second = ((one.exchange, one.kind, one.underlying) for one in (traded, watched))
    return Stage(
        segments=(first,),
        liquid=first,
        second=second,
        watched=second,
        stopped=first,
        contracts=(traded, watched, *others),
        sample=traded,
        step=traded.multiplier,
    )
