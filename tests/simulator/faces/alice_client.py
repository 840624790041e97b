"""A customer of Alice Blue, spoken to the face as the documentation says, without the adapter."""

import csv
import hashlib
import io
import time
from dataclasses import dataclass
from typing import Any

import requests

NAME, KEY, SECRET = "AB0001", "ab0001key", "ab0001secret"
REDIRECT = "http://127.0.0.1:1/callback"
API = "/aliceblue/open-api/od/v1"


@dataclass
class AliceClient:
    """One signed-in user; ``site`` is the simulator under test."""

    site: Any
    token: str
    name: str = NAME

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 10) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.request(method, f"{self.site.url}{path}", json=body, headers=headers, timeout=timeout)

    def ok(self, path: str, body: Any = None) -> list[dict[str, Any]]:
        response = self.call("GET" if body is None else "POST", f"{API}{path}", body)
        answer = response.json()
        assert (response.status_code, answer["status"], answer["message"]) == (200, "Ok", "Success"), answer
        rows: list[dict[str, Any]] = answer["result"]
        return rows

    def refused(self, path: str, body: Any = None, *, status: int = 200) -> str:
        response = self.call("GET" if body is None else "POST", f"{API}{path}", body)
        answer = response.json()
        assert (response.status_code, answer["status"]) == (status, "Not_ok"), answer
        return str(answer["message"])

    def place(self, order: dict[str, Any]) -> str:
        (row,) = self.ok("/orders/placeorder", [order])
        return str(row["brokerOrderId"])

    def row(self, order_id: str) -> dict[str, Any]:
        return next(row for row in self.ok("/orders/book") if row["brokerOrderId"] == order_id)


def register(site: Any, name: str = NAME) -> None:
    """Make a client of the broker."""
    low = name.lower()
    client = {"client": name, "api_key": f"{low}key", "api_secret": f"{low}secret", "redirect_url": REDIRECT}
    site.control("POST", "clients", {"clients": [{**client, "broker": "aliceblue"}]})


def checksum(code: str, *, name: str = NAME, secret: str = SECRET) -> str:
    return hashlib.sha256(f"{name}{code}{secret}".encode()).hexdigest()


def exchanged(site: Any, given: str) -> dict[str, Any]:
    """Ask for a session with a checksum."""
    answer = requests.post(f"{site.url}{API}/vendor/getUserDetails", json={"checkSum": given}, timeout=10)
    found: dict[str, Any] = answer.json()
    return found


def sign_in(site: Any, name: str = NAME) -> AliceClient:
    register(site, name)
    code = site.control("POST", "request-token", {"client": name})["request_token"]
    answer = exchanged(site, checksum(code, name=name, secret=f"{name.lower()}secret"))
    assert answer["stat"] == "Ok", answer
    return AliceClient(site, answer["userSession"], name)


def contracts(site: Any, name: str, *, folder: str = "/V2") -> list[dict[str, str]]:
    """Return the lines of a contract file."""
    url = f"{site.url}/aliceblue/restpy/static/contract_master{folder}/{name}.csv"
    return list(csv.DictReader(io.StringIO(requests.get(url, timeout=10).text)))


def option(site: Any) -> dict[str, str]:
    """Return a NIFTY call of the first expiry, the middle one of its strikes."""
    rows = contracts(site, "NFO")
    calls = [row for row in rows if (row["Symbol"], row["Option Type"]) == ("NIFTY", "CE")]
    soonest = min(row["Expiry Date"] for row in calls)
    first = sorted((row for row in calls if row["Expiry Date"] == soonest), key=lambda row: float(row["Strike Price"]))
    return first[len(first) // 2]


def history(client: AliceClient, line: dict[str, str], *, days: int = 4, resolution: str = "1") -> dict[str, Any]:
    """Ask for a contract's bars up to now."""
    now = time.time()
    body = {
        "token": line["Token"],
        "resolution": resolution,
        "from": str(int(now - days * 86_400) * 1000),
        "to": str(int(now) * 1000),
        "exchange": line["Exch"],
    }
    path = "/aliceblue/open-api/od/ChartAPIService/api/chart/history"
    answer: dict[str, Any] = client.call("POST", path, body).json()
    return answer


def near(client: AliceClient, line: dict[str, str], factor: float) -> str:
    """A price this far from the last bar's: far from the bands, which move with the market."""
    last, tick = history(client, line)["result"][-1]["close"], float(line["Tick Size"])
    return f"{round(last * factor / tick) * tick:.2f}"


def order(line: dict[str, str], price: str, **change: Any) -> dict[str, Any]:
    """A limit order to buy one lot, with changes."""
    return {
        "exchange": line["Exch"],
        "instrumentId": line["Token"],
        "transactionType": "BUY",
        "quantity": int(line["Lot Size"]),
        "product": "NORMAL",
        "orderComplexity": "REGULAR",
        "orderType": "LIMIT",
        "validity": "DAY",
        "price": price,
        "orderTag": "tag1",
        **change,
    }
