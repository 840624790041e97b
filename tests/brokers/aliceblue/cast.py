"""The account, the contracts and the recorded payloads that tests of Alice Blue share."""

import json
from dataclasses import replace
from typing import Any

from brokers.aliceblue.access import Access
from brokers.catalog import simulated_endpoint
from brokers.transport import WireAnswer, WireRequest
from domain.broker import Credentials, Endpoint
from domain.orders import OrderChange, OrderRequest
from tests.brokers.order_cast import limit_order, price_change
from tests.shared import shared_path

CREDENTIALS = Credentials("AB0001", {"api_key": "code1", "api_secret": "secret1"}, access_token="token1")
LOTS = {"CRUDEOIL18DEC26": 100}
ORDER_ID = "25071400112229"


def lot_size_of(exchange: str, symbol: str) -> int:
    return LOTS[symbol]


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("aliceblue", base)


def access(base: str = "http://alice.test", **fields: str) -> Access:
    return Access.of(replace(CREDENTIALS, fields={**CREDENTIALS.fields, **fields}), endpoint(base))


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    return limit_order(**({"symbol": "NIFTY01DEC26C24200", "token": "NFO|54452"} | changes))


def change(**changes: Any) -> OrderChange:
    return price_change(**changes)


def signed(prepared: WireRequest) -> Any:
    """The JSON of a call, its token checked."""
    assert prepared.headers["Authorization"] == "Bearer token1"
    return prepared.json


def recorded(name: str) -> bytes:
    """The bytes of a documented payload."""
    return shared_path(f"aliceblue/docs_marketcalls/{name}").read_bytes()


def answer(name: str, *, status: int = 200) -> WireAnswer:
    return WireAnswer(status, recorded(name))


def result(name: str) -> bytes:
    """The rows of a documented answer."""
    return json.dumps(json.loads(recorded(name))["result"]).encode()


def row(name: str, **changes: object) -> bytes:
    """The one row of a documented answer in a list, with changes; ``...`` leaves a field out."""
    (first,) = json.loads(recorded(name))["result"]
    changed = {key: value for key, value in (first | changes).items() if value is not ...}
    return json.dumps([changed]).encode()


def refused(message: str, *, status: int = 200, **fields: str) -> WireAnswer:
    body = {"status": "Not_ok", "message": message, "result": [], **fields}
    return WireAnswer(status, json.dumps(body).encode())
