"""The face put together: its routes, under its slug."""

from aiohttp import web

from simulator.faces.aliceblue.auth import Auth, sign_in_page
from simulator.faces.aliceblue.calls import AliceCounter
from simulator.faces.aliceblue.market import MarketData
from simulator.faces.aliceblue.orders import AliceOrders
from simulator.faces.aliceblue.portfolio import Portfolio
from simulator.faces.aliceblue.ticker import OrderFeed, Ticker
from simulator.faces.desk import Desk
from simulator.faces.face import Face, application

_API = "/open-api/od/v1"
_CONTRACTS = "/restpy/static/contract_master"


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = AliceCounter(desk)
    app, ticker, feed = application(counter), Ticker(counter), OrderFeed(counter)
    _sessions(app.router, counter, Auth(counter, ticker, feed))
    _orders(app.router, counter)
    _reads(app.router, counter)
    _market(app.router, counter)
    app.router.add_get("/NorenWS{slash:/*}", ticker.connect)
    app.router.add_get("/open-api/order-notify/websocket", feed.connect)
    sign_in_page(counter).mount(app, "", "/")
    return Face(app=app, sockets=(ticker, feed))


def _sessions(router: web.UrlDispatcher, counter: AliceCounter, auth: Auth) -> None:
    router.add_post(f"{_API}/vendor/getUserDetails", auth.session)
    router.add_post(f"{_API}/profile/invalidateWsSess", counter.reading(auth.end_socket, name="socket.end"))
    router.add_post(f"{_API}/profile/createWsSess", counter.reading(auth.announce_socket, name="socket.begin"))
    token = counter.reading(auth.order_token, name="socket.token")
    router.add_get("/open-api/order-notify/ws/createWsToken", token)


def _orders(router: web.UrlDispatcher, counter: AliceCounter) -> None:
    orders = AliceOrders(counter)
    router.add_post(f"{_API}/orders/placeorder", orders.place)
    router.add_post(f"{_API}/orders/modify", orders.modify)
    router.add_post(f"{_API}/orders/cancel", orders.cancel)


def _reads(router: web.UrlDispatcher, counter: AliceCounter) -> None:
    books = Portfolio(counter)
    router.add_get(f"{_API}/orders/book", counter.reading(books.orders, name="orders.book"))
    router.add_post(f"{_API}/orders/history", counter.reading(books.history, name="orders.history"))
    router.add_get(f"{_API}/orders/trades", counter.reading(books.trades, name="trades.book"))
    router.add_get(f"{_API}/positions", counter.reading(books.positions, name="positions"))
    router.add_post(f"{_API}/conversion", counter.reading(books.convert, name="positions.convert"))
    router.add_get(_API + "/holdings/{name:CNC|MTF|MIS}", counter.reading(books.holdings, name="holdings"))
    router.add_get(f"{_API}/limits/", counter.reading(books.limits, name="margins"))
    router.add_get(f"{_API}/profile/", counter.reading(books.profile, name="profile"))
    router.add_post(f"{_API}/orders/checkMargin", counter.reading(books.order_margin, name="margins.orders"))
    router.add_post(f"{_API}/orders/basket/margin", counter.reading(books.basket_margin, name="margins.basket"))


def _market(router: web.UrlDispatcher, counter: AliceCounter) -> None:
    data = MarketData(counter)
    for folder in (_CONTRACTS, f"{_CONTRACTS}/V2"):
        router.add_get(folder + "/{file}", data.contracts)
    history = counter.reading(data.history, name="historical")
    router.add_post("/open-api/od/ChartAPIService/api/chart/history", history)
