"""A member put together: its routes, under its slug."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import Handler, Read
from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.noren.auth import Auth, sign_in_page
from simulator.faces.noren.calls import Call, NorenCounter
from simulator.faces.noren.market import MarketData
from simulator.faces.noren.member import Member
from simulator.faces.noren.orders import NorenOrders
from simulator.faces.noren.portfolio import Portfolio
from simulator.faces.noren.ticker import Ticker
from simulator.faces.noren.wire import Fields

FieldRead = Callable[[Client, Fields], Awaitable[Any]]
"""Does a read of a call's fields and returns a list, sent as it is, or an answer's fields; raises ``FaceError``."""


def build(desk: Desk, member: Member) -> Face:
    """Build a member's face."""
    counter = NorenCounter(desk, member)
    app, auth, ticker = application(counter), Auth(counter), Ticker(counter)
    for api in member.apis:
        app.router.add_post(api + r"{slash:/+}{call:\w+}", _dispatcher(counter, auth))
    app.router.add_get(member.socket + "{slash:/*}", ticker.connect)
    app.router.add_post(member.token, auth.token)
    app.router.add_get(member.master_folder + "/{file}", MarketData(counter).master)
    sign_in_page(counter).mount(app, "", "/")
    return Face(app=app, sockets=(ticker,))


def _dispatcher(counter: NorenCounter, auth: Auth) -> Handler:
    orders = NorenOrders(counter)
    calls: dict[str, Handler] = {
        "PlaceOrder": orders.place,
        "ModifyOrder": orders.modify,
        "CancelOrder": orders.cancel,
        "GenAcsTok": auth.access_token,
    }
    for call, (name, read) in _reads(counter).items():
        calls[call] = counter.reading(_of_fields(read), name=name)

    async def dispatch(request: web.Request) -> web.StreamResponse:
        handler = calls.get(request.match_info["call"])
        if handler is None:
            raise web.HTTPNotFound
        return await handler(request)

    return dispatch


def _of_fields(read: FieldRead) -> Read[Call]:
    return lambda client, call: read(client, call.fields)


def _reads(counter: NorenCounter) -> dict[str, tuple[str, FieldRead]]:
    books, data = Portfolio(counter), MarketData(counter)
    return {
        "OrderBook": ("orders.book", books.orders),
        "SingleOrdHist": ("orders.history", books.history),
        "TradeBook": ("trades.book", books.trades),
        "PositionBook": ("positions", books.positions),
        "ProductConversion": ("positions.convert", books.convert),
        "Holdings": ("holdings", books.holdings),
        "Limits": ("margins", books.limits),
        "GetOrderMargin": ("margins.orders", books.order_margin),
        "UserDetails": ("profile", books.user),
        "Logout": ("session.end", books.logout),
        "GetQuotes": ("quote", data.quote),
        "GetSecurityInfo": ("security", data.security),
        "SearchScrip": ("search", data.search),
        "GetIndexList": ("indices", data.indices),
        "GetOptionChain": ("chain", data.option_chain),
        "TPSeries": ("historical", data.series),
        "EODChartData": ("historical", data.daily),
    }
