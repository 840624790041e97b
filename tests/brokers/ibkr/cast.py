"""The account, the contracts and the documented payloads that Interactive Brokers' tests share."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import yaml
from aiohttp import web

from brokers.catalog import simulated_endpoint
from brokers.ibkr.access import Access
from brokers.ibkr.spec import SPEC
from brokers.rest import RestAccount
from brokers.transport import Wire, WireAnswer, WireRequest
from domain.broker import Credentials, Endpoint
from domain.orders import OrderChange, OrderRequest, OrderType, Product, Side
from tests.shared import shared_path

NAME, CONID, ORDER_ID, TAG = "U1234567", "51497001", "1370093239", "VAYDA000000000000001"
CREDENTIALS = Credentials(NAME, {"consumer_key": "TESTCONS", "oauth_token": "a1b2c3"}, access_token="c2Vzc2lvbg==")


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("ibkr", base)


def access(base: str = "http://ibkr.test") -> Access:
    return Access.of(CREDENTIALS, endpoint(base))


def account(base: str = "http://ibkr.test", *, timeout: float = 2.0) -> RestAccount[Access]:
    def lots(exchange: str, symbol: str) -> int:
        raise LookupError(symbol)

    return RestAccount(SPEC, Wire(timeout=timeout), access(base), lots)


def request(**changes: Any) -> OrderRequest:
    """A NIFTY option limit order of two lots, with changes."""
    base = OrderRequest(
        client_order_id=TAG,
        exchange="NFO",
        symbol=CONID,
        token=CONID,
        side=Side.SELL,
        quantity=130,
        lot_size=65,
        product=Product.NRML,
        order_type=OrderType.LIMIT,
        price=Decimal("42.10"),
    )
    return replace(base, **changes)


def change(**changes: Any) -> OrderChange:
    base = OrderChange(
        order_type=OrderType.LIMIT,
        quantity=65,
        lot_size=65,
        exchange="NFO",
        price=Decimal("42.15"),
        symbol=CONID,
        token=CONID,
        side=Side.SELL,
    )
    return replace(base, **changes)


def said(prepared: WireRequest) -> Any:
    """The JSON of a request."""
    return json.loads(prepared.text or "null")


def answered(body: object, status: int = 200) -> WireAnswer:
    return WireAnswer(status, json.dumps(body).encode())


def documented(section: str, path: str, method: str = "GET") -> Any:
    """The example of IBKR's own document for one call."""
    document = yaml.safe_load(shared_path(f"ibkr_cpapi/{section}.yaml").read_text())
    found = [one for one in document["endpoints"] if (one["path"], one["method"]) == (f"/v1/api{path}", method)]
    return found[0]["responses"]["200"]["example"]


class Script:
    """A server that gives each address its answers in turn, the last one again and again, and notes what was asked."""

    def __init__(self, answers: Mapping[str, list[tuple[int, object]]]) -> None:
        self._answers = {path: list(given) for path, given in answers.items()}
        self.asked: list[tuple[str, str, Any]] = []

    async def answer(self, http: web.Request) -> web.StreamResponse:
        path = http.path.removeprefix("/ibkr/v1/api")
        self.asked.append((http.method, path, json.loads(await http.read() or b"null")))
        given = self._answers.get(path)
        if given is None:
            return web.json_response({"error": f"no answer for {path}"}, status=404)
        status, body = given.pop(0) if len(given) > 1 else given[0]
        return web.json_response(body, status=status) if not callable(body) else await body(http)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]


Answer = Callable[[web.Request], Any]
