"""The face put together: its routes, under /mastertrust."""

from aiohttp import web

from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.mastertrust.auth import Auth, consent_page
from simulator.faces.mastertrust.calls import TradelabCounter
from simulator.faces.mastertrust.market import MarketData
from simulator.faces.mastertrust.orders import TradelabOrders
from simulator.faces.mastertrust.portfolio import Portfolio
from simulator.faces.mastertrust.ticker import Ticker

_API = "/api/v1"


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = TradelabCounter(desk)
    app, ticker = application(counter), Ticker(counter)
    consent_page(counter).mount(app, "/oauth2/auth")
    app.router.add_post("/oauth2/token", Auth(counter).token)
    _orders(app.router, counter)
    _reads(app.router, counter)
    _market(app.router, counter)
    for path in ("/ws/v1/feeds", "/hydrasocket/v2/websocket"):
        app.router.add_get(path, ticker.connect)
    return Face(app=app, sockets=(ticker,))


def _orders(router: web.UrlDispatcher, counter: TradelabCounter) -> None:
    orders = TradelabOrders(counter)
    router.add_post(f"{_API}/orders", orders.place)
    router.add_put(f"{_API}/orders", orders.modify)
    router.add_delete(_API + "/orders/{oms_order_id}", orders.cancel)


def _reads(router: web.UrlDispatcher, counter: TradelabCounter) -> None:
    books = Portfolio(counter)
    router.add_get(f"{_API}/orders", counter.reading(books.orders, name="orders.book"))
    router.add_get(_API + "/order/{oms_order_id}/history", counter.reading(books.history, name="orders.history"))
    router.add_get(f"{_API}/trades", counter.reading(books.trades, name="trades.book"))
    router.add_get(f"{_API}/positions", counter.reading(books.positions, name="positions"))
    router.add_put(f"{_API}/position/convert", counter.reading(books.convert, name="positions.convert"))
    router.add_get(f"{_API}/holdings", counter.reading(books.holdings, name="holdings"))
    for version in ("/api/v1", "/api/v2"):
        router.add_get(f"{version}/funds/view", counter.reading(books.funds, name="margins"))
    router.add_get(f"{_API}/user/profile", counter.reading(books.profile, name="profile"))
    router.add_get(f"{_API}/user/trading_info", counter.reading(books.profile, name="profile"))


def _market(router: web.UrlDispatcher, counter: TradelabCounter) -> None:
    data = MarketData(counter)
    router.add_get(f"{_API}/contract/Compact", counter.reading(data.contract, name="instruments"))
    router.add_get(_API + "/contract/{exchange}", counter.reading(data.contract, name="security"))
    router.add_get(f"{_API}/search", counter.reading(data.search, name="search"))
    router.add_get(_API + "/marketdata/{exchange}/{segment}", counter.reading(data.quote, name="quote"))
    router.add_get(f"{_API}/charts/tdv", counter.reading(data.history, name="historical"))
    router.add_get("/api/v2/contracts.json", data.contracts)
