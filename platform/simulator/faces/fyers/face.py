"""The face put together: its routes, under /fyers.

Trading, data, files and sockets have hosts of their own at Fyers; their paths do not collide.
"""

from aiohttp import web

from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.fyers.auth import Auth, login_page
from simulator.faces.fyers.calls import FyersCounter
from simulator.faces.fyers.market import MarketData
from simulator.faces.fyers.order_socket import OrderSockets
from simulator.faces.fyers.orders import FyersOrders
from simulator.faces.fyers.portfolio import Portfolio
from simulator.faces.fyers.ticker import Ticker

_API, _DATA, _FILES = "/api/v3", "/data", "/sym_details"


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = FyersCounter(desk)
    app, ticker, orders = application(counter), Ticker(counter), OrderSockets(counter)
    login_page(counter).mount(app, f"{_API}/generate-authcode")
    _sessions(app.router, counter)
    _orders(app.router, counter)
    _reads(app.router, counter)
    _market(app.router, counter)
    app.router.add_get("/hsm/v1-5/prod", ticker.connect)
    app.router.add_get("/trade/v3", orders.connect)
    return Face(app=app, sockets=(ticker, orders))


def _sessions(router: web.UrlDispatcher, counter: FyersCounter) -> None:
    auth = Auth(counter)
    router.add_post(f"{_API}/validate-authcode", auth.token)
    router.add_post(f"{_API}/logout", auth.logout)


def _orders(router: web.UrlDispatcher, counter: FyersCounter) -> None:
    orders = FyersOrders(counter)
    router.add_post(f"{_API}/orders/sync", orders.place)
    router.add_patch(f"{_API}/orders/sync", orders.modify)
    router.add_delete(f"{_API}/orders/sync", orders.cancel)
    router.add_delete(f"{_API}/orders/{{order_id}}/sync", orders.cancel)


def _reads(router: web.UrlDispatcher, counter: FyersCounter) -> None:
    books = Portfolio(counter)
    router.add_get(f"{_API}/orders", counter.reading(books.orders, name="orders.book"))
    router.add_get(f"{_API}/tradebook", counter.reading(books.trades, name="trades.book"))
    router.add_get(f"{_API}/positions", counter.reading(books.positions, name="positions"))
    router.add_post(f"{_API}/positions", counter.reading(books.convert, name="positions.convert"))
    router.add_get(f"{_API}/holdings", counter.reading(books.holdings, name="holdings"))
    router.add_get(f"{_API}/funds", counter.reading(books.funds, name="margins"))
    router.add_get(f"{_API}/profile", counter.reading(books.profile, name="profile"))
    router.add_post(f"{_API}/multiorder/margin", counter.reading(books.margin, name="margins.basket"))


def _market(router: web.UrlDispatcher, counter: FyersCounter) -> None:
    data = MarketData(counter)
    router.add_get(f"{_DATA}/quotes", counter.reading(data.quotes, name="quote"))
    router.add_get(f"{_DATA}/depth", counter.reading(data.depth, name="depth"))
    router.add_get(f"{_DATA}/history", counter.reading(data.history, name="historical"))
    router.add_post(f"{_DATA}/symbol-token", counter.reading(data.symbol_token, name="symbol.token"))
    router.add_get(f"{_FILES}/{{file}}", data.file)
