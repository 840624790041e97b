"""What the journey's customer does over and over: signing in, looking up, placing an order and finding it again."""

import csv
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from fyers_apiv3 import fyersModel

NAME, APP, SECRET = "FYJOURNEY", "JOURNEY1AB-200", "JOURNEYSECRET"
CALLBACK = "http://127.0.0.1:1/callback"
INDEX = "NSE:NIFTY50-INDEX"
TICK = 0.05
BUY, SELL, LIMIT, MARKET, STOP_LIMIT = 1, -1, 1, 2, 4


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect to the caller."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


def browsed(page: str, name: str) -> dict[str, str]:
    """Press the button of a sign-in page and return the query the browser is sent back with."""
    address, _, query = page.partition("?")
    form = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(query)), "client": name}).encode()
    with pytest.raises(urllib.error.HTTPError) as sent_back:
        urllib.request.build_opener(NoRedirect).open(address, data=form, timeout=30)
    assert sent_back.value.code == 302
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sent_back.value.headers["Location"]).query))


def session(secret: str = SECRET) -> fyersModel.SessionModel:
    return fyersModel.SessionModel(
        client_id=APP,
        secret_key=secret,
        redirect_uri=CALLBACK,
        response_type="code",
        grant_type="authorization_code",
        state="journey",
    )


def signed_in() -> str:
    """Return an access token."""
    asked = session()
    query = browsed(asked.generate_authcode(), NAME)
    assert (query["s"], query["state"]) == ("ok", "journey")
    asked.set_token(query["auth_code"])
    answer = asked.generate_token()
    assert answer["s"] == "ok", answer
    return str(answer["access_token"])


def master(url: str, name: str) -> list[list[str]]:
    with urllib.request.urlopen(f"{url}/fyers/sym_details/{name}.csv", timeout=30) as file:
        return list(csv.reader(file.read().decode().splitlines()))


def quoted(fyers: fyersModel.FyersModel, symbol: str) -> dict[str, Any]:
    [row] = fyers.quotes({"symbols": symbol})["d"]
    assert (row["n"], row["s"]) == (symbol, "ok")
    return dict(row["v"])


def priced(fyers: fyersModel.FyersModel, option: dict[str, Any], limit: str) -> float:
    """A price between the market and a limit of its band now: the band moves with the market."""
    depth = fyers.depth({"symbol": option["symbol"], "ohlcv_flag": "1"})["d"][option["symbol"]]
    assert depth["lower_ckt"] < depth["ltp"] < depth["upper_ckt"]
    return round(round((depth["ltp"] + depth[limit]) / 2 / TICK) * TICK, 2)


def form_of(fyers: fyersModel.FyersModel, option: dict[str, Any], **change: Any) -> dict[str, Any]:
    return {
        "symbol": option["symbol"],
        "qty": option["lot"],
        "type": LIMIT,
        "side": BUY,
        "productType": "MARGIN",
        "limitPrice": 0 if "limitPrice" in change else priced(fyers, option, "upper_ckt"),
        "stopPrice": 0,
        "validity": "DAY",
        "disclosedQty": 0,
        "offlineOrder": False,
        "orderTag": "journey1",
    } | change


def placed(fyers: fyersModel.FyersModel, option: dict[str, Any], **change: Any) -> str:
    answer = fyers.place_order(data=form_of(fyers, option, **change))
    assert (answer["s"], answer["code"]) == ("ok", 1101), answer
    return str(answer["id"])


def booked(fyers: fyersModel.FyersModel, order_id: str) -> dict[str, Any]:
    [row] = fyers.orderbook(data={"id": order_id})["orderBook"]
    return dict(row)
