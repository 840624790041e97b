"""The futures exchange's routes: /fapi, and the sockets of /public, /market and /private."""

from typing import Any

from aiohttp import web

from simulator.faces.binance.calls import BinanceCounter
from simulator.faces.binance.futures.calls import FuturesCounter, FuturesPublicCounter, KeyedCounter
from simulator.faces.binance.futures.listen_keys import ListenKeys
from simulator.faces.binance.futures.market import futures_market
from simulator.faces.binance.futures.modes import Modes
from simulator.faces.binance.futures.orders import FuturesOrders
from simulator.faces.binance.futures.portfolio import Portfolio
from simulator.faces.binance.futures.streams import market_streams, public_streams
from simulator.faces.binance.futures.user_stream import PrivateStreams
from simulator.faces.sockets import Sockets

_V1, _V2, _V3 = "/fapi/v1", "/fapi/v2", "/fapi/v3"


def add_to(router: web.UrlDispatcher, spot: BinanceCounter) -> list[Sockets[Any]]:
    """Add the routes, whose callers are those of the spot market; returns the sockets."""
    counter, keys = FuturesCounter(spot), ListenKeys()
    _account(router, counter)
    _market(router, FuturesPublicCounter(spot, counter.limits))
    _listen_keys(router, KeyedCounter(spot, counter.limits), keys)
    public, market = public_streams(spot.desk), market_streams(spot.desk)
    for route, sockets in (("public", public), ("market", market)):
        router.add_get(f"/{route}/stream", sockets.combined)
        router.add_get(f"/{route}/ws", sockets.raw)
        router.add_get(f"/{route}/ws/{{streams:.*}}", sockets.raw)
    private = PrivateStreams(spot.desk, keys)
    router.add_get("/private/stream", private.combined)
    router.add_get("/private/ws", private.raw)
    router.add_get("/private/ws/{key}", private.raw)
    return [public, market, private]


def _account(router: web.UrlDispatcher, counter: FuturesCounter) -> None:
    modes = Modes(counter.desk)
    orders, books = FuturesOrders(counter, modes), Portfolio(counter.desk)
    router.add_post(f"{_V1}/order", orders.place)
    router.add_put(f"{_V1}/order", orders.modify)
    router.add_delete(f"{_V1}/order", orders.cancel)
    router.add_post(f"{_V1}/positionSide/dual", counter.reading(modes.chosen, name="mode.set", bucket="1"))
    reads = (
        (f"{_V1}/order", books.one_order, "orders.one", "1"),
        (f"{_V1}/openOrder", books.one_open_order, "orders.one", "1"),
        (f"{_V1}/openOrders", books.open_orders, "orders.open", "1"),
        (f"{_V1}/allOrders", books.all_orders, "orders.book", "5"),
        (f"{_V1}/userTrades", books.user_trades, "trades.book", "5"),
        (f"{_V1}/rateLimit/order", books.order_limits, "orders.count", "1"),
        (f"{_V1}/positionSide/dual", modes.shown, "mode", "30"),
        (f"{_V3}/account", books.account, "futures.account", "5"),
        (f"{_V3}/balance", books.balance, "futures.balance", "5"),
        (f"{_V3}/positionRisk", books.position_risk, "positions", "5"),
    )
    for path, read, name, weight in reads:
        router.add_get(path, counter.reading(read, name=name, bucket=weight))


def _market(router: web.UrlDispatcher, counter: FuturesPublicCounter) -> None:
    data = futures_market(counter.desk)
    reads = (
        (f"{_V1}/ping", data.ping, "ping", "1"),
        (f"{_V1}/time", data.time, "time", "1"),
        (f"{_V1}/exchangeInfo", data.exchange_info, "instruments", "1"),
        (f"{_V1}/depth", data.depth, "depth", "10"),
        (f"{_V1}/klines", data.klines, "historical", "5"),
        (f"{_V1}/premiumIndex", data.mark, "mark", "1"),
        (f"{_V1}/ticker/24hr", data.days, "quote", "1"),
        (f"{_V1}/ticker/price", data.prices, "price", "1"),
        (f"{_V2}/ticker/price", data.prices, "price", "1"),
        (f"{_V1}/ticker/bookTicker", data.touches, "touch", "2"),
    )
    for path, read, name, weight in reads:
        router.add_get(path, counter.reading(read, name=name, bucket=weight))


def _listen_keys(router: web.UrlDispatcher, counter: KeyedCounter, keys: ListenKeys) -> None:
    path = f"{_V1}/listenKey"
    router.add_post(path, counter.reading(keys.start, name="listen_key", bucket="1"))
    router.add_put(path, counter.reading(keys.keep, name="listen_key", bucket="1"))
    router.add_delete(path, counter.reading(keys.close, name="listen_key", bucket="1"))
