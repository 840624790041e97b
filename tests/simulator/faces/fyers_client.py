"""A customer of Fyers, spoken to the face as the documentation says, without the adapter."""

import base64
import csv
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import requests

NAME, KEY, SECRET = "FY0001", "FY0001KEY-200", "FY0001SECRET"
REDIRECT = "http://127.0.0.1:1/callback"
INDEX = "NSE:NIFTY50-INDEX"


@dataclass
class FyersClient:
    """One signed-in user; ``site`` is the simulator under test."""

    site: Any
    token: str
    name: str = NAME
    key: str = KEY

    def call(self, method: str, path: str, *, timeout: float = 10, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"{self.key}:{self.token}"}
        return requests.request(method, f"{self.site.url}/fyers{path}", headers=headers, timeout=timeout, **kwargs)

    def ok(self, method: str, path: str, **kwargs: Any) -> Any:
        response = self.call(method, path, **kwargs)
        assert response.status_code == 200, response.text
        assert response.json()["s"] == "ok", response.text
        return response.json()

    def refused(self, method: str, path: str, **kwargs: Any) -> tuple[int, str]:
        answer = self.call(method, path, **kwargs).json()
        assert answer["s"] == "error", answer
        return int(answer["code"]), str(answer["message"])

    def place(self, **form: Any) -> requests.Response:
        timeout = form.pop("timeout", 10)
        return self.call("POST", "/api/v3/orders/sync", json=form, timeout=timeout)

    def row(self, order_id: str) -> dict[str, Any]:
        return dict(self.ok("GET", "/api/v3/orders", params={"id": order_id})["orderBook"][0])


def register(site: Any, name: str = NAME) -> None:
    """Make a client of the broker."""
    client = {
        "client": name,
        "api_key": f"{name}KEY-200",
        "api_secret": f"{name}SECRET",
        "redirect_url": REDIRECT,
        "broker": "fyers",
    }
    site.control("POST", "clients", {"clients": [client]})


def exchanged(site: Any, code: str, *, key: str = KEY, secret: str = SECRET, **changes: Any) -> requests.Response:
    proof = hashlib.sha256(f"{key}:{secret}".encode()).hexdigest()
    body = {"grant_type": "authorization_code", "appIdHash": proof, "code": code, **changes}
    return requests.post(f"{site.url}/fyers/api/v3/validate-authcode", json=body, timeout=10)


def sign_in(site: Any, name: str = NAME) -> FyersClient:
    """Register a client and exchange a one-use code."""
    register(site, name)
    code = site.control("POST", "request-token", {"client": name})["request_token"]
    answer = exchanged(site, code, key=f"{name}KEY-200", secret=f"{name}SECRET").json()
    assert answer["s"] == "ok", answer
    return FyersClient(site, answer["access_token"], name, f"{name}KEY-200")


def claims(token: str) -> dict[str, Any]:
    """What a token says of itself."""
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def master(site: Any, segment: str) -> dict[str, dict[str, Any]]:
    return dict(requests.get(f"{site.url}/fyers/sym_details/{segment}_sym_master.json", timeout=10).json())


def lines(site: Any, segment: str) -> list[list[str]]:
    text = requests.get(f"{site.url}/fyers/sym_details/{segment}.csv", timeout=10).text
    return list(csv.reader(text.splitlines()))


def option_row(client: FyersClient) -> dict[str, Any]:
    """The call nearest to the money of the first expiry."""
    spot = client.ok("GET", "/data/quotes", params={"symbols": INDEX})["d"][0]["v"]["lp"]
    rows = [
        row for row in master(client.site, "NSE_FO").values() if (row["underSym"], row["optType"]) == ("NIFTY", "CE")
    ]
    soonest = min(int(row["expiryDate"]) for row in rows)
    first = [row for row in rows if int(row["expiryDate"]) == soonest]
    return min(first, key=lambda row: abs(row["strikePrice"] - spot))


def order_form(client: FyersClient, row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A limit order of one lot that rests."""
    return {
        "symbol": row["symTicker"],
        "qty": row["minLotSize"],
        "type": 1,
        "side": 1,
        "productType": "MARGIN",
        "limitPrice": 0 if "limitPrice" in changes else near(client, row, 0.8),
        "stopPrice": 0,
        "validity": "DAY",
        "disclosedQty": 0,
        "offlineOrder": False,
        "orderTag": "tag1",
        **changes,
    }


def near(client: FyersClient, row: dict[str, Any], factor: float) -> float:
    """A price this far from the last one: far from the bands, which move with the market."""
    last = client.ok("GET", "/data/quotes", params={"symbols": row["symTicker"]})["d"][0]["v"]["lp"]
    return round(round(last * factor / row["tickSize"]) * row["tickSize"], 2)
