"""Binance's USD-M futures under the contract: the same broker, an account that names contracts and no pairs.

Bodies follow https://developers.binance.com/docs/derivatives/usds-margined-futures.
"""

import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal

import orjson
from aiohttp import web

from brokers.binance.spec import SPEC
from domain.broker import Verdict
from domain.orders import OrderRequest, OrderStatus, OrderType
from tests.brokers.contract.contracts import Contract
from tests.brokers.contract.member import FeedSample, File, Member, Sample, Shown, Spoil, Status
from tests.brokers.contract.members.binance import endpoint, error, instead, register, renew, without
from tests.brokers.contract.stage import Stage

_S = OrderStatus
_SYMBOL = "BTCUSDT"
_STEP = Decimal("0.001")
_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.SL: "STOP"}
_KEY = ("BINANCE_UM", "PERP", _SYMBOL)
_ETHER = ("BINANCE_UM", "PERP", "ETHUSDT")
SYMBOLS = {"bitcoin": _SYMBOL, "ether": "ETHUSDT", "a thousand of it": "1000SATSUSDT"}
BITCOIN = Contract("bitcoin", "BINANCE_UM", _SYMBOL, "PERP", tick_size=Decimal("0.1"), multiplier=_STEP)
STAGE = Stage(
    segments=(_KEY,),
    liquid=_KEY,
    second=_ETHER,
    watched=_ETHER,
    stopped=_KEY,
    contracts=(
        BITCOIN,
        Contract("ether", *_ETHER[::2], "PERP", lot_size=10, tick_size=Decimal("0.01"), multiplier=_STEP),
        Contract("a thousand of it", "BINANCE_UM", "1000SATSUSDT", "PERP", tick_size=Decimal("0.0001")),
    ),
    sample=BITCOIN,
    step=_STEP,
)
STATUSES = (
    Status("NEW", _S.OPEN),
    # Placed by somebody else, before such orders were moved to a service of their own.
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
_V = Verdict
_HEAVY = "Too many requests; current limit is 2400 requests per minute. Please use the websocket for live updates."
_KEYLESS = "Invalid API-key, IP, or permissions for action, request ip: 10.0.0.1"
_ALGO = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
_RULES = "Futures Trading Quantitative Rules violated, only reduceOnly order is allowed, please try again later."
ERRORS = (
    error(401, -2014, "API-key format invalid.", _V.SESSION_LOST),
    error(401, -2015, _KEYLESS, _V.SESSION_LOST),
    error(429, -1003, _HEAVY, _V.RATE_LIMITED),
    error(418, -1003, "Way too many requests; IP banned until 1764442800000.", _V.RATE_LIMITED),
    error(429, -1015, "Too many new orders; current limit is 300 orders per TEN_SECONDS.", _V.RATE_LIMITED),
    error(400, -2018, "Balance is insufficient.", _V.REJECTED, is_margin=True),
    error(400, -2019, "Margin is insufficient.", _V.REJECTED, is_margin=True),
    error(400, -2027, "Exceeded the maximum allowable position at current leverage.", _V.REJECTED, is_margin=True),
    error(400, -2028, "Leverage is smaller than permitted: insufficient margin balance.", _V.REJECTED, is_margin=True),
    error(400, -1021, "Timestamp for this request is outside of the recvWindow.", _V.REJECTED),
    error(400, -1022, "Signature for this request is not valid.", _V.REJECTED),
    error(400, -1111, "Precision is over the maximum defined for this asset.", _V.REJECTED),
    error(400, -1121, "Invalid symbol.", _V.REJECTED),
    error(400, -2011, "Unknown order sent.", _V.REJECTED),
    error(400, -2013, "Order does not exist.", _V.REJECTED),
    error(400, -2021, "Order would immediately trigger.", _V.REJECTED),
    error(400, -2022, "ReduceOnly Order is rejected.", _V.REJECTED),
    error(400, -2025, "Reach max open order limit.", _V.REJECTED),
    error(400, -4003, "Quantity less than or equal to zero.", _V.REJECTED),
    error(400, -4005, "Quantity greater than max quantity.", _V.REJECTED),
    error(400, -4014, "Price not increased by tick size.", _V.REJECTED),
    error(400, -4016, "Limit price can't be higher than 96000.00.", _V.REJECTED),
    error(400, -4023, "Qty not increased by step size.", _V.REJECTED),
    error(400, -4061, "Order's position side does not match user's setting.", _V.REJECTED),
    error(400, -4120, _ALGO, _V.REJECTED),
    error(400, -4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.", _V.REJECTED),
    error(400, -4164, "Order's notional must be no smaller than 100 (unless you choose reduce only).", _V.REJECTED),
    error(400, -4400, _RULES, _V.REJECTED),
    error(
        400, -5021, "Due to the order could not be filled immediately, the FOK order has been rejected.", _V.REJECTED
    ),
    error(400, -5027, "No need to modify the order.", _V.REJECTED),
    error(400, -5028, "Timestamp for this request is outside of the ME recvWindow.", _V.REJECTED),
    # An order with our id is there: whose answer was lost, the book tells.
    error(400, -4116, "ClientOrderId is duplicated.", _V.UNKNOWN),
    error(400, -5043, "A pending modification already exists for this order.", _V.UNKNOWN),
    error(400, -2010, "NEW_ORDER_REJECTED", _V.UNKNOWN),
    error(400, -4999, "Something nobody has seen before.", _V.UNKNOWN),
    error(400, -4014, "", _V.UNKNOWN),
    error(400, -1000, "An unknown error occured while processing the request.", _V.UNKNOWN),
    error(500, -1001, "Internal error; unable to process your request. Please try again.", _V.UNKNOWN),
    error(400, -1006, "An unexpected response was received from the message bus.", _V.UNKNOWN),
    error(408, -1007, "Timeout waiting for response from backend server. Send status unknown.", _V.UNKNOWN),
    error(503, -1008, "Request throttled by system-level protection.", _V.UNKNOWN),
    error(503, 0, "Unknown error, please check your request or try again later.", _V.UNKNOWN),
    error(500, -4014, "Price not increased by tick size.", _V.UNKNOWN),
    error(200, -4014, "Price not increased by tick size.", _V.UNKNOWN),
    error(200, -2015, _KEYLESS, _V.UNKNOWN),
    Sample("403 of the firewall", 403, b"<html>403 Forbidden</html>", _V.UNKNOWN, content_type="text/html"),
    Sample("404 page", 404, b"<html>not found</html>", _V.UNKNOWN, content_type="text/html"),
)


def fields(name: str) -> Mapping[str, str]:
    return {"api_key": f"key{name}", "api_secret": f"secret{name}", "contracts": _SYMBOL}


def book(rows: Sequence[Shown]) -> bytes:
    return orjson.dumps([_order(row) for row in rows])


def _order(row: Shown) -> dict[str, object]:
    now, is_stop = int(time.time() * 1000), row.order_type is OrderType.SL
    return {
        "avgPrice": "91000.00000" if row.filled else "0.00000",
        "clientOrderId": row.tag,
        "cumQuote": _amount(row.filled * 91000),
        "executedQty": _amount(row.filled),
        "orderId": int(row.order_id),
        "origQty": _amount(row.quantity),
        "origType": _TYPES[row.order_type],
        "price": "91000.0",
        "reduceOnly": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "status": row.status,
        "stopPrice": "90000.0" if is_stop else "0",
        "closePosition": False,
        "symbol": _SYMBOL,
        "time": now,
        "timeInForce": "GTC",
        "type": _TYPES[row.order_type],
        "updateTime": now,
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
    }


def _amount(units: int) -> str:
    return format(units * _STEP, ".3f")


def placed(order_id: str) -> bytes:
    return _acknowledged(28, order_id, _SYMBOL)


def taken(order_id: str, wish: OrderRequest) -> bytes:
    return _acknowledged(int(order_id), wish.client_order_id, wish.symbol)


def _acknowledged(number: int, client_order_id: str, symbol: str) -> bytes:
    body = {"orderId": number, "symbol": symbol, "status": "NEW", "clientOrderId": client_order_id}
    return orjson.dumps(body | {"price": "91000.0", "origQty": "0.001", "executedQty": "0.000", "positionSide": "BOTH"})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    symbols = [_symbol(one) for one in contracts]
    # What nobody here can trade is in the real file too: left out without a word, or with one.
    symbols += [_symbol(BITCOIN) | change for change in _FOREIGN]
    body = {"timezone": "UTC", "serverTime": 1764442800000, "rateLimits": [], "exchangeFilters": [], "symbols": symbols}
    return {
        "/fapi/v1/exchangeInfo": File(orjson.dumps(body), "application/json"),
        "/api/v3/exchangeInfo": File(orjson.dumps(body | {"symbols": [_UNTRADED_PAIR]}), "application/json"),
    }


def _symbol(one: Contract) -> dict[str, object]:
    symbol = SYMBOLS[one.name]
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "orderTypes": ["LIMIT", "MARKET", "STOP"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "filters": _filters(one.tick_size, one.multiplier * one.lot_size, one.multiplier),
    }


def _filters(tick: Decimal, least: Decimal, step: Decimal) -> list[dict[str, object]]:
    sizes = {"minQty": str(least), "maxQty": "1000", "stepSize": str(step)}
    return [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "4529764", "tickSize": str(tick)},
        {"filterType": "LOT_SIZE", **sizes},
        {"filterType": "MARKET_LOT_SIZE", **sizes},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    ]


_UNTRADED_PAIR = {
    "symbol": "ETHBTC",
    "status": "TRADING",
    "baseAsset": "ETH",
    "quoteAsset": "BTC",
    "isSpotTradingAllowed": True,
    "orderTypes": ["LIMIT"],
    "filters": [],
}
_FOREIGN: Sequence[dict[str, object]] = (
    {"symbol": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"},
    {"symbol": "BTCUSDT_261225", "contractType": "CURRENT_QUARTER"},
    {"symbol": "TSLAUSDT", "baseAsset": "TSLA", "contractType": "TRADIFI_PERPETUAL"},
    {"symbol": "LUNAUSDT", "baseAsset": "LUNA", "status": "SETTLING"},
    {"symbol": "PEPEUSDT", "baseAsset": "PEPE", "filters": _filters(Decimal("0.0000001"), Decimal(1), Decimal(1))},
    {"symbol": "BAREUSDT", "baseAsset": "BARE", "filters": []},
    {"symbol": "\u5e01\u5b89USDT", "baseAsset": "\u5e01\u5b89"},
)
UNUSABLE: Mapping[str, Spoil] = {
    "empty": instead(b""),
    "no contracts": instead(b'{"symbols":[]}'),
    "no list of contracts": instead(b'{"timezone":"UTC"}'),
    "a list": instead(b"[]"),
    "missing field": without("filters"),
    "invalid UTF-8": lambda file: File(file.body.replace(b"BTC", b"B\xff\xfe", 1), "application/json"),
    "proxy page": instead(b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    "cut": lambda file: File(file.body[:-20], "application/json"),
}


async def greet(socket: web.WebSocketResponse) -> None:
    """The subscription is read and confirmed; the socket of books shows one, and says no more."""
    asked = await socket.receive_json()
    await socket.send_json({"result": None, "id": asked["id"]})
    if any("@depth" in name for name in asked["params"]):
        await socket.send_json({"stream": "btcusdt@depth5@500ms", "data": BOOK})
        await socket.receive()
        raise ConnectionResetError("the feed has gone")


BOOK = {
    "e": "depthUpdate",
    "E": 1764442800100,
    "T": 1764442800099,
    "s": _SYMBOL,
    "U": 390497796,
    "u": 390497878,
    "pu": 390497794,
    "b": [["91000.0", "1.500"], ["90999.9", "0.250"]],
    "a": [["91000.1", "0.025"]],
}
TICKER = {
    "e": "24hrTicker",
    "E": 1764442800123,
    "s": _SYMBOL,
    "p": "100.00",
    "P": "0.110",
    "w": "91000.10",
    "c": "91000.10",
    "Q": "0.001",
    "o": "90900.00",
    "h": "92000.00",
    "l": "90000.00",
    "v": "12345.678",
    "q": "1123456789.00",
    "O": 1764356400123,
    "C": 1764442800123,
    "F": 1,
    "L": 2,
    "n": 2,
}


def _event(**change: object) -> str:
    return json.dumps({"stream": "btcusdt@ticker", "data": {**TICKER, **change}})


def _book(**change: object) -> str:
    return json.dumps({"stream": "btcusdt@depth5@500ms", "data": {**BOOK, **change}})


MEMBER = Member(
    spec=SPEC,
    part="UM",
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
            _event(o="-1.00"),
            _event(c="NaN"),
            _book(b=[["91000.0"]]),
            _book(a=[["NaN", "1"]]),
            '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT","p":"1.00","T":1}}',
            '{"error":{"code":2,"msg":"Invalid request"},"id":1}',
        ),
    ),
    unusable=UNUSABLE,
    reasons={
        211: "an order may be changed thousands of times; the SPEC's limit is our own caution",
        308: "an order the book would refuse is refused in the answer: none has an id first",
    },
    stage=STAGE,
    taken=taken,
    order_id=lambda _, wish: f"UM:{wish.symbol}:{wish.client_order_id}",
    client_name=lambda number: str(80_000_000 + number),
    session_endpoint="account",
    renew=renew,
    public_data=True,
    unfilled=OrderStatus.EXPIRED,
)
