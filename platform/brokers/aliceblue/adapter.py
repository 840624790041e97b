"""Alice Blue for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.aliceblue.access import Access
from brokers.aliceblue.client import AliceBlueBroker
from brokers.aliceblue.feed import AliceBlueFeed, AliceBlueOrderStream
from brokers.aliceblue.line import line_of
from brokers.aliceblue.login import AliceBlueLogin
from brokers.aliceblue.market_data import AliceBlueMarketData
from brokers.aliceblue.spec import ENDPOINT, SPEC
from brokers.rest import RestAccount
from domain.broker import Broker, MarketData, MarketFeed, OrderStream


def _broker(account: Account) -> Broker:
    return AliceBlueBroker(_rest(account))


def _market_data(account: Account) -> MarketData:
    return AliceBlueMarketData(
        _rest(account),
        line=line_of(account, _access(account)),
        master_url=account.endpoint.master_url,
        equities=account.equities,
    )


def _feed(account: Account) -> MarketFeed:
    return AliceBlueFeed(line_of(account, _access(account)), silence_seconds=account.silence_seconds)


def _order_stream(account: Account) -> OrderStream:
    return AliceBlueOrderStream(
        wire=account.wire(),
        access=_access(account),
        url=account.endpoint.order_socket_url,
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
    login=AliceBlueLogin,
    market_data=_market_data,
    feed=_feed,
    order_stream=_order_stream,
)
