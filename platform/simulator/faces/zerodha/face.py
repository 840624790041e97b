"""The face put together: its routes, under /zerodha."""

from aiohttp import web

from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.zerodha.auth import Auth, login_page
from simulator.faces.zerodha.calls import BROKER, KiteCounter
from simulator.faces.zerodha.limits import Bucket
from simulator.faces.zerodha.margins import Calculators
from simulator.faces.zerodha.market import MarketData
from simulator.faces.zerodha.orders import KiteOrders
from simulator.faces.zerodha.portfolio import Portfolio
from simulator.faces.zerodha.postbacks import KitePostbacks
from simulator.faces.zerodha.ticker import Ticker


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = KiteCounter(desk)
    app, ticker = application(counter), Ticker(counter)
    login_page(counter).mount(app, "/connect/login")
    _sessions(app.router, counter)
    _orders(app.router, counter)
    _reads(app.router, counter)
    _market(app.router, counter)
    for path in ("", "/"):  # the address of the real socket is a host alone
        app.router.add_get(path, ticker.connect)
    return Face(app=app, sockets=(ticker,), postbacks=KitePostbacks(desk, BROKER))


def _sessions(router: web.UrlDispatcher, counter: KiteCounter) -> None:
    auth = Auth(counter)
    router.add_post("/session/token", auth.token)
    router.add_delete("/session/token", auth.logout)


def _orders(router: web.UrlDispatcher, counter: KiteCounter) -> None:
    orders = KiteOrders(counter)
    router.add_post("/orders/{variety}", orders.place)
    router.add_put("/orders/{variety}/{order_id}", orders.modify)
    router.add_delete("/orders/{variety}/{order_id}", orders.cancel)


def _reads(router: web.UrlDispatcher, counter: KiteCounter) -> None:
    books, sums = Portfolio(counter.desk), Calculators(counter.desk)
    router.add_get("/orders", counter.reading(books.orders, name="orders.book"))
    router.add_get("/orders/{order_id}", counter.reading(books.history, name="orders.history"))
    router.add_get("/orders/{order_id}/trades", counter.reading(books.order_trades, name="orders.trades"))
    router.add_get("/trades", counter.reading(books.trades, name="trades.book"))
    router.add_get("/portfolio/positions", counter.reading(books.positions, name="positions"))
    router.add_put("/portfolio/positions", counter.reading(books.convert, name="positions.convert"))
    router.add_get("/portfolio/holdings", counter.reading(books.holdings, name="holdings"))
    router.add_get("/user/profile", counter.reading(books.profile, name="profile"))
    router.add_get("/user/margins", counter.reading(books.margins, name="margins"))
    router.add_get("/user/margins/{segment}", counter.reading(books.margins, name="margins"))
    router.add_post("/margins/orders", counter.reading(sums.orders, name="margins.orders"))
    router.add_post("/margins/basket", counter.reading(sums.basket, name="margins.basket"))
    router.add_post("/charges/orders", counter.reading(sums.charges, name="charges"))


def _market(router: web.UrlDispatcher, counter: KiteCounter) -> None:
    data = MarketData(counter.desk)
    router.add_get("/instruments", counter.reading(data.instruments, name="instruments"))
    history = counter.reading(data.historical, name="historical", bucket=Bucket.HISTORICAL)
    router.add_get("/instruments/historical/{token}/{interval}", history)
    router.add_get("/instruments/{exchange}", counter.reading(data.instruments, name="instruments"))
    router.add_get("/quote", counter.reading(data.quote, name="quote", bucket=Bucket.QUOTE))
    router.add_get("/quote/ohlc", counter.reading(data.ohlc, name="quote", bucket=Bucket.QUOTE))
    router.add_get("/quote/ltp", counter.reading(data.ltp, name="quote", bucket=Bucket.QUOTE))
