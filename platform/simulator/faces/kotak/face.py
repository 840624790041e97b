"""Kotak put together: its routes, under its slug."""

from aiohttp import web

from simulator.faces.calls import Read
from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.kotak.auth import Auth
from simulator.faces.kotak.calls import Call, DataCounter, KotakCounter
from simulator.faces.kotak.feed import Feed
from simulator.faces.kotak.market import MarketData
from simulator.faces.kotak.orders import KotakOrders
from simulator.faces.kotak.portfolio import Portfolio
from simulator.faces.kotak.updates import Updates


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = KotakCounter(desk)
    app, feed, updates = application(counter), Feed(counter), Updates(counter)
    _sign_in(app, Auth(counter))
    _orders(app, KotakOrders(counter))
    for method, path, name, read in _reads(Portfolio(counter)):
        app.router.add_route(method, path, counter.reading(read, name=name))
    _market(app, DataCounter(desk, counter.limits))
    for path in ("/apifeed", "/wsfeed"):
        app.router.add_get(path, feed.connect)
    app.router.add_get("/realtime", updates.connect)
    return Face(app=app, sockets=(feed, updates))


def _sign_in(app: web.Application, auth: Auth) -> None:
    app.router.add_post("/login/1.0/tradeApiLogin", auth.login)
    app.router.add_post("/login/1.0/tradeApiValidate", auth.validate)
    app.router.add_get("/login/1.0/get-client-ip", auth.client_ip)
    app.router.add_post("/apim/login/2.0/logout", auth.logout)
    app.router.add_get("/5config/config", auth.config)


def _orders(app: web.Application, orders: KotakOrders) -> None:
    app.router.add_post("/quick/order/rule/ms/place", orders.place)
    app.router.add_post("/quick/order/vr/modify", orders.modify)
    app.router.add_post("/quick/order/cancel", orders.cancel)


def _reads(books: Portfolio) -> tuple[tuple[str, str, str, Read[Call]], ...]:
    return (
        ("GET", "/quick/user/orders", "orders.book", books.orders),
        ("GET", r"/quick/user/orders/{order:\w+}", "orders.book", books.orders),
        ("POST", "/quick/order/history", "orders.history", books.history),
        ("GET", "/quick/user/trades", "trades.book", books.trades),
        ("GET", "/portfolio/v2/positions", "positions", books.positions),
        ("GET", "/quick/user/positions", "positions", books.older_positions),
        ("GET", "/portfolio/v1/holdings", "holdings", books.holdings),
        ("POST", "/quick/user/limits", "margins", books.limits),
        ("POST", "/quick/user/check-margin", "margins.orders", books.margin),
    )


def _market(app: web.Application, counter: DataCounter) -> None:
    data = MarketData(counter)
    details = "/script-details/1.0"
    app.router.add_get(f"{details}/masterscrip/file-paths", counter.reading(data.paths, name="instruments"))
    quotes = counter.reading(data.quotes, name="quote")
    app.router.add_get(details + "/quotes/neosymbol/{symbols}/{kind}", quotes)
    app.router.add_get("/market-data/1.0/historical/details", counter.reading(data.history, name="historical"))
    app.router.add_get("/wso2-scripmaster/v1/prod/{day}/{path:.+}", data.master)
