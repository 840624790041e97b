"""An account's order updates, of each market it trades."""

from collections.abc import AsyncIterator

from brokers.adapter import Account
from brokers.binance.access import Access
from brokers.binance.futures.order_stream import FuturesOrderStream
from brokers.binance.joined import Joined
from brokers.binance.order_socket import OrderSocket
from brokers.binance.order_stream import SpotOrderStream
from domain.orders import BrokerOrder


class BinanceOrderStream:
    """The streams of the account's markets, read as one."""

    def __init__(self, account: Account) -> None:
        self._wire, endpoint, silence = account.wire(), account.endpoint, account.silence_seconds
        spot, futures = Access.of(account), Access.of_futures(account)
        self._streams: list[OrderSocket] = []
        if spot.symbols:
            url = endpoint.order_socket_url
            self._streams.append(SpotOrderStream(wire=self._wire, access=spot, url=url, silence_seconds=silence))
        if futures.symbols:
            url = endpoint.futures_socket_url
            self._streams.append(FuturesOrderStream(wire=self._wire, access=futures, url=url, silence_seconds=silence))

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until a socket drops, then raise ``BrokerUnavailable``; ``SessionLost`` for dead keys."""
        joined = Joined[BrokerOrder]()
        try:
            for stream in self._streams:
                joined.add(stream.connect())
            async for order in joined.read():
                yield order
        finally:
            await joined.aclose()

    async def aclose(self) -> None:
        """Close the sockets (a running ``connect`` then raises) and the session."""
        for stream in self._streams:
            await stream.aclose()
        await self._wire.aclose()
