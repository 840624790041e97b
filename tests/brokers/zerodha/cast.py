"""The account and the contracts that Zerodha tests share."""

from typing import Any

from brokers.catalog import simulated_endpoint
from brokers.transport import WireAnswer
from brokers.zerodha.access import Access
from domain.broker import Credentials, Endpoint
from domain.orders import OrderRequest
from tests.brokers.order_cast import limit_order
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


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    return limit_order(**({"symbol": "NIFTY26NOV24200CE", "token": "10189826"} | changes))


def recorded(name: str) -> bytes:
    """The bytes of a recorded Kite payload."""
    return shared_path(f"zerodha/kiteconnect-mocks/{name}").read_bytes()


def answer(name: str) -> WireAnswer:
    return WireAnswer(200, recorded(name))
