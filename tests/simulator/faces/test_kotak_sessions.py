"""Signing in at Kotak's face: both steps, what they grant, and who may use it."""

import json
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from domain.clock import IST
from tests.shared import shared_path
from tests.simulator.faces.kotak_client import (
    MPIN,
    NAME,
    KotakClient,
    code,
    key_of,
    register,
    sign_in,
    step,
    trade,
    view,
)

V3 = "kotak/sdk_v3_docs"
SESSION = {"stat": "Not_Ok", "emsg": "Invalid session", "stCode": 1003}
BAD = {"status": "error", "message": "Invalid credentials or TOTP.", "errorCode": "401"}


def recorded(name: str) -> Any:
    return json.loads(shared_path(f"{V3}/functions-{name}.json").read_text())


def sampled(name: str) -> dict[str, Any]:
    found: dict[str, Any] = recorded(f"authentication-{name}__sample-response-real-api-response__01")["data"]
    return found


def test_the_totp_gives_a_token_to_look_with_and_the_mpin_one_to_trade_with(site: Any) -> None:
    register(site)
    told = {"token", "sid", "rid", "isUserPwdExpired", "ucc", "greetingName", "dataCenter", "kType", "status"}
    seen = view(site).json()["data"]
    assert (seen["kType"], seen["ucc"]) == ("View", NAME)
    assert told <= seen.keys() <= sampled("totp-login").keys()
    granted = trade(site, seen).json()["data"]
    assert (granted["kType"], granted["ucc"], granted["baseUrl"]) == ("Trade", NAME, f"{site.url}/kotak")
    assert told | {"baseUrl"} <= granted.keys() <= sampled("totp-validate").keys() | {"feedUrl", "rtUrl"}
    client = KotakClient(site, granted["token"], granted["sid"])
    assert client.ok("/quick/user/limits", seg="ALL", exch="ALL", prod="ALL")


def test_a_token_says_that_it_dies_at_midnight(site: Any) -> None:
    claims = sign_in(site).token.split(".")[1]
    ends = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    at = datetime.fromtimestamp(ends, tz=IST)
    assert (at.hour, at.minute) == (0, 0)
    assert timedelta(0) < at - datetime.now(IST) <= timedelta(days=1)


def test_a_token_to_look_with_trades_nothing(site: Any) -> None:
    register(site)
    seen = view(site).json()["data"]
    answer = KotakClient(site, seen["token"], seen["sid"]).get("/quick/user/orders")
    assert (answer.status_code, answer.json()) == (403, SESSION)


@pytest.mark.parametrize(
    "changes", [{"totp": "000000"}, {"totp": "12"}, {"mobileNumber": "+911111111111"}, {"ucc": "DEMO01"}]
)
def test_a_first_step_that_is_wrong_is_refused(site: Any, changes: dict[str, str]) -> None:
    register(site)
    answer = view(site, **changes)
    assert (answer.status_code, answer.json()) == (401, BAD)


def test_clocks_may_differ_by_a_step_and_no_more(site: Any) -> None:
    register(site)
    assert view(site, totp=code(drift=-30)).status_code == 200
    assert view(site, totp=code(drift=-120)).status_code == 401


@pytest.mark.parametrize("name", ["mobileNumber", "ucc", "totp"])
def test_a_missing_field_is_named(site: Any, name: str) -> None:
    register(site)
    answer = view(site, **{name: ""})
    assert answer.status_code == 400
    [error] = answer.json()["error"]
    assert error == {"code": "400", "message": f"Missing required field '{name[0].upper()}{name[1:]}'"}


def test_an_mpin_belongs_to_a_first_step(site: Any) -> None:
    register(site)
    seen = view(site).json()["data"]
    wrong = trade(site, seen, mpin="000000")
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Invalid MPIN.")
    assert trade(site, seen, mpin="").json() | {"stat": ""} == recorded(
        "authentication-totp-validate__error-response__02"
    ) | {"stat": ""}
    for changed in ({"token": "a.b.c"}, {"sid": "another"}):
        assert trade(site, seen | changed).status_code == 401
    assert trade(site, seen).status_code == 200


def test_a_consumer_key_belongs_to_its_client(site: Any) -> None:
    register(site)
    register(site, "XP6M5")
    seen = view(site).json()["data"]
    headers = {"Auth": seen["token"], "sid": seen["sid"], "Authorization": key_of("XP6M5")}
    assert step(site, "tradeApiValidate", {"mpin": MPIN}, **headers).status_code == 401
    assert view(site, "XP6M5", ucc=NAME).status_code == 401


def test_a_session_is_its_token_and_its_id(site: Any) -> None:
    first, second = sign_in(site), sign_in(site, "XP6M5")
    assert first.get("/quick/user/orders").json()["stCode"] == 5203
    for token, sid in ((first.token, second.sid), (first.token, ""), ("", first.sid), ("made.up.token", first.sid)):
        answer = KotakClient(site, token, sid).get("/quick/user/orders")
        assert (answer.status_code, answer.json()) == (403, SESSION)


def test_a_customer_of_another_broker_has_no_session_here(site: Any) -> None:
    register(site)
    other = site.login("DEMO02")
    assert KotakClient(site, other.token, "any", "DEMO02").get("/quick/user/orders").status_code == 403


def test_logging_out_ends_the_session(site: Any) -> None:
    client = sign_in(site)
    url = f"{site.url}/kotak/apim/login/2.0/logout"
    answer = requests.post(url, headers=client.session, timeout=10)
    assert answer.json() == recorded("authentication-logout__success-response__01")
    assert client.get("/quick/user/orders").status_code == 403
    assert requests.post(url, headers=client.session, timeout=10).status_code == 403


def test_a_customer_sees_the_own_address_and_the_sockets(site: Any) -> None:
    shown = requests.get(f"{site.url}/kotak/login/1.0/get-client-ip", timeout=10).json()
    assert shown.keys() == recorded("authentication-whatsmyip__sample-response__01").keys()
    assert shown["data"][0]["ip"] == "127.0.0.1"
    configs = requests.get(f"{site.url}/kotak/5config/config", timeout=10).json()["data"]["configs"]
    assert configs["E43_sh_interactive_endpoint"] == f"{site.url}/kotak/realtime"


def test_the_ledger_tells_of_sessions(site: Any) -> None:
    client = sign_in(site)
    requests.post(f"{site.url}/kotak/apim/login/2.0/logout", headers=client.session, timeout=10)
    site.control("GET", "ledger")
    told = [line["message"] for line in site.entries(event="SESSION", client=NAME)]
    assert told == ["issued", "ended by its client"]
