"""Signing in at Fyers' face: the page, the code, the token, and who may use it."""

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.simulator.faces.fyers_client import KEY, NAME, FyersClient, claims, exchanged, register, sign_in

IST = timezone(timedelta(hours=5, minutes=30))
LOST = (-16, "Could not authenticate the user")


def test_the_page_sends_the_browser_back_with_a_code_and_the_state(site: Any) -> None:
    register(site)
    address, query = f"{site.url}/fyers/api/v3/generate-authcode", {"client_id": KEY, "state": "ours"}
    assert "Simulated Fyers login" in requests.get(address, params=query, timeout=10).text
    back = requests.post(address, data=query | {"client": NAME}, allow_redirects=False, timeout=10)
    returned = parse_qs(urlsplit(back.headers["Location"]).query)
    assert (returned["s"], returned["code"], returned["state"]) == (["ok"], ["200"], ["ours"])
    assert exchanged(site, returned["auth_code"][0]).json()["s"] == "ok"


def test_an_app_of_nobody_or_of_another_broker_opens_no_page(site: Any) -> None:
    for key in ("nobody", "demo01key"):
        reply = requests.get(f"{site.url}/fyers/api/v3/generate-authcode", params={"client_id": key}, timeout=10)
        assert (reply.status_code, reply.json()["s"]) == (400, "error")


def test_a_code_works_once_and_only_with_the_secret(site: Any) -> None:
    register(site)
    code = site.control("POST", "request-token", {"client": NAME})["request_token"]
    assert exchanged(site, code, secret="guess").json()["code"] == -371
    assert exchanged(site, code, grant_type="refresh_token").json()["code"] == -50
    assert exchanged(site, code).json()["s"] == "ok"
    assert exchanged(site, code).json()["code"] == -374


def test_a_token_says_whose_it_is_and_ends_at_six(site: Any) -> None:
    said = claims(sign_in(site).token)
    assert (said["fy_id"], said["sub"]) == (NAME, "access_token")
    ends = datetime.fromtimestamp(said["exp"], tz=IST)
    assert (ends.hour, ends.minute) == (6, 0)
    assert said["iat"] < said["exp"] <= said["iat"] + 86_400
    assert said["hsm_key"]


def test_a_token_is_of_one_app_and_its_signature_counts(site: Any) -> None:
    first, second = sign_in(site), sign_in(site, "FY0002")
    assert first.ok("GET", "/api/v3/profile")["data"]["fy_id"] == NAME
    forged = f"{first.token.rpartition('.')[0]}.{second.token.rpartition('.')[2]}"
    for token in (second.token, forged, "", "dead", first.token[:-1]):
        other = FyersClient(site, token)
        reply = other.call("GET", "/api/v3/profile")
        assert reply.status_code == 401
        assert (reply.json()["code"], reply.json()["message"]) == LOST


def test_a_bare_token_is_enough_to_say_whose_it_is(site: Any) -> None:
    client = sign_in(site)
    address, body = f"{site.url}/fyers/data/symbol-token", {"symbols": ["NSE:RELIANCE-EQ", "NSE:NOSUCH-EQ"]}
    found = requests.post(address, json=body, headers={"Authorization": client.token}, timeout=10).json()
    assert list(found["validSymbol"]) == ["NSE:RELIANCE-EQ"]
    assert found["invalidSymbol"] == ["NSE:NOSUCH-EQ"]
    forged = f"{client.token.rpartition('.')[0]}.{'0' * 32}"
    for token in (forged, "", "dead", "a.b.c", "a.bm8.c"):
        reply = requests.post(address, json=body, headers={"Authorization": token}, timeout=10)
        assert reply.status_code == 401


def test_logging_out_ends_the_session(site: Any) -> None:
    client = sign_in(site)
    client.ok("POST", "/api/v3/logout")
    assert client.refused("GET", "/api/v3/orders") == LOST
    assert client.refused("POST", "/api/v3/logout") == LOST


def test_a_customer_of_another_broker_has_no_session_here(site: Any) -> None:
    other = site.login("DEMO02")
    client = FyersClient(site, other.token, "DEMO02", "demo02key")
    assert client.refused("GET", "/api/v3/funds") == LOST


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/v3/nothing", 404), ("PUT", "/api/v3/orders", 405)]
)
def test_unknown_addresses_are_told_in_fyers_words(site: Any, method: str, path: str, status: int) -> None:
    reply = sign_in(site).call(method, path)
    assert (reply.status_code, reply.json()["s"], reply.json()["code"]) == (status, "error", -50)
