"""The whole simulator in a thread of the test process, spoken to over real sockets."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from aiohttp import web

from simulator.app import build
from simulator.config import load


class Site:
    """A running simulator; ``entries`` reads its ledger from disk."""

    def __init__(self, state_dir: Path, environ: dict[str, str]) -> None:
        settings = {"SIMULATOR_PORT": "0", "STATE_DIR": str(state_dir), "SIMULATOR_CLIENTS": "3"}
        self.config = load([], settings | environ)
        self.app = build(self.config)
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(timeout=30)

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()

    def entries(self, **wanted: str) -> list[dict[str, Any]]:
        lines = (orjson.loads(line) for line in self.config.ledger_path.read_bytes().splitlines())
        return [line for line in lines if wanted.items() <= line.items()]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = requests.request(method, f"{self.url}/control/{path}", data=orjson.dumps(body), timeout=10)
        assert response.status_code == 200, response.text
        return response.json()

    def login(self, name: str = "DEMO01") -> "Trader":
        granted = self.control("POST", "request-token", {"client": name})
        key, secret = f"{name.lower()}key", f"{name.lower()}secret"
        checksum = hashlib.sha256(f"{key}{granted['request_token']}{secret}".encode()).hexdigest()
        form = {"api_key": key, "request_token": granted["request_token"], "checksum": checksum}
        response = requests.post(f"{self.url}/zerodha/session/token", data=form, timeout=10)
        assert response.status_code == 200, response.text
        return Trader(self, name, key, response.json()["data"]["access_token"])

    async def _serve(self) -> None:
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()


@dataclass
class Trader:
    """A client's side of the REST face."""

    site: Site
    name: str
    api_key: str
    token: str

    def call(self, method: str, path: str, *, timeout: float = 10, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"token {self.api_key}:{self.token}", "X-Kite-Version": "3"}
        return requests.request(method, f"{self.site.url}/zerodha{path}", headers=headers, timeout=timeout, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        response = self.call("GET", path, **kwargs)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def place(self, **form: Any) -> requests.Response:
        timeout = form.pop("timeout", 10)
        return self.call("POST", "/orders/regular", data=form, timeout=timeout)


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(**environ: str) -> Site:
        site = Site(tmp_path / f"state{len(sites)}", environ)
        sites.append(site)
        site.start()
        return site

    yield make
    for site in sites:
        site.stop()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site(SIMULATOR_RATE_LIMITS="off")


@pytest.fixture
def trader(site: Site) -> Trader:
    return site.login()


@pytest.fixture
def option(trader: Trader) -> dict[str, Any]:
    """A liquid option's master row with its quote: the nearest strike to the NIFTY's price."""
    spot = trader.get("/quote/ltp", params={"i": "NSE:NIFTY 50"})["NSE:NIFTY 50"]["last_price"]
    rows = [row for row in master(trader) if row["name"] == "NIFTY" and row["instrument_type"] == "CE"]
    soonest = min(row["expiry"] for row in rows)
    row = min((row for row in rows if row["expiry"] == soonest), key=lambda row: abs(float(row["strike"]) - spot))
    key = f"NFO:{row['tradingsymbol']}"
    return {**row, "quote": trader.get("/quote", params={"i": key})[key]}


def master(trader: Trader) -> list[dict[str, str]]:
    header, *lines = trader.call("GET", "/instruments").text.splitlines()
    return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]


def halfway(option: dict[str, Any], limit: str) -> float:
    """Return a price between the last one and a limit of the day's range, which follows the market."""
    quote = option["quote"]
    tick = float(option["tick_size"])
    return round(round((quote["last_price"] + quote[limit]) / 2 / tick) * tick, 2)


@pytest.fixture
def buy(option: dict[str, Any]) -> dict[str, Any]:
    """A marketable limit order for one lot."""
    return {
        "exchange": "NFO",
        "tradingsymbol": option["tradingsymbol"],
        "transaction_type": "BUY",
        "quantity": option["lot_size"],
        "product": "NRML",
        "order_type": "LIMIT",
        "price": halfway(option, "upper_circuit_limit"),
        "validity": "DAY",
        "tag": "tag1",
    }


@pytest.fixture
def resting(buy: dict[str, Any], option: dict[str, Any]) -> dict[str, Any]:
    """A limit order that will not fill."""
    return buy | {"price": halfway(option, "lower_circuit_limit"), "tag": "rest1"}
