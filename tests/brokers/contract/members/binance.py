"""Binance under the contract. Bodies follow https://developers.binance.com/docs/binance-spot-api-docs."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import orjson
from aiohttp import web

from brokers.binance.spec import SPEC
from brokers.catalog import simulated_endpoint
from domain.broker import Endpoint, Verdict
from domain.orders import OrderRequest, OrderStatus, OrderType
from tests.brokers.contract.bench import Bench
from tests.brokers.contract.contracts import Contract
from tests.brokers.contract.member import FeedSample, File, Member, Sample, Shown, Spoil, Status
from tests.brokers.contract.stage import Stage

_S = OrderStatus
_PAIR = "BTCUSDT"
_STEP = Decimal("0.00001")
_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.SL: "STOP_LOSS_LIMIT"}
SYMBOLS = {"bitcoin": _PAIR, "ether": "ETHUSDT", "a thousand of it": "1000SATSUSDT", "tiny": "PEPEUSDT"}
BITCOIN = Contract("bitcoin", "BINANCE", _PAIR, "SPOT", tick_size=Decimal("0.01"), multiplier=_STEP)
STAGE = Stage(
    segments=(("BINANCE", "SPOT", _PAIR),),
    liquid=("BINANCE", "SPOT", _PAIR),
    second=("BINANCE", "SPOT", "ETHUSDT"),
    watched=("BINANCE", "SPOT", "ETHUSDT"),
    stopped=("BINANCE", "SPOT", _PAIR),
    contracts=(
        BITCOIN,
        Contract(
            "ether", "BINANCE", "ETHUSDT", "SPOT", lot_size=10, tick_size=Decimal("0.01"), multiplier=Decimal("0.0001")
        ),
        Contract("a thousand of it", "BINANCE", "1000SATSUSDT", "SPOT", tick_size=Decimal("0.0001")),
        Contract("tiny", "BINANCE", "PEPEUSDT", "SPOT", tick_size=Decimal("0.00000001")),
    ),
    sample=BITCOIN,
    step=_STEP,
)
STATUSES = (
    Status("NEW", _S.OPEN),
    Status("PENDING_NEW", _S.OPEN),
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
_HEAVY = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
_BANNED = "Way too much request weight used; IP banned until 1764442800000."
_HASTY = "Too many new orders; current limit is 50 orders per 10 SECOND."
ERRORS = (
    error(401, -2014, "API-key format invalid.", _V.SESSION_LOST),
    error(401, -2015, "Invalid API-key, IP, or permissions for action.", _V.SESSION_LOST),
    error(400, -2015, "Invalid API-key, IP, or permissions for action, request ip: 10.0.0.1", _V.SESSION_LOST),
    error(429, -1003, _HEAVY, _V.RATE_LIMITED),
    error(418, -1003, _BANNED, _V.RATE_LIMITED),
    error(429, -1015, _HASTY, _V.RATE_LIMITED),
    error(400, -2010, "Account has insufficient balance for requested action.", _V.REJECTED, is_margin=True),
    error(400, -2010, "Market is closed.", _V.REJECTED),
    error(400, -2010, "Order would trigger immediately.", _V.REJECTED),
    error(400, -2010, "This action is disabled on this account.", _V.REJECTED),
    error(400, -2010, "This symbol is not supported for this account.", _V.REJECTED),
    error(400, -1013, "Filter failure: LOT_SIZE", _V.REJECTED),
    error(400, -1013, "Filter failure: PRICE_FILTER", _V.REJECTED),
    error(400, -1021, "Timestamp for this request is outside of the recvWindow.", _V.REJECTED),
    error(400, -1022, "Signature for this request is not valid.", _V.REJECTED),
    error(400, -1102, "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.", _V.REJECTED),
    error(400, -1111, "Parameter 'quantity' has too much precision.", _V.REJECTED),
    error(400, -1121, "Invalid symbol.", _V.REJECTED),
    error(400, -2011, "Unknown order sent.", _V.REJECTED),
    error(400, -2022, "Order cancel-replace failed.", _V.REJECTED),
    # An order with our id is there: whose answer was lost, the book tells.
    error(400, -2010, "Duplicate order sent.", _V.UNKNOWN),
    error(400, -2010, "Something nobody has seen before.", _V.UNKNOWN),
    error(400, -2010, "", _V.UNKNOWN),
    error(409, -2021, "Order cancel-replace partially failed.", _V.UNKNOWN),
    error(400, -1000, "An unknown error occurred while processing the request.", _V.UNKNOWN),
    error(500, -1001, "Internal error; unable to process your request. Please try again.", _V.UNKNOWN),
    error(
        400, -1006, "An unexpected response was received from the message bus. Execution status unknown.", _V.UNKNOWN
    ),
    error(400, -1007, "Timeout waiting for response from backend server. Send status unknown.", _V.UNKNOWN),
    error(503, -1008, "Request throttled by system-level protection.", _V.UNKNOWN),
    error(400, -1008, "Server is currently overloaded with other requests.", _V.UNKNOWN),
    error(500, -1013, "Filter failure: LOT_SIZE", _V.UNKNOWN),
    error(200, -1013, "Filter failure: LOT_SIZE", _V.UNKNOWN),
    error(200, -2015, "Invalid API-key, IP, or permissions for action.", _V.UNKNOWN),
    Sample("403 of the firewall", 403, b"<html>403 Forbidden</html>", _V.UNKNOWN, content_type="text/html"),
    Sample("404 page", 404, b"<html>not found</html>", _V.UNKNOWN, content_type="text/html"),
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("binance", base)


def fields(name: str) -> Mapping[str, str]:
    return {"api_key": f"key{name}", "api_secret": f"secret{name}", "pairs": _PAIR}


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "binance", "api_key": f"key{name}", "api_secret": f"secret{name}"}


async def renew(bench: Bench, name: str) -> None:
    """The owner lets the key live again."""
    await bench.control("clients", {"clients": [register(name)]})


def book(rows: Sequence[Shown]) -> bytes:
    return orjson.dumps([_order(row) for row in rows])


def _order(row: Shown) -> dict[str, object]:
    now, is_stop = int(time.time() * 1000), row.order_type is OrderType.SL
    return {
        "symbol": _PAIR,
        "orderId": int(row.order_id),
        "orderListId": -1,
        "clientOrderId": row.tag,
        "price": "91000.00000000",
        "origQty": _amount(row.quantity),
        "executedQty": _amount(row.filled),
        "cummulativeQuoteQty": _amount(row.filled * 91000),
        "status": row.status,
        "timeInForce": "GTC",
        "type": _TYPES[row.order_type],
        "side": "BUY",
        "stopPrice": "90000.00000000" if is_stop else "0.00000000",
        "icebergQty": "0.00000000",
        "time": now,
        "updateTime": now,
        "isWorking": not is_stop,
        "origQuoteOrderQty": "0.00000000",
        "workingTime": -1 if is_stop else now,
        "selfTradePreventionMode": "NONE",
    }


def _amount(units: int) -> str:
    return format(units * _STEP, ".8f")


def placed(order_id: str) -> bytes:
    return _acknowledged(28, order_id, _PAIR)


def taken(order_id: str, wish: OrderRequest) -> bytes:
    return _acknowledged(int(order_id), wish.client_order_id, wish.symbol)


def _acknowledged(number: int, client_order_id: str, symbol: str) -> bytes:
    body = {"symbol": symbol, "orderId": number, "orderListId": -1, "clientOrderId": client_order_id}
    return orjson.dumps(body | {"transactTime": 1764442800000})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    symbols = [_symbol(one) for one in contracts]
    # What nobody here can trade is in the real file too: left out without a word, or with one.
    symbols += [_symbol(BITCOIN) | change for change in _FOREIGN]
    body = {"timezone": "UTC", "serverTime": 1764442800000, "rateLimits": [], "exchangeFilters": [], "symbols": symbols}
    return {
        "/api/v3/exchangeInfo": File(orjson.dumps(body), "application/json"),
        "/fapi/v1/exchangeInfo": File(orjson.dumps(body | {"symbols": [_UNTRADED_FUTURE]}), "application/json"),
    }


def _symbol(one: Contract) -> dict[str, object]:
    symbol = SYMBOLS[one.name]
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"],
        "isSpotTradingAllowed": True,
        "filters": _filters(one.tick_size, one.multiplier * one.lot_size, one.multiplier),
    }


def _filters(tick: Decimal, least: Decimal, step: Decimal) -> list[dict[str, object]]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": f"{tick:.8f}", "maxPrice": "1000000", "tickSize": f"{tick:.8f}"},
        {"filterType": "LOT_SIZE", "minQty": f"{least:.8f}", "maxQty": "9000.00000000", "stepSize": f"{step:.8f}"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "avgPriceMins": 5},
    ]


_UNTRADED_FUTURE = {
    "symbol": "BTCUSDT_261225",
    "status": "TRADING",
    "contractType": "CURRENT_QUARTER",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "orderTypes": ["LIMIT"],
    "filters": [],
}
_FOREIGN: Sequence[dict[str, object]] = (
    {"symbol": "ETHBTC", "baseAsset": "ETH", "quoteAsset": "BTC"},
    {"symbol": "LUNAUSDT", "baseAsset": "LUNA", "status": "BREAK"},
    {"symbol": "FINEUSDT", "baseAsset": "FINE", "filters": _filters(Decimal("0.01"), Decimal(1), Decimal("0.0000001"))},
    {"symbol": "BAREUSDT", "baseAsset": "BARE", "filters": []},
)


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
    "no pairs": instead(b'{"symbols":[]}'),
    "no list of pairs": instead(b'{"timezone":"UTC"}'),
    "a list": instead(b"[]"),
    "missing field": without("filters"),
    "invalid UTF-8": lambda file: File(file.body.replace(b"BTC", b"B\xff\xfe", 1), "application/json"),
    "proxy page": instead(b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    "cut": lambda file: File(file.body[:-20], "application/json"),
}


async def greet(socket: web.WebSocketResponse) -> None:
    """The subscription is read and confirmed."""
    asked = await socket.receive_json()
    await socket.send_json({"result": None, "id": asked["id"]})


TICKER = {
    "e": "24hrTicker",
    "E": 1764442800123,
    "s": _PAIR,
    "p": "100.00000000",
    "P": "0.110",
    "w": "91000.10000000",
    "x": "90900.00000000",
    "c": "91000.01000000",
    "Q": "0.00100000",
    "b": "91000.00000000",
    "B": "1.50000000",
    "a": "91000.01000000",
    "A": "0.25000000",
    "o": "90900.00000000",
    "h": "92000.00000000",
    "l": "90000.00000000",
    "v": "12345.67890000",
    "q": "1123456789.00000000",
    "O": 1764356400123,
    "C": 1764442800123,
    "F": 1,
    "L": 2,
    "n": 2,
}


def _event(**change: object) -> str:
    return json.dumps({"stream": "btcusdt@ticker", "data": {**TICKER, **change}})


MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
    code=None,
    browse=None,
    denied=(),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    greet=greet,
    feed=FeedSample(
        whole=_event(),
        ticks=1,
        broken=(
            "",
            b"\x00",
            "not JSON",
            "[]",
            '{"stream":"btcusdt@ticker"}',
            '{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","s":"BTCUSDT"}}',
            _event(c="1e5x"),
            _event(c=91000.01),
            _event(b="-1.00000000"),
            _event(c="NaN"),
            '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT","p":"1.00000000","T":1}}',
            '{"error":{"code":2,"msg":"Invalid request"},"id":1}',
        ),
    ),
    unusable=UNUSABLE,
    reasons={
        211: "an order may be replaced as often as one likes; the SPEC's limit is our own caution",
        308: "an order the book would refuse is refused in the answer: none has an id first",
    },
    stage=STAGE,
    taken=taken,
    order_id=lambda _, wish: f"{wish.symbol}:{wish.client_order_id}",
    client_name=lambda number: str(70_000_000 + number),
    session_endpoint="account",
    renew=renew,
    public_data=True,
    unfilled=OrderStatus.EXPIRED,
)
