"""A member put together: its routes on the process's application."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from simulator.faces.desk import Desk
from simulator.faces.noren.auth import Auth
from simulator.faces.noren.calls import Counter, Read, answer_read
from simulator.faces.noren.limits import Limits
from simulator.faces.noren.market import MarketData
from simulator.faces.noren.member import Member
from simulator.faces.noren.names import Names
from simulator.faces.noren.orders import OrderDesk
from simulator.faces.noren.portfolio import Portfolio
from simulator.faces.noren.ticker import Ticker
from simulator.faces.noren.wire import as_json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Face:
    """What the process keeps of the face: its sockets."""

    ticker: Ticker


def build(desk: Desk, app: web.Application, member: Member, *, has_limits: Callable[[], bool]) -> Face:
    """Mount a member; ``has_limits`` says at each call whether its call limits are in force."""
    names = Names(desk.exchange.market.listings.values())
    counter = Counter(desk=desk, member=member, names=names, limits=Limits(is_enabled=has_limits))
    face, auth = Face(ticker=Ticker(counter)), Auth(counter)
    for api in member.apis:
        app.router.add_post(api + r"{slash:/+}{call:\w+}", _dispatcher(counter, auth))
    app.router.add_get(member.socket + "{slash:/*}", face.ticker.connect)
    app.router.add_post(member.token, auth.token)
    app.router.add_post(f"/{member.broker}/login", auth.login)
    app.router.add_get(member.master_folder + "/{file}", MarketData(counter).master)
    app.middlewares.append(_sign_in_page(member, auth))
    return face


def _dispatcher(counter: Counter, auth: Auth) -> Handler:
    orders, reads = OrderDesk(counter), _reads(counter)
    writes = {
        "PlaceOrder": orders.place,
        "ModifyOrder": orders.modify,
        "CancelOrder": orders.cancel,
        "GenAcsTok": auth.access_token,
    }

    async def dispatch(request: web.Request) -> web.StreamResponse:
        call = request.match_info["call"]
        if call in writes:
            return await writes[call](request)
        if call in reads:
            name, read = reads[call]
            return await answer_read(counter, read, request, name=name)
        return as_json({"stat": "Not_Ok", "emsg": "Invalid Input : Invalid Request"}, status=404)

    return dispatch


def _reads(counter: Counter) -> dict[str, tuple[str, Read]]:
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


def _sign_in_page(member: Member, auth: Auth) -> Any:
    """Return a middleware: the sign-in page lives at the root of its own host, which here is everybody's root."""

    @web.middleware
    async def at_root(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_page = request.path == "/" and request.method == hdrs.METH_GET and member.login_key in request.query
        return await (auth.page if is_page else handler)(request)

    return at_root
