"""Interactive Brokers under the contract. Bodies follow its OpenAPI document and its users' reports."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from urllib.parse import urlencode

import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from brokers.catalog import simulated_endpoint
from brokers.ibkr.spec import SPEC
from domain.broker import Endpoint, Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.member import Contract, FeedSample, File, Member, Sample, Shown, Status
from tests.brokers.contract.stage import INDIA

_S = OrderStatus
_NAMES = (
    "nifty weekly",
    "nifty monthly",
    "nifty january",
    "nifty november",
    "nifty next year",
    "banknifty monthly",
    "decimal strike",
    "index future",
    "stock future",
    "ampersand",
    "equity",
    "index",
)
SYMBOLS = {name: str(51_497_000 + number) for number, name in enumerate(_NAMES)}
_IBKR_NAMES = {"NIFTY": "NIFTY50"}
_UNDERLYINGS = ("NIFTY", "BANKNIFTY", "RELIANCE", "VEDL", "M&M")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# RFC 3526, group 14: as good a prime as any that a client makes for itself.
_PRIME = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF"
)
STATUSES = (
    *(Status(raw, _S.OPEN) for raw in ("PendingSubmit", "PreSubmitted", "Submitted", "PendingCancel", "WarnState")),
    Status("Inactive/Pending Submit", _S.OPEN),
    Status("PreSubmitted", _S.TRIGGER_PENDING, order_type=OrderType.SL),
    Status("PendingSubmit", _S.TRIGGER_PENDING, order_type=OrderType.SL_M),
    Status("Submitted", _S.OPEN, order_type=OrderType.SL),
    Status("Submitted", _S.PARTIALLY_FILLED, filled=20),
    Status("PendingCancel", _S.PARTIALLY_FILLED, filled=20),
    Status("Filled", _S.FILLED, filled=65),
    Status("Cancelled", _S.CANCELLED),
    Status("Cancelled", _S.CANCELLED, filled=20),
    Status("Inactive", _S.REJECTED),
    Status("Inactive/Rejected", _S.REJECTED),
    Status("Inactive", _S.CANCELLED, filled=20),
)
_TYPES = {
    OrderType.LIMIT: ("Limit", "LIMIT"),
    OrderType.SL: ("Stop Limit", "STOP_LIMIT"),
    OrderType.SL_M: ("Stop", "STOP"),
    OrderType.MARKET: ("Market", "MARKET"),
}


def _error(status: int, message: str, verdict: Verdict, *, is_margin: bool = False) -> Sample:
    body = {"error": message, "statusCode": status} if status != 200 else {"error": message}
    return Sample(f"{status}: {message}", status, orjson.dumps(body), verdict, is_margin)


def _question(kind: str, text: str) -> Sample:
    body = [{"id": "07a13a5a-4a48-44a5-bb25-5ab37b79186c", "message": [text], "messageIds": [kind]}]
    return Sample(f"{kind}: {text}", 200, orjson.dumps(body), Verdict.UNKNOWN)


_V = Verdict
_SHORT = (
    "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE [1193.60 INR] "
    "MUST EXCEED THE INITIAL MARGIN [1196.14 INR]"
)
ERRORS = (
    _error(401, "not authenticated", _V.SESSION_LOST),
    Sample("401 without JSON", 401, b"Access Denied", _V.UNKNOWN, content_type="text/plain"),
    _error(400, "Bad Request: no bridge", _V.SESSION_LOST),
    _error(429, "Too Many Requests", _V.RATE_LIMITED),
    _error(200, "No trading permissions.", _V.REJECTED),
    _error(200, "invalid order price fields", _V.REJECTED),
    _error(200, "invalid order attribute : Outside Regular Trading Hours", _V.REJECTED),
    _error(200, "No security definition has been found for the request", _V.REJECTED),
    _error(400, "The price does not conform to the minimum price variation for this contract.", _V.REJECTED),
    _error(400, "Order is inactive", _V.REJECTED),
    _error(400, "OrderID 1464106177 doesn't exist", _V.REJECTED),
    _error(400, "order not confirmed", _V.REJECTED),
    _error(200, _SHORT, _V.REJECTED, is_margin=True),
    # An order that bears our tag is there: only the book says which.
    _error(400, "Order couldn't be submitted: Local order ID=VAYDA1 is already registered.", _V.UNKNOWN),
    _error(400, "Bad Request: the request timed out", _V.UNKNOWN),
    _error(400, "Please query /accounts first", _V.UNKNOWN),
    _error(200, "Something nobody has seen before", _V.UNKNOWN),
    _error(200, "invalid order: try again later", _V.UNKNOWN),
    _error(200, "", _V.UNKNOWN),
    _error(500, "No trading permissions.", _V.UNKNOWN),
    _error(503, "Service Unavailable", _V.UNKNOWN),
    _error(503, "not authenticated", _V.UNKNOWN),
    # The server behind these asks the same thing whatever is replied.
    _question("o163", "The price exceeds the Percentage constraint of 3%."),
    _question("o9999", "Something nobody has been asked before?"),
    Sample("nothing", 200, b"{}", _V.UNKNOWN),
    Sample("no answer", 200, b"[]", _V.UNKNOWN),
    Sample("a failed ticket", 200, b'[{"order_id":-1,"order_status":"Failed","text":"bad"}]', _V.UNKNOWN),
    Sample("two tickets", 200, b'[{"order_id":"12"},{"order_id":"13"}]', _V.UNKNOWN),
    Sample("404 page", 404, b"<html>not found</html>", _V.UNKNOWN, content_type="text/html"),
)


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("ibkr", base)


@cache
def _key(purpose: str) -> rsa.RSAPrivateKey:
    """One key for all clients of a run: making one takes its time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _pem(purpose: str) -> str:
    return _key(purpose).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _token_secret(name: str) -> bytes:
    return f"the secret of {name}".encode()


@cache
def fields(name: str) -> Mapping[str, str]:
    sealed = _key("encryption").public_key().encrypt(_token_secret(name), padding.PKCS1v15())
    return {
        "consumer_key": f"{name.lower()}key",
        "oauth_token": f"{name.lower()}token",
        "oauth_token_secret": base64.b64encode(sealed).decode(),
        "signature_key": _pem("signature"),
        "encryption_key": _pem("encryption"),
        "dh_prime": _PRIME,
    }


def register(name: str) -> Mapping[str, object]:
    public = _key("signature").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    extra = {"signature_key": public.decode(), "token_secret": _token_secret(name).hex(), "dh_prime": _PRIME}
    given = fields(name)
    keys = {"api_key": given["consumer_key"], "api_secret": given["oauth_token"]}
    return {"client": name, "broker": "ibkr", **keys, "extra": extra}


def book(rows: Sequence[Shown]) -> bytes:
    return orjson.dumps({"orders": [_order(row) for row in rows], "snapshot": True})


def _order(row: Shown) -> dict[str, object]:
    status, _, inner = row.status.partition("/")
    shown, original = _TYPES[row.order_type]
    return {
        "acct": "STUB01",
        "conidex": "51497000@NSE",
        "conid": 51_497_000,
        "account": "STUB01",
        "orderId": int(row.order_id),
        "cashCcy": "INR",
        "ticker": "NIFTY50",
        "secType": "OPT",
        "listingExchange": "NSE",
        "remainingQuantity": float(row.quantity - row.filled),
        "filledQuantity": float(row.filled),
        "totalSize": float(row.quantity),
        "status": status,
        "order_ccp_status": inner or status,
        "origOrderType": original,
        "orderType": shown,
        "order_ref": row.tag,
        "timeInForce": "DAY",
        "lastExecutionTime_r": 1_795_000_000_000,
        "side": "BUY",
        "price": "42.10",
        **({"avgPrice": "42.10"} if row.filled else {}),
    }


def placed(order_id: str) -> bytes:
    return orjson.dumps([{"order_id": order_id, "order_status": "Submitted", "encrypt_message": "1"}])


def master(contracts: Sequence[Contract]) -> Mapping[str, File]:
    """Answers by address and query: there is no file."""
    files: dict[str, File] = {}
    for name in _UNDERLYINGS:
        rows = [one for one in contracts if one.underlying == name]
        files |= _answers(name, rows) if rows else {_search(name): _json([])}
    return files


def _answers(name: str, rows: Sequence[Contract]) -> dict[str, File]:
    spots = [one for one in rows if one.kind in ("INDEX", "EQ")]
    options = [one for one in rows if one.kind == "OPT"]
    futures = [one for one in rows if one.kind == "FUT"]
    conid = SYMBOLS[spots[0].name] if spots else str(9_000_000 + _UNDERLYINGS.index(name))
    months = list(dict.fromkeys(map(_month, options)))
    sections: list[dict[str, str]] = [{"secType": {"INDEX": "IND", "EQ": "STK"}[one.kind]} for one in spots]
    sections += [{"secType": "FUT", "months": "DEC26", "exchange": "NSE"}] if futures else []
    sections += [{"secType": "OPT", "months": ";".join(months), "exchange": "NSE"}] if options else []
    symbol = _IBKR_NAMES.get(name, name)
    found = {"conid": conid, "companyName": name, "symbol": symbol, "description": "NSE", "sections": sections}
    listed = [{"symbol": symbol, "conid": int(SYMBOLS[one.name]), "expirationDate": _day(one)} for one in futures]
    return {
        _search(name): _json([{**found, "description": "BSE", "conid": "1"}, found]),
        _path("/trsrv/futures", symbols=symbol, exchange="NSE"): _json({symbol: listed}),
        **{path: file for month in months for path, file in _month_of(conid, month, options).items()},
        **{f"/iserver/contract/{SYMBOLS[one.name]}/info-and-rules": _rules(one) for one in rows},
    }


def _month_of(conid: str, month: str, options: Sequence[Contract]) -> dict[str, File]:
    asked = {"conid": conid, "sectype": "OPT", "month": month, "exchange": "NSE"}
    rows = [one for one in options if _month(one) == month]
    sides = {right: sorted({float(_listed(one)) for one in rows if one.right[0] == right}) for right in "CP"}
    files = {_path("/iserver/secdef/strikes", **asked): _json({"call": sides["C"], "put": sides["P"]})}
    for right, strikes in sides.items():
        for strike in strikes:
            which = _path("/iserver/secdef/info", **asked, strike=f"{strike:g}", right=right)
            same = [one for one in rows if one.right[0] == right and float(_listed(one)) == strike]
            files[which] = _json([_option(one) for one in same])
    return files


def _option(one: Contract) -> dict[str, object]:
    strike = one.strike
    return {
        "conid": int(SYMBOLS[one.name]),
        "secType": "OPT",
        "exchange": "NSE",
        "currency": "INR",
        "right": one.right[0],
        "strike": float(strike) if strike is not None and strike.is_finite() else "NaN",
        "maturityDate": _day(one) or None,
        "multiplier": "1",
    }


def _listed(one: Contract) -> str:
    """Return the strike a month lists: one that is none is found out where the contract is shown."""
    usable = one.strike is not None and one.strike.is_finite() and one.strike > 0
    return str(one.strike) if usable else "24200"


def _month(one: Contract) -> str:
    return f"{_MONTHS[one.expiry.month - 1]}{one.expiry.year % 100:02}" if one.expiry else "DEC26"


def _day(one: Contract) -> str:
    return one.expiry.strftime("%Y%m%d") if one.expiry else ""


def _rules(one: Contract) -> File:
    return _json(
        {"con_id": int(SYMBOLS[one.name]), "rules": {"increment": float(one.tick_size), "sizeIncrement": one.lot_size}}
    )


def _search(name: str) -> str:
    return _path("/iserver/secdef/search", symbol=_IBKR_NAMES.get(name, name))


def _path(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}"


def _json(body: object) -> File:
    return File(json.dumps(body).encode(), "application/json")


async def greet(socket: web.WebSocketResponse) -> None:
    """Who it is has been said in the cookie; the subscription is read."""
    await socket.send_json({"topic": "system", "success": "stub01"})
    await socket.send_json({"topic": "sts", "args": {"authenticated": True, "competing": False}})
    await socket.receive()


async def before_socket(http: web.Request) -> web.StreamResponse:
    """The tickle whose answer opens the socket."""
    await http.read()
    return web.json_response(
        {"session": "a1b2c3", "iserver": {"authStatus": {"authenticated": True, "connected": True}}}
    )


_WHOLE = {"topic": "smd+51497000", "conid": 51_497_000, "_updated": 1_795_000_000_000, "6509": "RpB"}


def _spoilt(body: bytes, content_type: str = "application/json") -> object:
    return lambda file: File(body, content_type)


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
    before_socket=before_socket,
    feed=FeedSample(
        whole=json.dumps(
            _WHOLE | {"31": "42.10", "84": "42.05", "86": "42.15", "88": "1,300", "85": "650", "7762": "12,345"}
        ),
        ticks=1,
        broken=(
            "",
            "not JSON",
            "[]",
            '{"31":"1.00"}',
            '{"topic":"smd+51497000","conid":51497000,"31":"1e5"}',
            '{"topic":"smd+51497000","conid":51497000,"31":42.1}',
            '{"topic":"smd+51497000","conid":"x","31":"42.10"}',
            '{"topic":"smd+51497000","conid":51497000,"31":"42.10","88":"many"}',
            '{"topic":"system","hb":1712596911593}',
            '{"topic":"sor","args":[{"orderId":7}]}',
            '{"topic":"sts","args":{"fail":"","serverName":"x"}}',
        ),
    ),
    unusable={
        "empty": _spoilt(b""),
        "another type": _spoilt(b'"contracts"'),
        "an error": _spoilt(b'{"error":"Service Unavailable"}'),
        "nothing listed": _spoilt(b"[]"),
        "invalid UTF-8": _spoilt(b'[{"conid":"\xff\xfe","symbol":"NIFTY50"}]'),
        "cut": lambda file: File(file.body[:-3], file.content_type),
        "proxy page": _spoilt(b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    },
    long_listing=True,
    stage=replace(INDIA, second=("NSE", "EQ", "RELIANCE")),
    reasons={211: "no limit of modifications is documented; the SPEC's is our own caution"},
)
