"""Binance for ``brokers.connect``."""

from brokers.adapter import Adapter
from brokers.binance.client import BinanceBroker
from brokers.binance.feed import BinanceFeed
from brokers.binance.login import BinanceLogin
from brokers.binance.market_data import BinanceMarketData
from brokers.binance.spec import ENDPOINT, SPEC
from brokers.binance.updates import BinanceOrderStream

ADAPTER = Adapter(
    spec=SPEC,
    endpoint=ENDPOINT,
    broker=BinanceBroker,
    login=BinanceLogin,
    market_data=BinanceMarketData,
    feed=BinanceFeed,
    order_stream=BinanceOrderStream,
)
