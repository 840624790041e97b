"""Login, token exchange, logout."""

import hashlib
import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from simulator.clients import demo_client
from tests.shared import shared_path

REDIRECT = "http://127.0.0.1:1/back/?from=kite"


def test_a_person_logs_in_and_is_sent_back_with_a_request_token(make_site):
    site = make_site(SIMULATOR_REDIRECT_URL=REDIRECT)
    page = requests.get(
        f"{site.url}/zerodha/connect/login",
        params={"v": "3", "api_key": "demo01key", "redirect_params": "state=<b>1"},
        timeout=10,
    )
    assert "DEMO01" in page.text
    assert "<b>1" not in page.text
    form = {"api_key": "demo01key", "client": "DEMO01", "redirect_params": "state=abc&status=forged"}
    reply = requests.post(f"{site.url}/zerodha/connect/login", data=form, allow_redirects=False, timeout=10)
    assert reply.status_code == 302
    query = parse_qs(urlsplit(reply.headers["Location"]).query)
    request_token = query.pop("request_token")
    assert query == {"from": ["kite"], "state": ["abc"], "action": ["login"], "status": ["success"]}
    assert len(request_token[0]) == 32


def test_unknown_keys_and_wrong_secrets_are_refused(site):
    assert requests.get(f"{site.url}/zerodha/connect/login?api_key=nobody", timeout=10).status_code == 400
    token = site.control("POST", "request-token", {"client": "DEMO01"})["request_token"]
    form = {"api_key": "demo01key", "request_token": token, "checksum": "0" * 64}
    reply = requests.post(f"{site.url}/zerodha/session/token", data=form, timeout=10)
    assert (reply.status_code, reply.json()["error_type"]) == (403, "TokenException")


def test_a_login_can_be_slow_and_broken_too(site):
    site.control("POST", "faults", {"kind": "html_body", "endpoint": "session.token", "count": 1})
    token = site.control("POST", "request-token", {"client": "DEMO01"})["request_token"]
    checksum = hashlib.sha256(f"demo01key{token}demo01secret".encode()).hexdigest()
    form = {"api_key": "demo01key", "request_token": token, "checksum": checksum}
    assert "html" in requests.post(f"{site.url}/zerodha/session/token", data=form, timeout=10).headers["Content-Type"]
    assert requests.post(f"{site.url}/zerodha/session/token", data=form, timeout=10).status_code == 403
    assert site.login()


@pytest.mark.parametrize("content_type", ["multipart/form-data", "application/x-www-form-urlencoded"])
def test_an_unreadable_form_is_refused(site, content_type):
    for path in ("session/token", "connect/login"):
        headers = {"Content-Type": content_type}
        reply = requests.post(f"{site.url}/zerodha/{path}", data=b"api_key=\xff\xfe", headers=headers, timeout=10)
        assert reply.status_code in (400, 403)
        assert reply.json()["status"] == "error"


def test_the_session_has_the_recorded_keys(site):
    trader = site.login()
    recorded = json.loads(shared_path("zerodha/kiteconnect-mocks/profile.json").read_text())["data"]
    assert set(recorded) == set(trader.get("/user/profile"))
    assert trader.get("/user/profile")["user_id"] == "DEMO01"


def test_a_logout_ends_the_session(site, trader):
    query = {"api_key": trader.api_key, "access_token": trader.token}
    assert trader.call("DELETE", "/session/token", params=query).json()["data"] is True
    assert trader.call("GET", "/user/profile").status_code == 403
    assert trader.call("DELETE", "/session/token", params=query).status_code == 403


def test_demo_credentials_follow_from_the_name():
    client = demo_client("DEMO07")
    assert (client.api_key, client.api_secret) == ("demo07key", "demo07secret")
