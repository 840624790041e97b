"""The account the tests of this folder are about, and Binance's own samples."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from brokers.adapter import Account
from brokers.binance.access import Access
from brokers.lots import unknown_lots
from domain.broker import Credentials, Endpoint
from domain.orders import OrderRequest, OrderType, Product, Side
from tests.shared import shared_path

STEPS = {"BTCUSDT": Decimal("0.00001"), "ETHUSDT": Decimal("0.0001"), "LTCBTC": Decimal("0.1")}
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FIELDS = {"api_key": "key1", "api_secret": SECRET}
TAG = "VAYDA000000000000001"
WISH = OrderRequest(
    client_order_id=TAG,
    exchange="BINANCE",
    symbol="BTCUSDT",
    token="BTCUSDT",
    side=Side.BUY,
    quantity=250,
    lot_size=1,
    product=Product.CNC,
    order_type=OrderType.LIMIT,
    price=Decimal("91000.01"),
)


def step_of(exchange: str, symbol: str) -> Decimal:
    return STEPS[symbol]


def account(url: str = "http://binance.invalid", **fields: str) -> Account:
    credentials = Credentials("354937868", {**FIELDS, **fields})
    endpoint = Endpoint(rest_url=url, socket_url="", order_socket_url="")
    return replace(Account(credentials, endpoint, 5.0, None, unknown_lots), step_of=step_of)


def access(**fields: str) -> Access:
    return Access.of(account(**fields))


def samples(file: str, section: str) -> list[Any]:
    """Return the documentation's samples of a section."""
    found: Mapping[str, list[Any]] = json.loads(shared_path(f"binance/{file}.json").read_text())
    return found[section]
