"""The account, the contracts and the recorded payloads that Fyers' tests share."""

import base64
import json
from typing import Any

from brokers.catalog import simulated_endpoint
from brokers.fyers.access import Access
from brokers.transport import WireAnswer
from domain.broker import Credentials, Endpoint
from domain.orders import OrderChange, OrderRequest
from tests.brokers.order_cast import limit_order, price_change
from tests.shared import shared_path

CREDENTIALS = Credentials(
    "FX0011",
    {"api_key": "APP1-200", "api_secret": "secret1", "redirect_uri": "https://vayda.test/callback"},
    access_token="token1",
)
LOTS = {"MCX:CRUDEOIL26DECFUT": 100, "MCX:SILVERMIC20AUGFUT": 1, "MCX:LEAD26DECFUT": 5000}
ORDER_ID = "26112000000103"
OPTION = "NSE:NIFTY26D0124200CE"


def lot_size_of(exchange: str, symbol: str) -> int:
    return LOTS[symbol]


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("fyers", base)


def access(base: str = "http://fyers.test") -> Access:
    return Access.of(CREDENTIALS, endpoint(base))


def recorded(name: str) -> bytes:
    """Return a documented sample by the end of its name."""
    return shared_path(f"fyers/docs_marketcalls/fyers-api-v3__{name}").read_bytes()


def refused(code: int, message: str, *, status: int = 400) -> WireAnswer:
    return WireAnswer(status, json.dumps({"s": "error", "code": code, "message": message}).encode())


def said(**body: object) -> bytes:
    return json.dumps({"s": "ok", "code": 200, "message": "", **body}).encode()


def jwt(**claims: object) -> str:
    """Return an access token that claims so."""
    parts = ({"typ": "JWT", "alg": "HS256"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}.c2lnbmF0dXJl"


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    return limit_order(**({"symbol": OPTION, "token": "sf|nse_fo|54452"} | changes))


def change(**changes: Any) -> OrderChange:
    return price_change(**({"symbol": OPTION} | changes))


def order_row(**changes: object) -> dict[str, object]:
    """A row of the order book: an option order of two lots that rests."""
    return {
        "id": ORDER_ID,
        "symbol": OPTION,
        "exchange": 10,
        "segment": 11,
        "side": 1,
        "type": 1,
        "status": 6,
        "productType": "MARGIN",
        "qty": 130,
        "filledQty": 0,
        "remainingQuantity": 130,
        "tradedPrice": 0,
        "limitPrice": 42.1,
        "stopPrice": 0,
        "orderTag": "1:VAYDA000000000000001",
        "message": "",
        "orderDateTime": "20-Nov-2026 10:00:00",
    } | changes
