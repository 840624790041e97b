"""Signing in at the Noren face: the page, the code, the token, and who may use it."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.shared import shared_path
from tests.simulator.faces.noren_client import KEY, NAME, SECRET, proof, register, sign_in


def test_the_page_sends_the_browser_back_with_a_code_and_no_state(site: Any) -> None:
    register(site)
    page = requests.get(f"{site.url}/flattrade/", params={"app_key": KEY, "state": "ours"}, timeout=10)
    assert "Simulated Flattrade login" in page.text
    back = requests.post(
        f"{site.url}/flattrade/", data={"app_key": KEY, "client": NAME}, allow_redirects=False, timeout=10
    )
    query = parse_qs(urlsplit(back.headers["Location"]).query)
    assert query.keys() == {"request_code", "client"}
    answer = _exchange(site, query["request_code"][0])
    assert answer.keys() >= _recorded().keys()
    assert (answer["client"], answer["status"]) == (NAME, "Ok")


def test_a_key_of_nobody_or_of_another_broker_opens_no_page(site: Any) -> None:
    for key in ("nobody", "demo01key"):
        assert requests.get(f"{site.url}/flattrade/", params={"app_key": key}, timeout=10).status_code == 400


def test_a_code_works_once_and_only_with_the_secret(site: Any) -> None:
    register(site)
    code = site.control("POST", "request-token", {"client": NAME})["request_token"]
    assert _exchange(site, code, secret="guess")["stat"] == "Not_Ok"
    assert _exchange(site, code)["stat"] == "Ok"
    assert _exchange(site, code)["emsg"] == "Invalid Input : Invalid request code"


def test_a_token_is_of_one_user(site: Any) -> None:
    first, second = sign_in(site), sign_in(site, "FT0002")
    assert first.ok("UserDetails")["actid"] == NAME
    first.token, second.token = second.token, first.token
    assert first.refused("UserDetails") == "Session Expired : Invalid Session Key"


def test_logging_out_ends_the_session(site: Any) -> None:
    client = sign_in(site)
    client.ok("Logout")
    assert client.refused("OrderBook") == "Session Expired : Invalid Session Key"


def test_a_customer_of_another_broker_has_no_session_here(site: Any) -> None:
    other = site.login("DEMO02")
    body = f'jData={{"uid":"DEMO02"}}&jKey={other.token}'
    answer = requests.post(f"{site.url}/flattrade/PiConnectAPI/Limits", data=body, timeout=10).json()
    assert answer["emsg"] == "Session Expired : Invalid Session Key"


def test_bodies_come_as_forms_and_with_bearer_tokens_too(site: Any) -> None:
    client = sign_in(site)
    data = json.dumps({"uid": NAME, "actid": NAME})
    form = requests.post(
        f"{site.url}/flattrade/PiConnectTP/Limits", data={"jData": data, "jKey": client.token}, timeout=10
    )
    assert form.json()["stat"] == "Ok"
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    bearer = requests.post(
        f"{site.url}/flattrade/PiConnectAPI//Limits", data=f"jData={data}", headers=headers, timeout=10
    )
    assert bearer.json()["stat"] == "Ok"


def test_the_ledger_tells_of_sessions(site: Any) -> None:
    sign_in(site)
    site.control("GET", "ledger")
    assert [line["message"] for line in site.entries(event="SESSION", client=NAME)] == ["issued"]


def _exchange(site: Any, code: str, *, secret: str = SECRET) -> dict[str, str]:
    body = {"api_key": KEY, "request_code": code, "api_secret": proof(code, secret=secret)}
    answer: dict[str, str] = requests.post(f"{site.url}/flattrade/trade/apitoken", json=body, timeout=10).json()
    return answer


def _recorded() -> dict[str, str]:
    text = shared_path("flattrade/docs_marketcalls/02-authentication__response__01.json").read_text()
    recorded: dict[str, str] = json.loads(text)
    return recorded
