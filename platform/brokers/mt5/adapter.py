"""MetaTrader 5 for ``brokers.connect``."""

from brokers.adapter import Account, Adapter
from brokers.mt5.client import Mt5Broker
from brokers.mt5.desk import Counterpart
from brokers.mt5.feed import Mt5Feed
from brokers.mt5.login import Mt5Login
from brokers.mt5.market_data import Mt5MarketData
from brokers.mt5.spec import ENDPOINT, SPEC
from domain.broker import Broker, Login, MarketData, MarketFeed


def _broker(account: Account) -> Broker:
    return Mt5Broker(Counterpart.of(account))


def _login(account: Account) -> Login:
    return Mt5Login(account)


def _market_data(account: Account) -> MarketData:
    return Mt5MarketData(Counterpart.of(account))


def _feed(account: Account) -> MarketFeed:
    return Mt5Feed(Counterpart.of(account), silence_seconds=account.silence_seconds)


ADAPTER = Adapter(spec=SPEC, endpoint=ENDPOINT, broker=_broker, login=_login, market_data=_market_data, feed=_feed)
