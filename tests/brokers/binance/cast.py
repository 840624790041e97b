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
from domain.orders import OrderChange, OrderRequest, OrderType, Product, Side
from tests.shared import shared_path

STEPS = {"BTCUSDT": Decimal("0.00001"), "ETHUSDT": Decimal("0.0001"), "LTCBTC": Decimal("0.1")}
FUTURES_STEPS = {"BTCUSDT": Decimal("0.001"), "ADAUSDT": Decimal(1), "BNBUSDT": Decimal("0.01")}
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
FUTURES_WISH = replace(
    WISH, exchange="BINANCE_UM", token="UM:BTCUSDT", quantity=25, product=Product.NRML, price=Decimal("91000.1")
)
FUTURES_CHANGE = OrderChange(
    order_type=OrderType.LIMIT,
    quantity=30,
    lot_size=1,
    exchange="BINANCE_UM",
    price=Decimal("90999.9"),
    side=Side.BUY,
)


def step_of(exchange: str, symbol: str) -> Decimal:
    return (FUTURES_STEPS if exchange == "BINANCE_UM" else STEPS)[symbol]


def account(url: str = "http://binance.invalid", **fields: str) -> Account:
    credentials = Credentials("354937868", {**FIELDS, **fields})
    sockets = url.replace("http", "ws")
    endpoint = Endpoint(rest_url=url, socket_url=f"{sockets}/stream", futures_url=url, futures_socket_url=sockets)
    return replace(Account(credentials, endpoint, 5.0, None, unknown_lots), step_of=step_of)


def access(**fields: str) -> Access:
    return Access.of(account(**fields))


def futures_access(**fields: str) -> Access:
    return Access.of_futures(account(**{"contracts": "BTCUSDT", **fields}))


def futures_sample(group: str, name: str) -> Any:
    """Return one of the samples the official SDK of USD-M futures is tested with."""
    found = json.loads(shared_path("binance/usdm_futures_sample_responses.json").read_text())
    return found[group][name]


def samples(file: str, section: str) -> list[Any]:
    """Return the documentation's samples of a section."""
    found: Mapping[str, list[Any]] = json.loads(shared_path(f"binance/{file}.json").read_text())
    return found[section]
