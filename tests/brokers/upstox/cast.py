"""The account and the contracts that Upstox tests share."""

import json
from dataclasses import replace
from typing import Any

from brokers.catalog import simulated_endpoint
from brokers.transport import WireAnswer
from brokers.upstox.access import Access
from domain.broker import Credentials, Endpoint
from domain.orders import OrderRequest
from tests.brokers.order_cast import limit_order
from tests.shared import shared_path

FIELDS = {"api_key": "key1", "api_secret": "secret1", "redirect_url": "https://desk.test/hooks/upstox/callback/"}
CREDENTIALS = Credentials("AB1234", FIELDS, access_token="token1")
OPTION = "NSE_FO|43919"
CRUDE = "MCX_FO|440001"


def lot_size_of(exchange: str, symbol: str) -> int:
    return {("MCX", CRUDE): 100}[exchange, symbol]


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("upstox", base)


def access(base: str = "http://upstox.test", **fields: str) -> Access:
    return Access.of(replace(CREDENTIALS, fields={**FIELDS, **fields}), endpoint(base))


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    return limit_order(**({"symbol": OPTION, "token": OPTION} | changes))


def recorded(name: str) -> bytes:
    """The bytes of a sample of the documentation."""
    return shared_path(f"upstox/docs_marketcalls/{name}").read_bytes()


def sample(name: str) -> Any:
    return json.loads(recorded(name))


def instrument(number: int) -> dict[str, Any]:
    """One of the documentation's instrument objects."""
    names = {
        1: "sample-json-object-https-upstox-com-developer-api-__01",
        5: "field-description-https-upstox-com-developer-api-d__05",
    }
    name = names.get(number, f"field-description__{number:02}")
    row: dict[str, Any] = json.loads(
        shared_path(f"upstox/docs_tinytrader/instruments-readme__{name}.json").read_bytes()
    )
    return row


def success(data: object) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def error(code: str, message: str) -> bytes:
    problem = {"errorCode": code, "message": message, "error_code": code, "property_path": None}
    return json.dumps({"status": "error", "errors": [problem]}).encode()


def answer(name: str) -> WireAnswer:
    return WireAnswer(200, recorded(name))


def order_row(**changes: object) -> dict[str, object]:
    """A row of the order book: the documentation's sample of an update has the book's own fields."""
    row: dict[str, object] = dict(sample("23-webhook__order-update-example__01.json"))
    return {**row, "tag": "VAYDA000000000000001", **changes}
