"""Sign-in: the page to open, what is sent for a code, the token's life, and the sign-out."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from brokers.catalog import endpoint_of
from brokers.connect import connect_login
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, SignOut
from tests.brokers.servers import serve
from tests.brokers.upstox.cast import CREDENTIALS, FIELDS, endpoint, error, recorded, sample

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)  # 09:00 IST
DIES = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)  # 03:30 IST of the next day


def run(handler, call):
    async def journey():
        async with serve(handler) as base:
            login = connect_login("upstox", CREDENTIALS, endpoint(base))
            try:
                return await call(login)
            finally:
                await login.aclose()

    return asyncio.run(journey())


def session(**changes: object) -> dict[str, object]:
    profile = sample("10a-user-get-profile__response-200__01.json")["data"]
    return {**profile, "user_id": "AB1234", "access_token": "token9", "extended_token": "x", **changes}


def test_the_page_is_upstoxs_own_and_knows_where_to_send_the_browser_back():
    login = connect_login("upstox", CREDENTIALS, endpoint_of("upstox"))
    parts = urlsplit(login.login_url(state="account.7:x"))
    assert (parts.scheme, parts.netloc, parts.path) == (
        "https",
        "api.upstox.com",
        "/v2/login/authorization/dialog",
    )
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["key1"],
        "redirect_uri": [FIELDS["redirect_url"]],
        "state": ["account.7:x"],
    }


def test_a_code_is_turned_into_a_session_that_dies_at_half_past_three():
    forms: list[dict[str, str]] = []

    async def answer(http: web.Request) -> web.Response:
        assert http.path == "/upstox/v2/login/authorization/token"
        forms.append({name: str(value) for name, value in (await http.post()).items()})
        return web.json_response(session())

    token = run(answer, lambda login: login.exchange(request_token="mk404x", now=NOW))
    assert (token.client_id, token.access_token, token.expires_at) == ("AB1234", "token9", DIES)
    assert forms == [
        {
            "code": "mk404x",
            "client_id": "key1",
            "client_secret": "secret1",
            "redirect_uri": FIELDS["redirect_url"],
            "grant_type": "authorization_code",
        }
    ]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, error("UDAPI100057", "Invalid Auth code"), "UDAPI100057"),
        (401, error("UDAPI100069", "Check your 'client_id'"), "UDAPI100069"),
        (200, b'{"status":"error","errors":[]}', "MALFORMED"),
        (200, b'{"user_id":"AB1234","access_token":""}', "MALFORMED"),
        (200, b"", "MALFORMED"),
        (502, b"<html>", "HTTP_502"),
        (201, b'{"user_id":"AB1234","access_token":"token9"}', "HTTP_201"),
    ],
)
def test_what_is_no_session_is_an_error(status, body, code):
    async def answer(http: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    with pytest.raises(BrokerError, match="upstox sign-in") as raised:
        run(answer, lambda login: login.exchange(request_token="x", now=NOW))
    assert raised.value.code == code


def test_somebody_elses_session_is_refused():
    async def answer(http: web.Request) -> web.Response:
        return web.json_response(session(user_id="ZZ9999"))

    with pytest.raises(BrokerError, match="ZZ9999") as raised:
        run(answer, lambda login: login.exchange(request_token="x", now=NOW))
    assert raised.value.code == "WRONG_CLIENT"


def test_only_the_simulated_exchange_spares_the_person():
    login = connect_login("upstox", CREDENTIALS, endpoint_of("upstox"))
    with pytest.raises(BrokerError) as raised:
        asyncio.run(login.sign_in(now=NOW))
    assert raised.value.code == "MANUAL"


@pytest.mark.parametrize("name", ["api_key", "api_secret", "redirect_url"])
def test_what_an_account_lacks_is_named(name):
    poor = replace(CREDENTIALS, fields={key: value for key, value in FIELDS.items() if key != name})
    login = connect_login("upstox", poor, endpoint("http://127.0.0.1:1"))
    with pytest.raises(BrokerError, match=name) as raised:
        asyncio.run(login.exchange(request_token="x", now=NOW))
    assert raised.value.code == "CREDENTIALS"


def signing_out(status: int, body: bytes):
    calls: list[tuple[str, str, str]] = []

    async def answer(http: web.Request) -> web.Response:
        calls.append((http.method, http.path, http.headers["Authorization"]))
        return web.Response(status=status, body=body, content_type="application/json")

    async def leave(login):
        assert isinstance(login, SignOut)
        await login.sign_out(BrokerToken("token9", "AB1234", DIES))

    run(answer, leave)
    return calls


def test_signing_out_revokes_the_token_and_a_dead_one_is_nothing_to_do():
    expected = [("DELETE", "/upstox/v2/logout", "Bearer token9")]
    assert signing_out(200, recorded("09e-login-logout__response__01.json")) == expected
    assert signing_out(401, error("UDAPI100050", "Invalid token used to access API")) == expected
    with pytest.raises(BrokerUnavailable, match="upstox sign-out"):
        signing_out(500, b"")
