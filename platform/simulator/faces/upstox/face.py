"""The face put together: its routes, under /upstox."""

from aiohttp import web

from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.upstox.auth import Auth, dialog
from simulator.faces.upstox.calls import BROKER, UpstoxCounter
from simulator.faces.upstox.market import MarketData
from simulator.faces.upstox.orders import UpstoxOrders
from simulator.faces.upstox.portfolio import Portfolio
from simulator.faces.upstox.ticker import Ticker
from simulator.faces.upstox.updates import Updates, Webhooks


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = UpstoxCounter(desk)
    app, ticker, updates = application(counter), Ticker(counter), Updates(counter)
    dialog(counter).mount(app, "/v2/login/authorization/dialog")
    _sessions(app.router, counter)
    _orders(app.router, counter)
    _reads(app.router, counter)
    _market(app.router, counter)
    _socket(app.router, counter, "/v3/feed/market-data-feed", ticker)
    _socket(app.router, counter, "/v2/feed/portfolio-stream-feed", updates)
    return Face(app=app, sockets=(ticker, updates), postbacks=Webhooks(desk, BROKER))


def _sessions(router: web.UrlDispatcher, counter: UpstoxCounter) -> None:
    auth = Auth(counter)
    router.add_post("/v2/login/authorization/token", auth.token)
    router.add_delete("/v2/logout", auth.logout)


def _orders(router: web.UrlDispatcher, counter: UpstoxCounter) -> None:
    orders = UpstoxOrders(counter)
    for version in ("v2", "v3"):
        router.add_post(f"/{version}/order/place", orders.place)
        router.add_put(f"/{version}/order/modify", orders.modify)
        router.add_delete(f"/{version}/order/cancel", orders.cancel)


def _reads(router: web.UrlDispatcher, counter: UpstoxCounter) -> None:
    books = Portfolio(counter)
    router.add_get("/v2/order/retrieve-all", counter.api(books.orders, name="orders.book"))
    router.add_get("/v2/order/details", counter.api(books.details, name="orders.details"))
    router.add_get("/v2/order/history", counter.api(books.history, name="orders.history"))
    router.add_get("/v2/order/trades/get-trades-for-day", counter.api(books.trades, name="trades.book"))
    router.add_get("/v2/order/trades", counter.api(books.order_trades, name="orders.trades"))
    router.add_get("/v2/portfolio/short-term-positions", counter.api(books.positions, name="positions"))
    router.add_put("/v2/portfolio/convert-position", counter.api(books.convert, name="positions.convert"))
    router.add_get("/v2/portfolio/long-term-holdings", counter.api(books.holdings, name="holdings"))
    router.add_get("/v2/user/get-funds-and-margin", counter.api(books.funds, name="margins"))
    router.add_get("/v2/user/profile", counter.api(books.profile, name="profile"))
    router.add_post("/v2/charges/margin", counter.api(books.margin, name="margins.basket"))


def _market(router: web.UrlDispatcher, counter: UpstoxCounter) -> None:
    data = MarketData(counter)
    router.add_get(
        "/market-quote/instruments/exchange/{file}.json.gz", counter.public(data.instruments, name="instruments")
    )
    router.add_get("/v2/market-quote/quotes", counter.api(data.quotes, name="quote"))
    router.add_get("/v3/market-quote/ltp", counter.api(data.prices, name="quote.ltp"))
    bars = "/v3/historical-candle"
    router.add_get(
        f"{bars}/intraday/{{key}}/{{unit}}/{{interval}}", counter.public(data.today, name="historical.today")
    )
    router.add_get(
        f"{bars}/{{key}}/{{unit}}/{{interval}}/{{to_date}}/{{from_date}}",
        counter.public(data.history, name="historical"),
    )


def _socket(router: web.UrlDispatcher, counter: UpstoxCounter, path: str, sockets: Ticker | Updates) -> None:
    router.add_get(f"{path}/authorize", counter.api(sockets.gate.authorize, name="socket.authorize"))
    router.add_get(path, sockets.gate.redirect)
    router.add_get(sockets.gate.path, sockets.connect)
