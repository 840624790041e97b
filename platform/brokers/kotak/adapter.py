"""Kotak Neo for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.kotak.access import Access
from brokers.kotak.client import KotakBroker
from brokers.kotak.feed import KotakFeed, KotakOrderStream
from brokers.kotak.login import KotakLogin
from brokers.kotak.market_data import KotakMarketData
from brokers.kotak.spec import ENDPOINT, SPEC
from brokers.rest import RestAccount
from domain.broker import Broker, MarketData, MarketFeed, OrderStream


def _access(account: Account) -> Access:
    return Access.of(account.credentials, account.endpoint)


def _broker(account: Account) -> Broker:
    return KotakBroker(RestAccount.of(SPEC, account, _access(account)))


def _market_data(account: Account) -> MarketData:
    return KotakMarketData(RestAccount.of(SPEC, account, _access(account)), equities=account.equities)


def _feed(account: Account) -> MarketFeed:
    return KotakFeed(wire=account.wire(), access=_access(account), silence_seconds=account.silence_seconds)


def _order_stream(account: Account) -> OrderStream:
    return KotakOrderStream(
        wire=account.wire(),
        access=_access(account),
        lot_size_of=account.lot_size_of,
        silence_seconds=account.silence_seconds,
    )


ADAPTER = Adapter(
    spec=SPEC,
    endpoint=ENDPOINT,
    broker=_broker,
    login=KotakLogin,
    market_data=_market_data,
    feed=_feed,
    order_stream=_order_stream,
)
