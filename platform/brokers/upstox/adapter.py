"""Upstox for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.rest import RestAccount
from brokers.upstox.access import Access
from brokers.upstox.client import UpstoxBroker
from brokers.upstox.feed import UpstoxFeed, UpstoxOrderStream
from brokers.upstox.login import UpstoxLogin
from brokers.upstox.market_data import UpstoxMarketData
from brokers.upstox.spec import ENDPOINT, SPEC
from domain.broker import Broker, MarketData, MarketFeed, OrderStream


def _broker(account: Account) -> Broker:
    return UpstoxBroker(_rest(account))


def _market_data(account: Account) -> MarketData:
    return UpstoxMarketData(_rest(account), equities=account.equities)


def _feed(account: Account) -> MarketFeed:
    return UpstoxFeed(_rest(account), silence_seconds=account.silence_seconds)


def _order_stream(account: Account) -> OrderStream:
    return UpstoxOrderStream(_rest(account), silence_seconds=account.silence_seconds)


def _rest(account: Account) -> RestAccount[Access]:
    return RestAccount.of(SPEC, account, Access.of(account.credentials, account.endpoint))


ADAPTER = Adapter(
    spec=SPEC,
    endpoint=ENDPOINT,
    broker=_broker,
    login=UpstoxLogin,
    market_data=_market_data,
    feed=_feed,
    order_stream=_order_stream,
)
