"""A member of the family for ``brokers.connect``."""

from collections.abc import Callable

from brokers.adapter import Account, Adapter
from brokers.noren.access import Access
from brokers.noren.client import NorenBroker
from brokers.noren.feed import NorenFeed, NorenOrderStream
from brokers.noren.market_data import NorenMarketData
from brokers.noren.member import Member
from brokers.rest import RestAccount
from domain.broker import Broker, Login, MarketData, MarketFeed, OrderStream


def adapter_of(member: Member, *, login: Callable[[Account], Login]) -> Adapter:
    """Return a member's adapter; signing in is its own."""

    def access(account: Account) -> Access:
        return Access.of(member, account.credentials, account.endpoint)

    def rest(account: Account) -> RestAccount[Access]:
        return RestAccount.of(member.spec, account, access(account))

    def broker(account: Account) -> Broker:
        return NorenBroker(rest(account))

    def market_data(account: Account) -> MarketData:
        return NorenMarketData(rest(account), master_url=account.endpoint.master_url, equities=account.equities)

    def feed(account: Account) -> MarketFeed:
        return NorenFeed(
            wire=account.wire(),
            access=access(account),
            url=account.endpoint.socket_url,
            lot_size_of=account.lot_size_of,
            on_order=account.on_order,
            silence_seconds=account.silence_seconds,
        )

    def order_stream(account: Account) -> OrderStream:
        return NorenOrderStream(
            wire=account.wire(),
            access=access(account),
            url=account.endpoint.socket_url,
            lot_size_of=account.lot_size_of,
            silence_seconds=account.silence_seconds,
        )

    return Adapter(
        spec=member.spec,
        endpoint=member.endpoint,
        broker=broker,
        login=login,
        market_data=market_data,
        feed=feed,
        order_stream=order_stream,
    )
