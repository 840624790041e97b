"""Upstox's face, spoken to as the documentation says: what neither its SDK nor the contract asks of it."""

import asyncio
import gzip
import json
import queue
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import requests
from aiohttp import web

from simulator.faces.upstox.names import Names
from simulator.market.live import LiveMarket, MarketSettings
from tests.brokers.servers import serve

NAME, KEY, SECRET = "UP0001", "up0001key", "up0001secret"
REDIRECT = "http://127.0.0.1:1/callback"
NIFTY = "NSE_INDEX|Nifty 50"


@dataclass
class UpstoxClient:
    """One signed-in user; ``site`` is the simulator under test."""

    site: Any
    token: str

    def call(self, method: str, path: str, **given: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        return requests.request(method, f"{self.site.url}/upstox{path}", headers=headers, timeout=10, **given)

    def ok(self, method: str, path: str, **given: Any) -> Any:
        reply = self.call(method, path, **given)
        assert (reply.status_code, reply.json()["status"]) == (200, "success"), reply.text
        return reply.json()["data"]

    def refused(self, method: str, path: str, **given: Any) -> tuple[int, str]:
        return problem(self.call(method, path, **given))


def problem(reply: requests.Response) -> tuple[int, str]:
    """The HTTP status and the code of a refusal, which is there in both spellings."""
    (error,) = reply.json()["errors"]
    assert error["errorCode"] == error["error_code"]
    assert error["message"]
    return reply.status_code, error["error_code"]


def form(site: Any, **changes: str) -> dict[str, str]:
    code = site.control("POST", "request-token", {"client": NAME})["request_token"]
    proof = {"client_id": KEY, "client_secret": SECRET, "redirect_uri": REDIRECT, "grant_type": "authorization_code"}
    return {"code": code, **proof, **changes}


def posted(site: Any, **changes: str) -> requests.Response:
    return requests.post(f"{site.url}/upstox/v2/login/authorization/token", data=form(site, **changes), timeout=10)


def sign_in(site: Any, *, postback_url: str = "") -> UpstoxClient:
    client = {"client": NAME, "api_key": KEY, "api_secret": SECRET, "redirect_url": REDIRECT, "broker": "upstox"}
    site.control("POST", "clients", {"clients": [client | {"postback_url": postback_url}]})
    return UpstoxClient(site, posted(site).json()["access_token"])


@pytest.fixture
def client(site: Any) -> UpstoxClient:
    return sign_in(site)


def option(client: UpstoxClient) -> dict[str, Any]:
    """The call nearest to the money of the first expiry."""
    rows = master(client.site, "NSE")
    (index,) = client.ok("GET", "/v3/market-quote/ltp", params={"instrument_key": NIFTY}).values()
    calls = [row for row in rows if (row.get("underlying_symbol"), row["instrument_type"]) == ("NIFTY", "CE")]
    soonest = min(row["expiry"] for row in calls)
    first = [row for row in calls if row["expiry"] == soonest]
    return min(first, key=lambda row: float(abs(row["strike_price"] - index["last_price"])))


def master(site: Any, name: str) -> list[dict[str, Any]]:
    file = requests.get(f"{site.url}/upstox/market-quote/instruments/exchange/{name}.json.gz", timeout=10)
    rows: list[dict[str, Any]] = json.loads(gzip.decompress(file.content))
    return rows


def order(client: UpstoxClient, **changes: Any) -> dict[str, Any]:
    row = option(client)
    quoted = client.ok("GET", "/v2/market-quote/quotes", params={"instrument_key": row["instrument_key"]})
    (quote,) = quoted.values()
    inside = (quote["last_price"] + quote["upper_circuit_limit"]) / 2  # the range follows the market
    body = {
        "quantity": row["lot_size"],
        "product": "D",
        "validity": "DAY",
        "price": round(inside * 20) / 20,
        "tag": "tag1",
        "instrument_token": row["instrument_key"],
        "order_type": "LIMIT",
        "transaction_type": "BUY",
        "disclosed_quantity": 0,
        "trigger_price": 0,
        "is_amo": False,
    }
    return body | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "nobody"}, "UDAPI100069"),
        ({"client_secret": "guess"}, "UDAPI100069"),
        ({"redirect_uri": "http://127.0.0.1:1/elsewhere"}, "UDAPI100070"),
        ({"code": "nobody-was-given-this"}, "UDAPI100057"),
        ({"grant_type": "password"}, "UDAPI100038"),
    ],
)
def test_a_session_needs_every_part_of_its_proof(site, client, changes, code):
    assert problem(posted(site, **changes))[1] == code
    assert posted(site).json()["user_id"] == NAME


def test_the_page_is_shown_only_to_an_app_that_goes_back_where_it_registered(site, client):
    page = f"{site.url}/upstox/v2/login/authorization/dialog"
    query = {"response_type": "code", "client_id": KEY, "redirect_uri": REDIRECT, "state": "a<b"}
    shown = requests.get(page, params=query, timeout=10)
    assert NAME in shown.text
    assert "a<b" not in shown.text
    for wrong in ({"redirect_uri": "http://elsewhere.test/"}, {"client_id": "nobody"}):
        assert problem(requests.get(page, params=query | wrong, timeout=10)) == (401, "UDAPI100068")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"instrument_token": None}, (400, "UDAPI1026")),
        ({"instrument_token": "NSE_FO|1"}, (400, "UDAPI100011")),
        ({"quantity": 0}, (400, "UDAPI1052")),
        ({"quantity": "65"}, (400, "UDAPI100038")),
        ({"quantity": 66}, (400, "UDAPI100038")),
        ({"price": 0.07}, (400, "UDAPI100038")),
        ({"price": "42"}, (400, "UDAPI100038")),
        ({"product": "CNC"}, (400, "UDAPI1054")),
        ({"validity": "GTC"}, (400, "UDAPI1055")),
        ({"order_type": "STOP"}, (400, "UDAPI1056")),
        ({"transaction_type": "HOLD"}, (400, "UDAPI1057")),
        ({"tag": "x" * 41}, (400, "UDAPI1119")),
        ({"order_type": "MARKET", "price": 0, "market_protection": 0}, (400, "UDAPI1158")),
        ({"order_type": "MARKET", "price": 0, "market_protection": 26}, (400, "UDAPI1159")),
    ],
)
def test_a_field_that_is_not_right_is_refused_by_its_code(client, changes, refusal):
    assert client.refused("POST", "/v3/order/place", json=order(client, **changes)) == refusal
    assert client.ok("GET", "/v2/order/retrieve-all") == []


def test_commodities_are_listed_and_quoted_and_no_order_of_them_taken(client):
    rows = {row["segment"] for row in master(client.site, "complete")}
    assert rows >= {"NSE_FO", "NSE_EQ", "NSE_INDEX", "MCX_FO"}
    crude = master(client.site, "MCX")[0]
    (quote,) = client.ok("GET", "/v2/market-quote/quotes", params={"instrument_key": crude["instrument_key"]}).values()
    assert quote["last_price"] > 0
    body = order(client, instrument_token=crude["instrument_key"], quantity=1)
    assert client.refused("POST", "/v3/order/place", json=body) == (423, "UDAPI1161")


def test_the_older_place_answers_one_id_and_no_latency(client):
    old = client.call("POST", "/v2/order/place", json=order(client)).json()
    assert set(old) == {"status", "data"}
    assert set(old["data"]) == {"order_id"}
    new = client.call("POST", "/v3/order/place", json=order(client, tag="tag2")).json()
    assert (len(new["data"]["order_ids"]), new["metadata"]["latency"]) == (1, 30)


def test_a_market_order_is_protected_unless_it_says_not_to_be(client):
    body = order(client, order_type="MARKET", price=0)
    (order_id,) = client.ok("POST", "/v3/order/place", json=body)["order_ids"]
    assert client.ok("GET", "/v2/order/details", params={"order_id": order_id})["status"] == "complete"


def test_history_is_that_of_an_order_or_of_a_tag(client):
    (order_id,) = client.ok("POST", "/v3/order/place", json=order(client))["order_ids"]
    by_id = client.ok("GET", "/v2/order/history", params={"order_id": order_id})
    assert by_id == client.ok("GET", "/v2/order/history", params={"tag": "tag1"})
    assert (by_id[0]["status"], by_id[-1]["status"]) == ("put order req received", "complete")
    assert client.refused("GET", "/v2/order/history") == (400, "UDAPI100059")
    for nobody in ({"tag": "tag9"}, {"order_id": "240101000000000"}):
        assert client.refused("GET", "/v2/order/history", params=nobody) == (404, "UDAPI100010")


def test_orders_share_a_limit_and_every_other_call_has_one_of_its_own(client):
    client.site.control("POST", "limits", {"enabled": True})
    cancel = {"order_id": "240101000000000"}
    while client.refused("DELETE", "/v3/order/cancel", params=cancel) != (429, "UDAPI10005"):
        pass
    assert client.refused("DELETE", "/v2/order/cancel", params=cancel)[0] in (404, 429)
    assert client.ok("GET", "/v2/order/retrieve-all") == []
    assert client.ok("GET", "/v2/portfolio/short-term-positions") == []


def test_history_of_prices_and_the_master_are_everybodys_and_a_bad_token_is_still_refused(site, client):
    day = datetime.now(UTC).date().isoformat()
    path = f"/upstox/v3/historical-candle/{NIFTY.replace('|', '%7C')}/minutes/5"
    bars = requests.get(f"{site.url}{path}/{day}/2026-01-01", timeout=10)
    assert problem(bars) == (400, "UDAPI1148")
    for unit in ("weeks/1", "minutes/301", "minutes/x"):
        odd = requests.get(f"{site.url}/upstox/v3/historical-candle/intraday/{NIFTY}/{unit}", timeout=10)
        assert odd.status_code == 400
    today = f"{site.url}/upstox/v3/historical-candle/intraday/{NIFTY}/minutes/1"
    assert requests.get(today, timeout=10).json()["status"] == "success"
    client.token = "dead"
    assert client.refused("GET", f"/v3/historical-candle/intraday/{NIFTY}/minutes/1") == (401, "UDAPI100050")


@pytest.mark.parametrize("path", ["/v3/feed/market-data-feed", "/v2/feed/portfolio-stream-feed"])
def test_an_address_opens_its_socket_once(client, path):
    address = client.ok("GET", f"{path}/authorize")["authorized_redirect_uri"]

    async def status() -> int:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(address):
                    return 101
            except aiohttp.WSServerHandshakeError as refused:
                return refused.status

    assert [asyncio.run(status()) for _ in range(2)] == [101, 401]
    client.token = "dead"
    assert client.refused("GET", f"{path}/authorize") == (401, "UDAPI100050")
    assert client.refused("GET", path) == (401, "UDAPI100050")


def test_a_third_market_socket_of_a_user_is_one_too_many(client):
    async def statuses() -> list[int]:
        found = []
        async with aiohttp.ClientSession() as session:
            sockets = []
            for _ in range(3):
                address = client.ok("GET", "/v3/feed/market-data-feed/authorize")["authorized_redirect_uri"]
                try:
                    sockets.append(await session.ws_connect(address))
                    found.append(101)
                except aiohttp.WSServerHandshakeError as refused:
                    found.append(refused.status)
            for socket in sockets:
                await socket.close()
        return found

    assert asyncio.run(statuses()) == [101, 101, 429]


def test_webhooks_say_what_the_socket_says(site):
    bodies: queue.Queue[dict[str, Any]] = queue.Queue()

    async def receive(http: web.Request) -> web.StreamResponse:
        bodies.put(await http.json())
        return web.Response()

    async def journey() -> list[dict[str, Any]]:
        async with serve(receive) as hook:
            client = await asyncio.to_thread(sign_in, site, postback_url=f"{hook}/hook")
            body = await asyncio.to_thread(order, client)
            await asyncio.to_thread(client.ok, "POST", "/v3/order/place", json=body)
            told = [await asyncio.to_thread(bodies.get, timeout=10)]
            while told[-1]["status"] != "complete":
                told.append(await asyncio.to_thread(bodies.get, timeout=10))
            return told

    told = asyncio.run(journey())
    assert {body["update_type"] for body in told} == {"order"}
    assert {body["tag"] for body in told} == {"tag1"}
    assert told[-1]["filled_quantity"] == told[-1]["quantity"]


def test_every_contract_is_found_again_by_its_name():
    market = LiveMarket(seed=1, start=datetime(2026, 11, 20, 4, tzinfo=UTC), settings=MarketSettings())
    names = Names(market)
    assert len(market.listings) > 300
    for listing in market.listings.values():
        exchange, key = names.name_of(listing)
        assert names.named(exchange, key) is listing
        assert names.named("BFO", key) is None
