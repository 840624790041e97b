"""Fyers for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.fyers.access import Access
from brokers.fyers.client import FyersBroker
from brokers.fyers.connection import SILENCE_SECONDS
from brokers.fyers.feed import FyersFeed
from brokers.fyers.login import FyersLogin
from brokers.fyers.market_data import FyersMarketData
from brokers.fyers.order_feed import FyersOrderStream
from brokers.fyers.spec import ENDPOINT, SPEC
from brokers.rest import RestAccount
from domain.broker import Broker, MarketData, MarketFeed, OrderStream


def _broker(account: Account) -> Broker:
    return FyersBroker(_rest(account))


def _market_data(account: Account) -> MarketData:
    return FyersMarketData(_rest(account), master_url=account.endpoint.master_url, equities=account.equities)


def _feed(account: Account) -> MarketFeed:
    return FyersFeed(
        wire=account.wire(),
        url=account.endpoint.socket_url,
        access_token=account.credentials.access_token,
        silence_seconds=account.silence_seconds or SILENCE_SECONDS,
    )


def _order_stream(account: Account) -> OrderStream:
    return FyersOrderStream(
        wire=account.wire(),
        url=account.endpoint.order_socket_url,
        access=_access(account),
        lot_size_of=account.lot_size_of,
        silence_seconds=account.silence_seconds or SILENCE_SECONDS,
    )


def _rest(account: Account) -> RestAccount[Access]:
    return RestAccount.of(SPEC, account, _access(account))


def _access(account: Account) -> Access:
    return Access.of(account.credentials, account.endpoint)


ADAPTER = Adapter(
    spec=SPEC,
    endpoint=ENDPOINT,
    broker=_broker,
    login=FyersLogin,
    market_data=_market_data,
    feed=_feed,
    order_stream=_order_stream,
)
