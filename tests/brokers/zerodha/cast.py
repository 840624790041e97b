"""The account and the contracts that Zerodha tests share."""

from dataclasses import replace
from decimal import Decimal

from brokers.catalog import simulated_endpoint
from brokers.transport import WireAnswer
from brokers.zerodha.access import Access
from domain.broker import Credentials, Endpoint
from domain.orders import OrderRequest, OrderType, Product, Side
from tests.shared import shared_path

CREDENTIALS = Credentials("AB1234", {"api_key": "key1", "api_secret": "secret1"}, access_token="token1")
LOTS = {"CRUDEOIL26DECFUT": 100, "GOLDPETAL21JUNFUT": 1, "USDINR21JUNFUT": 1000}
LOTS |= {"LEADMINI17DECFUT": 1000, "GOLDGUINEA17DECFUT": 8}


def lot_size_of(exchange: str, symbol: str) -> int:
    return LOTS[symbol]


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("zerodha", base)


def access(base: str = "http://kite.test") -> Access:
    return Access.of(CREDENTIALS, endpoint(base))


def request(**changes: object) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    base = OrderRequest(
        client_order_id="VAYDA000000000000001",
        exchange="NFO",
        symbol="NIFTY26NOV24200CE",
        token="10189826",
        side=Side.SELL,
        quantity=130,
        lot_size=65,
        product=Product.MIS,
        order_type=OrderType.LIMIT,
        price=Decimal("42.10"),
    )
    return replace(base, **changes)


def recorded(name: str) -> bytes:
    """The bytes of a recorded Kite payload."""
    return shared_path(f"zerodha/kiteconnect-mocks/{name}").read_bytes()


def answer(name: str) -> WireAnswer:
    return WireAnswer(200, recorded(name))
