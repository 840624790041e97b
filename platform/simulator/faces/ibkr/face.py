"""The face put together: its routes, under /ibkr/v1/api."""

from aiohttp import web

from simulator.faces.desk import Desk
from simulator.faces.face import Face, application
from simulator.faces.ibkr.auth import Auth
from simulator.faces.ibkr.calls import IbkrCounter
from simulator.faces.ibkr.contracts import Contracts
from simulator.faces.ibkr.limits import Bucket
from simulator.faces.ibkr.market import MarketData
from simulator.faces.ibkr.orders import IbkrOrders
from simulator.faces.ibkr.portfolio import Portfolio
from simulator.faces.ibkr.ticker import Ticker

ROOT = "/v1/api"


def build(desk: Desk) -> Face:
    """Build the face."""
    counter = IbkrCounter(desk)
    app, ticker = application(counter), Ticker(counter)
    _sessions(app.router, counter)
    _orders(app.router, counter)
    _account(app.router, counter)
    _contracts(app.router, counter)
    _market(app.router, counter)
    app.router.add_get(f"{ROOT}/ws", ticker.connect)
    return Face(app=app, sockets=(ticker,))


def _sessions(router: web.UrlDispatcher, counter: IbkrCounter) -> None:
    auth = Auth(counter)
    router.add_post(f"{ROOT}/oauth/live_session_token", auth.live_session_token)
    router.add_post(f"{ROOT}/iserver/auth/ssodh/init", counter.reading(auth.init, name="session.init"))
    for add in (router.add_get, router.add_post):
        add(f"{ROOT}/iserver/auth/status", counter.reading(auth.status, name="session.status"))
        add(f"{ROOT}/tickle", counter.reading(auth.tickle, name="tickle", bucket=Bucket.TICKLE))
    validate = counter.reading(auth.validate, name="session.status", bucket=Bucket.VALIDATE)
    router.add_get(f"{ROOT}/sso/validate", validate)
    router.add_post(f"{ROOT}/logout", counter.reading(auth.logout, name="session.end"))


def _orders(router: web.UrlDispatcher, counter: IbkrCounter) -> None:
    orders = IbkrOrders(counter)
    router.add_post(f"{ROOT}/iserver/account/{{account}}/orders", orders.place)
    router.add_post(f"{ROOT}/iserver/account/{{account}}/order/{{order_id}}", orders.modify)
    router.add_delete(f"{ROOT}/iserver/account/{{account}}/order/{{order_id}}", orders.cancel)
    router.add_post(f"{ROOT}/iserver/reply/{{question}}", orders.reply)


def _account(router: web.UrlDispatcher, counter: IbkrCounter) -> None:
    books, root = Portfolio(counter), f"{ROOT}/iserver/account"
    router.add_get(f"{ROOT}/iserver/accounts", counter.reading(books.accounts, name="accounts"))
    orders = counter.reading(books.orders, name="orders.book", bucket=Bucket.ORDERS)
    router.add_get(f"{root}/orders", orders)
    router.add_get(f"{root}/order/status/{{order_id}}", counter.reading(books.status, name="orders.history"))
    trades = counter.reading(books.trades, name="trades.book", bucket=Bucket.TRADES)
    for path in (f"{root}/trades", f"{root}/trades/"):
        router.add_get(path, trades)
    router.add_get(f"{root}/{{account}}/summary", counter.reading(books.account_summary, name="margins"))
    funds = counter.reading(books.available_funds, name="margins")
    router.add_get(f"{root}/{{account}}/summary/available_funds", funds)
    router.add_get(f"{ROOT}/iserver/exchangerate", counter.reading(books.exchange_rate, name="margins"))
    router.add_post(f"{ROOT}/iserver/questions/suppress", counter.reading(books.suppress, name="session.questions"))
    again = counter.reading(books.ask_again, name="session.questions")
    router.add_post(f"{ROOT}/iserver/questions/suppress/reset", again)
    accounts = counter.reading(books.portfolio_accounts, name="accounts", bucket=Bucket.ACCOUNTS)
    router.add_get(f"{ROOT}/portfolio/accounts", accounts)
    own = f"{ROOT}/portfolio/{{account}}"
    router.add_post(f"{own}/positions/invalidate", counter.reading(books.invalidate, name="positions.invalidate"))
    router.add_get(f"{own}/positions/{{page}}", counter.reading(books.positions, name="positions"))
    router.add_get(f"{own}/summary", counter.reading(books.summary, name="margins"))
    router.add_get(f"{own}/ledger", counter.reading(books.ledger, name="margins"))


def _contracts(router: web.UrlDispatcher, counter: IbkrCounter) -> None:
    contracts, root = Contracts(counter), f"{ROOT}/iserver"
    for add in (router.add_get, router.add_post):
        add(f"{root}/secdef/search", counter.reading(contracts.search, name="instruments"))
    reads = {
        f"{root}/secdef/strikes": contracts.strikes,
        f"{root}/secdef/info": contracts.info,
        f"{root}/contract/{{conid}}/info": contracts.contract,
        f"{root}/contract/{{conid}}/info-and-rules": contracts.contract_and_rules,
        f"{ROOT}/trsrv/futures": contracts.futures,
        f"{ROOT}/trsrv/stocks": contracts.stocks,
        f"{ROOT}/trsrv/all-conids": contracts.all_conids,
        f"{ROOT}/trsrv/secdef": contracts.definitions,
    }
    for path, read in reads.items():
        router.add_get(path, counter.reading(read, name="instruments"))
    router.add_post(f"{root}/contract/rules", counter.reading(contracts.rules, name="instruments"))


def _market(router: web.UrlDispatcher, counter: IbkrCounter) -> None:
    data, root = MarketData(counter), f"{ROOT}/iserver/marketdata"
    router.add_get(f"{root}/snapshot", counter.reading(data.snapshot, name="quote", bucket=Bucket.SNAPSHOT))
    router.add_get(f"{root}/unsubscribeall", counter.reading(data.unsubscribe, name="quote"))
    router.add_get(f"{root}/history", counter.reading(data.history, name="historical"))
