"""Zerodha for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.rest import RestAccount
from brokers.zerodha.access import Access
from brokers.zerodha.client import ZerodhaBroker
from brokers.zerodha.feed import SILENCE_SECONDS, ZerodhaFeed, ZerodhaOrderStream, socket_url
from brokers.zerodha.login import ZerodhaLogin
from brokers.zerodha.market_data import ZerodhaMarketData
from brokers.zerodha.spec import ENDPOINT, SPEC
from domain.broker import Broker, MarketData, MarketFeed, OrderStream


def _broker(account: Account) -> Broker:
    return ZerodhaBroker(_rest(account))


def _market_data(account: Account) -> MarketData:
    return ZerodhaMarketData(_rest(account), equities=account.equities)


def _feed(account: Account) -> MarketFeed:
    return ZerodhaFeed(
        wire=account.wire(),
        url=socket_url(_access(account), account.endpoint),
        lot_size_of=account.lot_size_of,
        on_order=account.on_order,
        silence_seconds=account.silence_seconds or SILENCE_SECONDS,
    )


def _order_stream(account: Account) -> OrderStream:
    return ZerodhaOrderStream(
        wire=account.wire(),
        url=socket_url(_access(account), account.endpoint),
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
    login=ZerodhaLogin,
    market_data=_market_data,
    feed=_feed,
    order_stream=_order_stream,
)
