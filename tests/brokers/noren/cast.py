"""The account, the contracts and the recorded payloads that the tests of the Noren family share."""

import json
from typing import Any
from urllib.parse import parse_qsl

from brokers.catalog import simulated_endpoint
from brokers.flattrade.member import MEMBER
from brokers.noren.access import Access
from brokers.transport import WireAnswer, WireRequest
from domain.broker import Credentials, Endpoint
from domain.orders import OrderChange, OrderRequest
from tests.brokers.order_cast import limit_order, price_change
from tests.shared import shared_path

SPEC = MEMBER.spec
CREDENTIALS = Credentials("FT0001", {"api_key": "key1", "api_secret": "secret1"}, access_token="token1")
LOTS = {"CRUDEOIL18DEC26": 100, "LEAD31DEC26": 5000, "SOMEBODYS": 1}
ORDER_ID = "20052600000103"


def lot_size_of(exchange: str, symbol: str) -> int:
    return LOTS[symbol]


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("flattrade", base)


def access(base: str = "http://noren.test") -> Access:
    return Access.of(MEMBER, CREDENTIALS, endpoint(base))


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    return limit_order(**({"symbol": "NIFTY01DEC26C24200", "token": "NFO|54452"} | changes))


def change(**changes: Any) -> OrderChange:
    return price_change(**({"symbol": "NIFTY01DEC26C24200"} | changes))


def said(prepared: WireRequest) -> dict[str, str]:
    """The fields of a call as a server that reads forms sees them, its token checked."""
    assert prepared.text is not None
    body = dict(parse_qsl(prepared.text, strict_parsing=True))
    assert body["jKey"] == "token1"
    fields: dict[str, str] = json.loads(body["jData"])
    assert all(isinstance(value, str) for value in fields.values())
    return fields


def recorded(name: str) -> bytes:
    """The bytes of a documented payload."""
    return shared_path(f"flattrade/docs_marketcalls/{name}").read_bytes()


def answer(name: str) -> WireAnswer:
    return WireAnswer(200, recorded(name))


def refused(emsg: str, *, status: int = 200) -> WireAnswer:
    return WireAnswer(status, json.dumps({"stat": "Not_Ok", "emsg": emsg}).encode())


def order_row(**changes: object) -> dict[str, object]:
    """A row of an order book, with changes; ``None`` leaves a field out."""
    row: dict[str, object] = {
        "stat": "Ok",
        "norenordno": ORDER_ID,
        "exch": "NFO",
        "tsym": "NIFTY01DEC26C24200",
        "qty": "130",
        "fillshares": "0",
        "trantype": "B",
        "prctyp": "LMT",
        "ret": "DAY",
        "prc": "42.10",
        "prd": "M",
        "status": "OPEN",
        "rpt": "New",
        "ls": "65",
        "norentm": "19:59:32 13-12-2020",
        "remarks": "VAYDA000000000000001",
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def encoded(*rows: dict[str, object]) -> bytes:
    return json.dumps(rows).encode()
