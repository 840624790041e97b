"""The face put together: its routes on the process's application."""

from dataclasses import dataclass

from aiohttp import hdrs, web

from simulator.faces.desk import Desk
from simulator.faces.zerodha.auth import Auth
from simulator.faces.zerodha.calls import Counter, Handler, reading
from simulator.faces.zerodha.limits import Bucket, Limits
from simulator.faces.zerodha.margins import Calculators
from simulator.faces.zerodha.market import MarketData
from simulator.faces.zerodha.orders import OrderDesk
from simulator.faces.zerodha.portfolio import Portfolio
from simulator.faces.zerodha.postbacks import Postbacks
from simulator.faces.zerodha.ticker import Ticker
from simulator.faces.zerodha.wire import KiteError, failure, not_found, success


@dataclass(frozen=True, slots=True)
class Face:
    """What the process keeps of the face: its sockets, its postbacks, its limits."""

    ticker: Ticker
    postbacks: Postbacks
    limits: Limits


def build(desk: Desk, app: web.Application) -> Face:
    """Mount the face at the root of the application."""
    limits = Limits(enabled=desk.rate_limits)
    counter = Counter(desk=desk, limits=limits)
    face = Face(ticker=Ticker(desk), postbacks=Postbacks(desk), limits=limits)
    _sessions(app.router, desk)
    _orders(app.router, counter)
    _reads(app.router, counter)
    _market(app.router, counter)
    app.router.add_get("/ws-zerodha", face.ticker.connect)
    app.router.add_get("/", _root(face.ticker))
    return face


def _sessions(router: web.UrlDispatcher, desk: Desk) -> None:
    auth = Auth(desk)
    router.add_get("/connect/login", auth.page)
    router.add_post("/connect/login", auth.login)
    router.add_post("/session/token", auth.token)
    router.add_delete("/session/token", auth.logout)


def _orders(router: web.UrlDispatcher, counter: Counter) -> None:
    orders = OrderDesk(counter)
    router.add_post("/orders/{variety}", orders.place)
    router.add_put("/orders/{variety}/{order_id}", orders.modify)
    router.add_delete("/orders/{variety}/{order_id}", orders.cancel)


def _reads(router: web.UrlDispatcher, counter: Counter) -> None:
    books, sums = Portfolio(counter.desk), Calculators(counter.desk)
    router.add_get("/orders", reading(counter, books.orders, name="orders.book"))
    router.add_get("/orders/{order_id}", reading(counter, books.history, name="orders.history"))
    router.add_get("/orders/{order_id}/trades", reading(counter, books.order_trades, name="orders.trades"))
    router.add_get("/trades", reading(counter, books.trades, name="trades.book"))
    router.add_get("/portfolio/positions", reading(counter, books.positions, name="positions"))
    router.add_put("/portfolio/positions", reading(counter, books.convert, name="positions.convert"))
    router.add_get("/portfolio/holdings", reading(counter, books.holdings, name="holdings"))
    router.add_get("/user/profile", reading(counter, books.profile, name="profile"))
    router.add_get("/user/margins", reading(counter, books.margins, name="margins"))
    router.add_get("/user/margins/{segment}", reading(counter, books.margins, name="margins"))
    router.add_post("/margins/orders", reading(counter, sums.orders, name="margins.orders"))
    router.add_post("/margins/basket", reading(counter, sums.basket, name="margins.basket"))
    router.add_post("/charges/orders", reading(counter, sums.charges, name="charges"))


def _market(router: web.UrlDispatcher, counter: Counter) -> None:
    data = MarketData(counter.desk)
    router.add_get("/instruments", reading(counter, data.instruments, name="instruments"))
    history = reading(counter, data.historical, name="historical", bucket=Bucket.HISTORICAL)
    router.add_get("/instruments/historical/{token}/{interval}", history)
    router.add_get("/instruments/{exchange}", reading(counter, data.instruments, name="instruments"))
    router.add_get("/quote", reading(counter, data.quote, name="quote", bucket=Bucket.QUOTE))
    router.add_get("/quote/ohlc", reading(counter, data.ohlc, name="quote", bucket=Bucket.QUOTE))
    router.add_get("/quote/ltp", reading(counter, data.ltp, name="quote", bucket=Bucket.QUOTE))


def _root(ticker: Ticker) -> Handler:
    async def root(request: web.Request) -> web.StreamResponse:
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await ticker.connect(request)
        return success({"name": "simulated exchange", "ticker": "/ws-zerodha", "login": "/connect/login"})

    return root


@web.middleware
async def kite_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give unknown addresses and methods Kite's envelope."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return failure(not_found())
    except web.HTTPMethodNotAllowed:
        return failure(KiteError(405, "GeneralException", "Method not allowed"))
