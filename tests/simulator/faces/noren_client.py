"""A customer of a Noren broker, spoken to the face as the documentation says, without the adapter."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import requests

NAME, KEY, SECRET = "FT0001", "ft0001key", "ft0001secret"
REDIRECT = "http://127.0.0.1:1/callback"


@dataclass
class NorenClient:
    """One signed-in user; ``site`` is the simulator under test."""

    site: Any
    token: str
    name: str = NAME

    def post(self, call: str, *, timeout: float = 10, **fields: Any) -> requests.Response:
        data = {"uid": self.name, "actid": self.name, **fields}
        body = f"jData={json.dumps(data)}&jKey={self.token}"
        return requests.post(f"{self.site.url}/flattrade/PiConnectAPI/{call}", data=body, timeout=timeout)

    def ok(self, call: str, **fields: Any) -> Any:
        response = self.post(call, **fields)
        answer = response.json()
        assert response.status_code == 200, response.text
        assert isinstance(answer, list) or answer["stat"] == "Ok", answer
        return answer

    def refused(self, call: str, **fields: Any) -> str:
        answer = self.post(call, **fields).json()
        assert answer["stat"] == "Not_Ok", answer
        return str(answer["emsg"])

    def place(self, **fields: Any) -> requests.Response:
        return self.post("PlaceOrder", **fields)

    def row(self, order_id: str) -> dict[str, str]:
        return next(row for row in self.ok("OrderBook") if row["norenordno"] == order_id)


def register(site: Any, name: str = NAME, *, postback_url: str = "") -> None:
    """Make a client of the broker."""
    low = name.lower()
    client = {
        "client": name,
        "api_key": f"{low}key",
        "api_secret": f"{low}secret",
        "redirect_url": REDIRECT,
        "postback_url": postback_url,
        "broker": "flattrade",
    }
    site.control("POST", "clients", {"clients": [client]})


def proof(code: str, *, key: str = KEY, secret: str = SECRET) -> str:
    return hashlib.sha256(f"{key}{code}{secret}".encode()).hexdigest()


def sign_in(site: Any, name: str = NAME) -> NorenClient:
    """Register a client and exchange a one-use code."""
    register(site, name)
    code = site.control("POST", "request-token", {"client": name})["request_token"]
    key, secret = f"{name.lower()}key", f"{name.lower()}secret"
    body = {"api_key": key, "request_code": code, "api_secret": proof(code, key=key, secret=secret)}
    answer = requests.post(f"{site.url}/flattrade/trade/apitoken", json=body, timeout=10).json()
    assert answer["stat"] == "Ok", answer
    return NorenClient(site, answer["token"], name)


def master(site: Any, name: str) -> list[dict[str, str]]:
    """The lines of a master file."""
    text = requests.get(f"{site.url}/flattrade/scripmaster/{name}", timeout=10).text
    header, *lines = text.splitlines()
    return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]


def option_line(client: NorenClient) -> dict[str, str]:
    """The call nearest to the money of the first expiry."""
    spot = float(client.ok("GetQuotes", exch="NSE", token="26000")["lp"])
    lines = [one for one in master(client.site, "Nfo_Index_Derivatives.csv") if one["Symbol"] == "NIFTY"]
    calls = [one for one in lines if one["Optiontype"] == "CE"]
    soonest = min(calls, key=lambda one: _day(one["Expiry"]))["Expiry"]
    return min((one for one in calls if one["Expiry"] == soonest), key=lambda one: abs(float(one["Strike"]) - spot))


def order_fields(line: dict[str, str], **changes: Any) -> dict[str, Any]:
    """A limit order of one lot."""
    return {
        "exch": line["Exchange"],
        "tsym": line["Tradingsymbol"],
        "qty": line["Lotsize"],
        "prc": "1.00",
        "trgprc": "None",
        "dscqty": "0",
        "prd": "M",
        "trantype": "B",
        "prctyp": "LMT",
        "ret": "DAY",
        "remarks": "tag1",
        "ordersource": "API",
        **changes,
    }


def near(quote: dict[str, str], factor: float, *, tick: float = 0.05) -> str:
    """A price this far from the last one: far from the bands, which move with the market."""
    return f"{round(float(quote['lp']) * factor / tick) * tick:.2f}"


def _day(text: str) -> tuple[int, int, int]:
    months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    day, month, year = text.split("-")
    return int(year), months.index(month), int(day)
