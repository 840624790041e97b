"""Interactive Brokers for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.ibkr.access import Access
from brokers.ibkr.client import IbkrBroker
from brokers.ibkr.feed import IbkrFeed, IbkrOrderStream
from brokers.ibkr.login import IbkrLogin
from brokers.ibkr.market_data import IbkrMarketData
from brokers.ibkr.spec import ENDPOINT, SPEC
from brokers.rest import RestAccount
from domain.broker import Broker, MarketData, MarketFeed, OrderStream


def _broker(account: Account) -> Broker:
    return IbkrBroker(_rest(account))


def _market_data(account: Account) -> MarketData:
    return IbkrMarketData(_rest(account), equities=account.equities)


def _feed(account: Account) -> MarketFeed:
    url = account.endpoint.socket_url
    return IbkrFeed(account=_rest(account), url=url, silence_seconds=account.silence_seconds)


def _order_stream(account: Account) -> OrderStream:
    url = account.endpoint.socket_url
    return IbkrOrderStream(account=_rest(account), url=url, silence_seconds=account.silence_seconds)


def _rest(account: Account) -> RestAccount[Access]:
    return RestAccount.of(SPEC, account, Access.of(account.credentials, account.endpoint))


ADAPTER = Adapter(
    spec=SPEC,
    endpoint=ENDPOINT,
    broker=_broker,
    login=IbkrLogin,
    market_data=_market_data,
    feed=_feed,
    order_stream=_order_stream,
)
