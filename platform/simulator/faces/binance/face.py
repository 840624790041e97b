"""The face put together: its routes, under /binance. What is at several hosts there is here told apart by path."""

from aiohttp import web

from simulator.faces.binance.calls import BinanceCounter, PublicCounter
from simulator.faces.binance.futures import routes as futures
from simulator.faces.binance.market import MarketData
from simulator.faces.binance.orders import BinanceOrders
from simulator.faces.binance.portfolio import Portfolio
from simulator.faces.binance.streams import spot_streams
from simulator.faces.binance.user_stream import UserStreams
from simulator.faces.desk import Desk
from simulator.faces.face import Face, application

_V3 = "/api/v3"


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = BinanceCounter(desk)
    app, market, users = application(counter), spot_streams(desk), UserStreams(counter)
    _account(app.router, counter)
    _market(app.router, PublicCounter(desk, counter.limits))
    app.router.add_get("/stream", market.combined)
    app.router.add_get("/ws", market.raw)
    app.router.add_get("/ws/{streams:.*}", market.raw)
    app.router.add_get("/ws-api/v3", users.connect)
    return Face(app=app, sockets=(market, users, *futures.add_to(app.router, counter)))


def _account(router: web.UrlDispatcher, counter: BinanceCounter) -> None:
    orders, books = BinanceOrders(counter), Portfolio(counter.desk)
    router.add_post(f"{_V3}/order", orders.place)
    router.add_delete(f"{_V3}/order", orders.cancel)
    router.add_post(f"{_V3}/order/cancelReplace", orders.modify)
    reads = (
        ("order", books.one_order, "orders.one", "4"),
        ("openOrders", books.open_orders, "orders.open", "6"),
        ("allOrders", books.all_orders, "orders.book", "20"),
        ("myTrades", books.my_trades, "trades.book", "20"),
        ("account", books.account, "account", "20"),
        ("rateLimit/order", books.order_count, "orders.count", "40"),
    )
    for path, read, name, weight in reads:
        router.add_get(f"{_V3}/{path}", counter.reading(read, name=name, bucket=weight))


def _market(router: web.UrlDispatcher, counter: PublicCounter) -> None:
    data = MarketData(counter.desk)
    reads = (
        ("ping", data.ping, "ping", "1"),
        ("time", data.time, "time", "1"),
        ("exchangeInfo", data.exchange_info, "instruments", "20"),
        ("depth", data.depth, "depth", "5"),
        ("klines", data.klines, "historical", "2"),
        ("ticker/24hr", data.days, "quote", "2"),
        ("ticker/price", data.prices, "price", "4"),
        ("ticker/bookTicker", data.touches, "touch", "4"),
    )
    for path, read, name, weight in reads:
        router.add_get(f"{_V3}/{path}", counter.reading(read, name=name, bucket=weight))
