"""The account, the contracts and the documented payloads that Master Trust's tests share."""

import json
from typing import Any

from brokers.catalog import simulated_endpoint
from brokers.mastertrust.access import Access
from brokers.transport import WireAnswer
from domain.broker import Credentials, Endpoint
from domain.orders import OrderChange, OrderRequest, Product, Side
from tests.brokers.order_cast import limit_order, price_change
from tests.shared import shared_path

CALLBACK = "https://vayda.test/callback"
CREDENTIALS = Credentials(
    "CLIENT123", {"api_key": "key1", "api_secret": "secret1", "redirect_uri": CALLBACK}, access_token="token1"
)
LOTS = {"CRUDEOIL26DECFUT": 100, "CRUDEOIL25APRFUT": 100}
ORDER_ID = "250328000022151"
TAG = "500268112345678901"


def lot_size_of(exchange: str, symbol: str) -> int:
    return LOTS[symbol]


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("mastertrust", base)


def access(base: str = "http://mastertrust.test") -> Access:
    return Access.of(CREDENTIALS, endpoint(base))


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    return limit_order(**({"symbol": "NIFTY26D0124200CE", "token": "NFO|54452", "client_order_id": TAG} | changes))


def change(**changes: Any) -> OrderChange:
    return price_change(
        **({"symbol": "NIFTY26D0124200CE", "token": "NFO|54452", "side": Side.SELL, "product": Product.MIS} | changes)
    )


def recorded(name: str) -> bytes:
    """The bytes of a documented payload."""
    return shared_path(f"mastertrust/docs_samples/{name}.json").read_bytes()


def data(name: str) -> Any:
    """What a documented payload says."""
    return json.loads(recorded(name))["data"]


def answer(name: str) -> WireAnswer:
    return WireAnswer(200, recorded(name))


def refused(message: str, *, code: int | None = 44000, status: int = 400) -> WireAnswer:
    fields = {} if code is None else {"error_code": code}
    return WireAnswer(status, json.dumps({"data": {}, "message": message, "status": "error", **fields}).encode())


def success(body: object) -> bytes:
    return json.dumps({"data": body, "message": "", "status": "success"}).encode()


def order_row(**changes: object) -> dict[str, object]:
    """A row of the order book, with changes; ``None`` leaves a field out."""
    row: dict[str, object] = {
        "average_price": "0.00",
        "exchange": "NFO",
        "order_side": "BUY",
        "oms_order_id": ORDER_ID,
        "order_type": "LIMIT",
        "trading_symbol": "NIFTY26D0124200CE",
        "quantity": 130,
        "product": "NRML",
        "order_status": "open",
        "trigger_price": "0.00",
        "price": "42.10",
        "filled_quantity": 0,
        "exchange_time": 1743137188,
        "user_order_id": TAG,
        "rejection_reason": "--",
        "instrument_token": "54452",
        "order_entry_time": 1743137180,
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def page(*rows: dict[str, object]) -> bytes:
    return json.dumps({"orders": rows}).encode()
