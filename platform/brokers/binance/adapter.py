"""Binance for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.binance.access import Access
from brokers.binance.client import BinanceBroker
from brokers.binance.feed import BinanceFeed
from brokers.binance.login import BinanceLogin
from brokers.binance.market_data import BinanceMarketData
from brokers.binance.order_stream import BinanceOrderStream
from brokers.binance.spec import ENDPOINT, SPEC
from brokers.rest import RestAccount
from domain.broker import Broker, MarketFeed, OrderStream


def _broker(account: Account) -> Broker:
    return BinanceBroker(RestAccount.of(SPEC, account, Access.of(account)))


def _feed(account: Account) -> MarketFeed:
    return BinanceFeed(
        wire=account.wire(),
        url=account.endpoint.socket_url,
        step_of=account.step_of,
        silence_seconds=account.silence_seconds,
    )


def _order_stream(account: Account) -> OrderStream:
    return BinanceOrderStream(
        wire=account.wire(),
        access=Access.of(account),
        url=account.endpoint.order_socket_url,
        silence_seconds=account.silence_seconds,
    )


ADAPTER = Adapter(
    spec=SPEC,
    endpoint=ENDPOINT,
    broker=_broker,
    login=BinanceLogin,
    market_data=BinanceMarketData,
    feed=_feed,
    order_stream=_order_stream,
)
