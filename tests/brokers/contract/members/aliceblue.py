"""Alice Blue under the contract. Bodies follow its documentation's samples, its error table and the A3 SDK."""

import json
from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web

from brokers.aliceblue.spec import SPEC
from brokers.catalog import simulated_endpoint
from domain.broker import Endpoint, Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.bench import Bench
from tests.brokers.contract.browser import browse
from tests.brokers.contract.browser import code as granted_code
from tests.brokers.contract.member import Contract, FeedSample, File, Member, Sample, Shown, Status
from tests.brokers.contract.samples import DAY_FIRST, INDEX_NAMES, NOT_FOUND_PAGE, csv_file, keys, number_of

_S = OrderStatus
_EQUITY_HEADER = (
    "Exch,Exchange Segment,Group Name,Symbol,Token,Instrument Name,Formatted Ins Name,Trading Symbol,Lot Size,Tick Size"
)
_HEADER = (
    "Exch,Exchange Segment,Symbol,Token,Instrument Type,Option Type,Strike Price,Instrument Name,Formatted Ins Name,"
    "Trading Symbol,Expiry Date,Lot Size,Tick Size"
)
SYMBOLS = {**DAY_FIRST, "index": "NIFTY 50"}
STATUSES = (
    *(Status(raw, _S.OPEN) for raw in ("PENDING", "OPEN", "open", "NEW", "REPLACED")),
    Status("TRIGGER_PENDING", _S.TRIGGER_PENDING, order_type=OrderType.SL),
    Status("trigger pending", _S.TRIGGER_PENDING, order_type=OrderType.SL),
    Status("PENDING", _S.TRIGGER_PENDING, order_type=OrderType.SL_M),
    Status("OPEN", _S.OPEN, order_type=OrderType.SL),
    Status("OPEN", _S.PARTIALLY_FILLED, filled=20),
    Status("PENDING", _S.PARTIALLY_FILLED, filled=20),
    Status("COMPLETE", _S.FILLED, filled=65),
    Status("CANCELLED", _S.CANCELLED),
    Status("CANCELLED", _S.CANCELLED, filled=20),
    Status("CANCELED", _S.CANCELLED),
    Status("REJECTED", _S.REJECTED),
)
_TYPES = {OrderType.LIMIT: "LIMIT", OrderType.SL: "SL", OrderType.SL_M: "SLM", OrderType.MARKET: "MARKET"}


def _error(message: str, verdict: Verdict, *, status: int = 200) -> Sample:
    body = {"status": "Not_ok", "message": message, "result": []}
    return Sample(f"{status}: {message}", status, orjson.dumps(body), verdict)


_V = Verdict
_GONE = "The specified order is not available in the order book and cannot be"
_VERIFY = "Please verify the order details and try again."
ERRORS = (
    _error("EC087 : Session Expired", _V.SESSION_LOST),
    _error("EC087", _V.SESSION_LOST, status=400),
    _error("EC087 : Session Expired", _V.SESSION_LOST, status=401),
    _error("Unauthorized", _V.SESSION_LOST, status=401),
    Sample("401 without a body", 401, b"", _V.SESSION_LOST, content_type="text/plain"),
    _error("Too many requests", _V.RATE_LIMITED, status=429),
    _error("EC947", _V.REJECTED),
    _error("EC954 : 'quantity' should be a multiple of the lot size.", _V.REJECTED),
    _error("EC954 : 'quantity' should be a multiple of the lot size.", _V.REJECTED, status=400),
    _error("EC088 : Single order slicing limit exceeded", _V.REJECTED),
    _error("EC865 : 'product' - 'Delivery' is not allowed in FnO segment.", _V.REJECTED),
    _error("EC086 : You are a read-only user", _V.REJECTED),
    _error(f"EC997 : {_GONE} canceled. {_VERIFY}", _V.REJECTED),
    _error(f"EC999 : {_GONE} modified. {_VERIFY}", _V.REJECTED),
    Sample("emsg", 200, b'{"stat":"Not_Ok","emsg":"EC941"}', _V.REJECTED),
    _error("EC003 : An error occurred. Please try again later.", _V.UNKNOWN),
    _error("EC912 : Failed to place the order.", _V.UNKNOWN),
    _error("EC954 : the OMS timed out", _V.UNKNOWN),
    _error("EC555 : Something nobody has seen before", _V.UNKNOWN),
    _error("RED:RULE:{Check margin}Shortfall:INR 188775", _V.UNKNOWN),
    _error("", _V.UNKNOWN),
    _error("EC954", _V.UNKNOWN, status=502),
    _error("EC087 : Session Expired", _V.UNKNOWN, status=503),
    Sample("no message", 200, b'{"status":"Not_ok"}', _V.UNKNOWN),
    Sample("another status", 200, b'{"status":"Queued","result":[{"brokerOrderId":"250526000002697"}]}', _V.UNKNOWN),
    Sample("Ok with 400", 400, b'{"status":"Ok","result":[{"brokerOrderId":"250526000002697"}]}', _V.UNKNOWN),
    Sample("401 page", 401, b"<html>sign in</html>", _V.UNKNOWN, content_type="text/html"),
    NOT_FOUND_PAGE,
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("aliceblue", base)


def fields(name: str) -> Mapping[str, str]:
    return keys(name)


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "aliceblue", **fields(name)}


async def code(bench: Bench, name: str) -> str:
    """What the redirect after a sign-in would carry, as it is handed on."""
    return f"{name}:{await granted_code(bench, name)}"


def book(rows: Sequence[Shown]) -> bytes:
    """Newest first."""
    return _success([_order(row) for row in reversed(rows)])


def _order(row: Shown) -> dict[str, object]:
    return {
        "clientId": "STUB01",
        "brokerOrderId": row.order_id,
        "exchange": "NFO",
        "exchangeOrderId": "",
        "formattedInstrumentName": "NIFTY 01 DEC 24200 CE",
        "tradingSymbol": SYMBOLS["nifty weekly"],
        "instrumentId": "54452",
        "transactionType": "BUY",
        "quantity": row.quantity,
        "product": "NORMAL",
        "orderComplexity": "REGULAR",
        "orderType": _TYPES[row.order_type],
        "price": 42.1,
        "averageTradedPrice": 42.1 if row.filled else 0,
        "slTriggerPrice": 0,
        "validity": "DAY",
        "orderTime": "2026-11-20 10:00:00",
        "exchangeUpdateTime": "",
        "rejectionReason": None,
        "filledQuantity": row.filled,
        "orderTag": row.tag,
        "orderStatus": row.status,
    }


def placed(order_id: str) -> bytes:
    return _success([{"requestTime": "26-May-2025 11:42:10", "brokerOrderId": order_id}])


def _success(result: object) -> bytes:
    return orjson.dumps({"status": "Ok", "message": "Success", "result": result})


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    files = {f"/V2/{name}.csv": _file(name, contracts) for name in ("NFO", "BFO", "MCX", "NSE")}
    indices = "".join(
        f"{one.exchange.removesuffix('_INDEX')},{SYMBOLS[one.name]},{number_of(one)!s}\n"
        for one in contracts
        if one.kind == "INDEX"
    )
    return {**files, "/V2/INDICES.csv": File(f"exch,symbol,token\n{indices}".encode())}


def _file(exchange: str, contracts: Sequence[Contract]) -> File:
    is_cash = exchange == "NSE"
    listed = [one for one in contracts if one.exchange == exchange]
    rows = map(_equity if is_cash else _derivative, listed)
    return File(csv_file(_EQUITY_HEADER if is_cash else _HEADER, rows, end=",,,,,,,,,,,,\n"))


def _equity(one: Contract) -> list[object]:
    name = one.underlying
    return [
        "NSE",
        "nse_cm",
        "EQ",
        name,
        str(number_of(one)),
        name,
        name,
        SYMBOLS[one.name],
        one.lot_size,
        one.tick_size,
    ]


def _derivative(one: Contract) -> list[object]:
    return [
        one.exchange,
        f"{one.exchange.lower()}_fo",
        one.underlying,
        str(number_of(one)),
        _instrument(one),
        one.right or "XX",
        one.strike if one.strike is not None else "0",
        one.underlying,
        one.name,
        SYMBOLS[one.name],
        one.expiry or "",
        1 if one.exchange == "MCX" else one.lot_size,
        one.tick_size,
    ]


def _instrument(one: Contract) -> str:
    if one.exchange == "BFO":
        return "IO" if one.kind == "OPT" else "IF"
    group = "COM" if one.exchange == "MCX" else ("IDX" if one.underlying in INDEX_NAMES else "STK")
    return f"{one.kind}{group}"


async def before_socket(http: web.Request) -> web.Response:
    """The session's former socket is ended and a new one announced first."""
    await http.read()
    return web.Response(body=_success([{"Status": "OK"}]), content_type="application/json")


async def greet(socket: web.WebSocketResponse) -> None:
    """The sign-in is answered; the contracts' subscription is read."""
    await socket.receive()
    await socket.send_json({"t": "cf", "k": "OK"})
    await socket.receive()


_WHOLE = {"t": "tk", "e": "NFO", "tk": "54452", "ts": "NIFTY01DEC26C24200", "pp": "2", "ls": "65", "ti": "0.05"}

MEMBER = Member(
    spec=SPEC,
    endpoint=endpoint,
    register=register,
    fields=fields,
    code=code,
    browse=browse,
    denied=({"authCode": "", "userId": "AB0001"}, {"authCode": "abc"}, {"authCode": "a b", "userId": "AB0001"}),
    errors=ERRORS,
    statuses=STATUSES,
    book=book,
    placed=placed,
    master=master,
    symbols=SYMBOLS,
    before_socket=before_socket,
    greet=greet,
    feed=FeedSample(
        whole=json.dumps(_WHOLE | {"lp": "42.10", "c": "40.00", "bp1": "42.05", "sp1": "42.15", "v": "650"}),
        ticks=1,
        broken=(
            "",
            "not JSON",
            "[]",
            '{"lp":"1.00"}',
            '{"t":"tf","e":"NFO","tk":"1","lp":"42.10"}',
            '{"t":"tk","e":"NFO","tk":"54452","lp":"1e5"}',
            '{"t":"tk","e":"NFO","tk":"54452","lp":42.1}',
            '{"t":"dk","e":"NFO"}',
            '{"t":"xx"}',
        ),
    ),
    late_refusals=frozenset({205}),
    reasons={
        211: "no limit of modifications is documented; the SPEC's is our own caution",
        402: "a shortage of money shows as an order that is REJECTED in the book, never as a refused call",
    },
)
