"""A customer of Kotak's, spoken to the face as the documentation says, without the adapter."""

import csv
import http.client
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from domain.totp import totp

NAME = "XP6M4"
SECRET, MPIN, MOBILE = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "246810", "+919876543210"
FIN_KEY = {"neo-fin-key": "neotradeapi"}


@dataclass
class KotakClient:
    """One signed-in customer; ``site`` is the simulator under test."""

    site: Any
    token: str
    sid: str
    name: str = NAME

    @property
    def key(self) -> str:
        return key_of(self.name)

    @property
    def session(self) -> dict[str, str]:
        return {"Auth": self.token, "Sid": self.sid, **FIN_KEY}

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.site.url}/kotak{path}", headers=self.session, timeout=10)

    def post(self, path: str, **fields: Any) -> requests.Response:
        form = {"jData": json.dumps(fields)}
        headers = {**self.session, "Authorization": self.key}
        return requests.post(f"{self.site.url}/kotak{path}", data=form, headers=headers, timeout=10)

    def data(self, path: str) -> tuple[int, Any]:
        """Market data, by the consumer key alone; the address goes out as it is written."""
        connection = http.client.HTTPConnection(urlsplit(self.site.url).netloc, timeout=10)
        connection.request("GET", f"/kotak{path}", headers={"Authorization": self.key})
        with connection.getresponse() as answer:
            return answer.status, json.loads(answer.read())

    def ok(self, path: str, **fields: Any) -> Any:
        answer = self.post(path, **fields).json()
        assert (answer["stat"], answer["stCode"]) == ("Ok", 200), answer
        return answer

    def listed(self, path: str) -> list[dict[str, Any]]:
        answer = self.get(path).json()
        assert (answer["stat"].lower(), answer["stCode"]) == ("ok", 200), answer
        rows: list[dict[str, Any]] = answer["data"]
        return rows

    def place(self, **fields: Any) -> requests.Response:
        return self.post("/quick/order/rule/ms/place", **fields)

    def placed(self, **fields: Any) -> str:
        return str(self.ok("/quick/order/rule/ms/place", **fields)["nOrdNo"])

    def cancel(self, order_id: str) -> requests.Response:
        return self.post("/quick/order/cancel", on=order_id, am="NO")

    def row(self, order_id: str) -> dict[str, Any]:
        [row] = [row for row in self.listed("/quick/user/orders") if row["nOrdNo"] == order_id]
        return row

    def quote(self, key: str) -> dict[str, Any]:
        status, answer = self.data(f"/script-details/1.0/quotes/neosymbol/{key}/all")
        assert (status, type(answer)) == (200, list), answer
        row: dict[str, Any] = answer[0]
        return row

    def last(self, key: str) -> float:
        return float(self.quote(key)["ltp"])

    def near(self, line: dict[str, str], factor: float, *, tick: float = 0.05) -> str:
        """A price this far from the last one: bands move with the market, so it is asked for now."""
        last = self.last(f"{line['pExchSeg']}|{line['pSymbol']}")
        return f"{round(last * factor / tick) * tick:.2f}"

    def master(self, segment: str) -> list[dict[str, str]]:
        """The lines of a master file, its header's blanks and semicolon taken off."""
        _, listed = self.data("/script-details/1.0/masterscrip/file-paths")
        [path] = [path for path in listed["data"]["filesPaths"] if f"/{segment}" in path]
        rows = list(csv.reader(io.StringIO(requests.get(path, timeout=10).text)))
        header = [name.strip(" ;") for name in rows[0]]
        return [dict(zip(header, row, strict=True)) for row in rows[1:]]

    def option(self) -> dict[str, str]:
        """The NIFTY call nearest to the money of the first expiry."""
        spot = self.last("nse_cm|Nifty%2050")
        lines = self.master("nse_fo")
        calls = [one for one in lines if one["pSymbolName"] == "NIFTY" and one["pOptionType"] == "CE"]
        soonest = min(int(one["lExpiryDate"]) for one in calls)
        first = [one for one in calls if int(one["lExpiryDate"]) == soonest]
        return min(first, key=lambda one: abs(float(one["dStrikePrice"]) / 100 - spot))


def key_of(name: str) -> str:
    return f"{name.lower()}key"


def register(site: Any, name: str = NAME, **more: Any) -> None:
    """Make a client of the broker."""
    extra = {"mobile_number": MOBILE, "totp_secret": SECRET, "mpin": MPIN}
    client = {"client": name, "api_key": key_of(name), "api_secret": "unused", "broker": "kotak", "extra": extra}
    site.control("POST", "clients", {"clients": [client | more]})


def code(*, drift: float = 0) -> str:
    """What an authenticator shows, its clock this many seconds ahead."""
    return totp(SECRET, at=datetime.now(UTC) + timedelta(seconds=drift))


def step(site: Any, name: str, body: dict[str, str], **headers: str) -> requests.Response:
    return requests.post(f"{site.url}/kotak/login/1.0/{name}", json=body, headers={**FIN_KEY, **headers}, timeout=10)


def view(site: Any, name: str = NAME, **changes: str) -> requests.Response:
    """The first step of a sign-in."""
    body = {"mobileNumber": MOBILE, "ucc": name, "totp": code()} | changes
    return step(site, "tradeApiLogin", body, Authorization=key_of(name))


def trade(site: Any, seen: dict[str, Any], name: str = NAME, *, mpin: str = MPIN) -> requests.Response:
    """The second step, with what the first one gave."""
    headers = {"Auth": seen["token"], "sid": seen["sid"], "Authorization": key_of(name)}
    return step(site, "tradeApiValidate", {"mpin": mpin}, **headers)


def sign_in(site: Any, name: str = NAME, **more: Any) -> KotakClient:
    """Register a client and take both steps."""
    register(site, name, **more)
    answer = trade(site, view(site, name).json()["data"], name).json()["data"]
    return KotakClient(site, answer["token"], answer["sid"], name)


def order_fields(line: dict[str, str], **changes: str) -> dict[str, str]:
    """A limit order of one lot."""
    return {
        "am": "NO",
        "dq": "0",
        "es": line["pExchSeg"],
        "mp": "0",
        "pc": "NRML",
        "pf": "N",
        "pr": "1.00",
        "pt": "L",
        "qt": line["lLotSize"],
        "rt": "DAY",
        "tp": "0",
        "ts": line["pTrdSymbol"],
        "tt": "B",
        "ig": "tag1",
        **changes,
    }
