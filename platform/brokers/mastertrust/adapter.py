"""Master Trust for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.mastertrust.access import Access
from brokers.mastertrust.client import MasterTrustBroker
from brokers.mastertrust.connection import socket_url
from brokers.mastertrust.feed import MasterTrustFeed, MasterTrustOrderStream
from brokers.mastertrust.login import MasterTrustLogin
from brokers.mastertrust.market_data import MasterTrustMarketData
from brokers.mastertrust.spec import ENDPOINT, SPEC
from brokers.rest import RestAccount
from domain.broker import Broker, MarketData, MarketFeed, OrderStream


def _broker(account: Account) -> Broker:
    return MasterTrustBroker(_rest(account))


def _market_data(account: Account) -> MarketData:
    return MasterTrustMarketData(_rest(account), equities=account.equities)


def _feed(account: Account) -> MarketFeed:
    return MasterTrustFeed(
        wire=account.wire(),
        url=socket_url(_access(account), account.endpoint),
        client_id=account.credentials.client_id,
        lot_size_of=account.lot_size_of,
        on_order=account.on_order,
        silence_seconds=account.silence_seconds,
    )


def _order_stream(account: Account) -> OrderStream:
    return MasterTrustOrderStream(
        wire=account.wire(),
        url=socket_url(_access(account), account.endpoint),
        client_id=account.credentials.client_id,
        lot_size_of=account.lot_size_of,
    )


def _rest(account: Account) -> RestAccount[Access]:
    return RestAccount.of(SPEC, account, _access(account))


def _access(account: Account) -> Access:
    return Access.of(account.credentials, account.endpoint)


ADAPTER = Adapter(
    spec=SPEC,
    endpoint=ENDPOINT,
    broker=_broker,
    login=MasterTrustLogin,
    market_data=_market_data,
    feed=_feed,
    order_stream=_order_stream,
)
