"""Master Trust's face: the documented shapes, and what its platform insists on."""

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.shared import shared_path

NAME, KEY, SECRET = "MT0001", "mt0001key", "mt0001secret"
BACK = "http://127.0.0.1:1/callback"
PAGE = {
    "scope": "orders holdings",
    "state": "0123456789",
    "redirect_uri": BACK,
    "response_type": "code",
    "client_id": KEY,
}


@dataclass
class Tradelab:
    """A customer of the platform, spoken to as the documentation says."""

    site: Any
    token: str

    def call(self, method: str, path: str, **parts: Any) -> requests.Response:
        url, headers = f"{self.site.url}/mastertrust/api/v1{path}", {"Authorization": f"Bearer {self.token}"}
        return requests.request(method, url, headers=headers, timeout=10, **parts)

    def get(self, path: str, **query: str) -> Any:
        answer = self.call("GET", path, params={"client_id": NAME, **query}).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def order(self, listed: dict[str, str], **changes: Any) -> requests.Response:
        wish = {
            "client_id": NAME,
            "exchange": listed["exchange"],
            "instrument_token": listed["exchange_token"],
            "order_side": "BUY",
            "order_type": "LIMIT",
            "product": "NRML",
            "validity": "DAY",
            "quantity": int(listed["lot_size"]) if listed["exchange"] != "MCX" else 1,
            "price": float(listed["close_price"]),
            "trigger_price": 0,
            "user_order_id": "5002681",
        }
        return self.call("POST", "/orders", json=wish | changes)

    def master(self, **query: str) -> list[dict[str, str]]:
        answer = self.call("GET", "/contract/Compact", params={"info": "download", **query})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return [
                row for name in archive.namelist() for row in csv.DictReader(io.StringIO(archive.read(name).decode()))
            ]


def registered(site: Any) -> None:
    client = {"client": NAME, "api_key": KEY, "api_secret": SECRET, "broker": "mastertrust", "redirect_url": BACK}
    site.control("POST", "clients", {"clients": [client]})


def exchanged(site: Any, code: str, *, auth: tuple[str, str] | None = (KEY, SECRET), **form: str) -> requests.Response:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **form}
    return requests.post(f"{site.url}/mastertrust/oauth2/token", data=fields, auth=auth, timeout=10)


def code_of(site: Any) -> str:
    return str(site.control("POST", "request-token", {"client": NAME})["request_token"])


@pytest.fixture
def client(site: Any) -> Tradelab:
    registered(site)
    return Tradelab(site, exchanged(site, code_of(site)).json()["access_token"])


@pytest.fixture
def option(client: Tradelab) -> dict[str, str]:
    """A liquid option of the master."""
    lines = [
        row for row in client.master(exchanges="NFO") if row["option_type"] == "CE" and row["company_name"] == "NIFTY"
    ]
    spot = client.get("/marketdata/NSE/Capital", token="26000")["last_trade_price"]
    row = min(lines, key=lambda line: abs(float(line["strike"]) - spot))
    row["close_price"] = client.get("/marketdata/NSE/FutOpt", token=row["exchange_token"])["last_trade_price"]
    return row


def documented(name: str) -> Any:
    return json.loads(shared_path(f"mastertrust/docs_samples/{name}.json").read_text())


def test_the_page_sends_the_browser_back_with_scope_and_state(site: Any) -> None:
    registered(site)
    url = f"{site.url}/mastertrust/oauth2/auth"
    assert requests.get(url, params=PAGE, timeout=10).status_code == 200
    answer = requests.post(url, data={**PAGE, "client": NAME}, allow_redirects=False, timeout=10)
    back = urlsplit(answer.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(back.query).items()}
    assert f"{back.scheme}://{back.netloc}{back.path}" == BACK
    assert (query["scope"], query["state"]) == ("orders holdings", "0123456789")
    assert exchanged(site, query["code"]).json()["token_type"] == "bearer"


@pytest.mark.parametrize(
    "odd", [{"state": "short"}, {"redirect_uri": "http://elsewhere.test/"}, {"response_type": "token"}]
)
def test_the_page_is_refused_to_odd_applications(site: Any, odd: dict[str, str]) -> None:
    registered(site)
    assert requests.get(f"{site.url}/mastertrust/oauth2/auth", params=PAGE | odd, timeout=10).status_code == 400


def test_a_code_is_exchanged_once_and_for_the_basic_proof_alone(site: Any) -> None:
    registered(site)
    code = code_of(site)
    assert exchanged(site, code, auth=(KEY, "guess")).status_code == 401
    assert exchanged(site, code, auth=None, client_id=KEY, client_secret=SECRET).status_code == 401
    assert exchanged(site, code, redirect_uri="http://elsewhere.test/").status_code == 400
    assert exchanged(site, code).status_code == 200
    assert exchanged(site, code).json()["error"] == "invalid_grant"


def test_answers_to_order_calls_are_those_documented(client: Tradelab, option: dict[str, str]) -> None:
    far = round(float(option["close_price"]) * 0.8, 1)
    placed = client.order(option, price=far).json()
    assert placed["data"].keys() == documented("place_order_response")["data"].keys()
    assert placed["data"]["user_order_id"] == 5002681
    order_id = placed["data"]["oms_order_id"]
    changed = client.order(option, price=far).request.body
    again = json.loads(changed or b"") | {"oms_order_id": order_id, "price": round(far + 0.1, 1)}
    assert client.call("PUT", "/orders", json=again).json()["data"] == {"oms_order_id": [f" {order_id}"]}
    cancelled = client.call("DELETE", f"/orders/{order_id}", params={"client_id": NAME}).json()
    assert cancelled["data"] == {"oms_order_id": order_id}
    assert cancelled["message"] == documented("cancel_order_response")["message"].replace("250328000020616", order_id)


def test_rows_have_the_documented_columns(client: Tradelab, option: dict[str, str]) -> None:
    filled = client.order(option, price=round(float(option["close_price"]) * 1.1, 1)).json()["data"]["oms_order_id"]
    client.order(option, price=round(float(option["close_price"]) * 0.8, 1))
    pairs = [
        (client.get("/orders", type="completed")["orders"], documented("orders_completed")["data"]["orders"]),
        (client.get("/orders", type="pending")["orders"], documented("orders_pending")["data"]["orders"]),
        (client.get("/trades")["trades"], documented("trades")["data"]["trades"]),
        (client.get("/positions", type="historical"), documented("positions_historical")["data"]),
        (client.get("/positions", type="live"), documented("positions_live")["data"]),
        (client.get(f"/order/{filled}/history"), documented("order_history")["data"]),
    ]
    for ours, theirs in pairs:
        assert ours[0].keys() == theirs[0].keys()
        assert {name: type(ours[0][name]) for name in _TEXTS & ours[0].keys()} == dict.fromkeys(
            _TEXTS & ours[0].keys(), str
        )
    table = documented("funds_view")["data"]
    assert [row[0] for row in client.get("/funds/view", type="all")["values"]] == [row[0] for row in table["values"]]


_TEXTS = {"average_trade_price", "oms_order_id", "user_order_id"}
"""What is text wherever it stands."""


def test_want_of_money_shows_in_the_book_alone(client: Tradelab, option: dict[str, str]) -> None:
    lots = 25 * int(option["lot_size"])
    answers = [client.order(option, order_side="SELL", quantity=lots).json() for _ in range(4)]
    assert {answer["status"] for answer in answers} == {"success"}
    rejected = [row for row in client.get("/orders", type="completed")["orders"] if row["order_status"] == "rejected"]
    assert rejected[0]["rejection_reason"].startswith("RMS:Margin Exceeds,Required:")
    assert rejected[0]["rejection_reason"].endswith(
        f"for entity account-{NAME} across exchange across segment across product "
    )


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"order_type": "MARKET", "price": 0}, 44000, "`market_protection_percentage` is invalid"),
        ({"order_side": "HOLD"}, 44000, "`order_side` is invalid"),
        ({"instrument_token": "1"}, 44000, "`instrument_token` is invalid"),
        ({"user_order_id": "A1"}, 44000, "`user_order_id` is invalid"),
        ({"quantity": 1}, 45000, "`quantity` is invalid"),
        ({"price": 0.01}, 45000, "`price` is invalid"),
    ],
)
def test_what_cannot_be_is_refused(
    client: Tradelab, option: dict[str, str], change: dict[str, Any], code: int, message: str
) -> None:
    answer = client.order(option, **change)
    shown = answer.json()
    assert (answer.status_code, shown["error_code"], shown["message"]) == (400, code, message)


def test_every_call_names_its_client_and_is_its_own(client: Tradelab, option: dict[str, str]) -> None:
    nameless = client.call("GET", "/orders", params={"type": "pending"}).json()
    assert nameless["message"] == "`client_id` is invalid"
    assert client.order(option, client_id="DEMO01").json()["error_code"] == 40000
    stranger = Tradelab(client.site, "guess").call("GET", "/orders", params={"type": "pending", "client_id": NAME})
    assert (stranger.status_code, stranger.json()["message"]) == (401, "Request Unauthorised")


def test_commodities_are_counted_in_lots(client: Tradelab) -> None:
    future = next(row for row in client.master(exchanges="MCX") if row["instrument_name"] == "FUTCOM")
    price = client.get("/marketdata/MCX/FutOpt", token=future["exchange_token"])["last_trade_price"]
    order_id = client.order(future, price=round(price * 0.98)).json()["data"]["oms_order_id"]
    [row] = [one for one in client.get("/orders", type="pending")["orders"] if one["oms_order_id"] == order_id]
    assert (row["quantity"], row["lot_size"]) == (1, int(future["lot_size"]))
    [accepted] = client.site.entries(order_id=order_id, event="ACCEPTED")
    assert accepted["quantity"] == int(future["lot_size"])


def test_the_master_is_one_file_or_one_for_each_exchange(client: Tradelab) -> None:
    whole = client.master()
    assert {row["exchange"] for row in whole} >= {"NSE", "NFO", "MCX"}
    parts = client.master(exchanges="NFO,MCX")
    assert parts == [row for name in ("NFO", "MCX") for row in whole if row["exchange"] == name]
    [index] = [row for row in whole if row["trading_symbol"] == "Nifty 50"]
    assert (index["exchange_token"], index["segment"]) == ("26000", "IDX")
