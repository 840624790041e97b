"""Sign-in: the page to open, the checksum, the token's life, and who may do without a person."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from brokers.catalog import endpoint_of
from brokers.connect import connect_login
from brokers.tokens import token_expiry
from brokers.zerodha.spec import SPEC
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, Credentials, Endpoint
from tests.brokers.servers import serve
from tests.brokers.zerodha.cast import endpoint, recorded

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)  # 09:00 IST
FIELDS = {"api_key": "key1", "api_secret": "secret1"}
OWNER = Credentials("XX0000", FIELDS)


def run(handler, call, *, credentials: Credentials = OWNER):
    async def journey():
        async with serve(handler) as base:
            login = connect_login("zerodha", credentials, endpoint(base))
            try:
                return await call(login)
            finally:
                await login.aclose()

    return asyncio.run(journey())


def session(**changes: object) -> bytes:
    payload = json.loads(recorded("generate_session.json"))
    payload["data"].update(changes)
    return json.dumps(payload).encode()


def answering(body: bytes, *, status: int = 200):
    async def answer(http: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    return answer


def test_the_login_page_is_kites_and_carries_the_state_back():
    url = connect_login("zerodha", OWNER, endpoint_of("zerodha")).login_url(state="a b&c=d")
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    assert (parts.netloc, parts.path) == ("kite.zerodha.com", "/connect/login")
    assert (query["v"], query["api_key"]) == (["3"], ["key1"])
    assert parse_qs(query["redirect_params"][0]) == {"state": ["a b&c=d"]}


def test_the_exchange_proves_itself_by_checksum_and_returns_the_recorded_session():
    forms: list[dict[str, str]] = []
    body = session(access_token="fresh")

    async def answer(http: web.Request) -> web.Response:
        forms.append(dict(await http.post()))
        assert (http.method, http.path) == ("POST", "/zerodha/session/token")
        assert "Authorization" not in http.headers
        return web.Response(body=body, content_type="application/json")

    token = run(answer, lambda login: login.exchange(request_token="once", now=NOW))
    assert token == BrokerToken("fresh", "XX0000", datetime(2026, 11, 21, 0, 30, tzinfo=UTC))
    checksum = hashlib.sha256(b"key1oncesecret1").hexdigest()
    assert forms == [{"api_key": "key1", "request_token": "once", "checksum": checksum}]


def test_a_session_of_somebody_else_is_refused():
    other = Credentials("ZZ9999", FIELDS)
    with pytest.raises(BrokerError, match="XX0000 signed in, not ZZ9999") as caught:
        run(answering(session()), lambda login: login.exchange(request_token="x", now=NOW), credentials=other)
    assert caught.value.code == "WRONG_CLIENT"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b'{"status":"error","error_type":"TokenException","message":"Token is invalid or has expired."}'),
        (400, b'{"status":"error","error_type":"InputException","message":"Invalid `checksum`."}'),
        (200, b""),
        (200, b'{"status":"success","data":{"user_id":"XX0000"}}'),
        (200, b'{"status":"success","data":{"user_id":"XX0000","access_token":""}}'),
        (502, b"<html>"),
    ],
)
def test_a_refused_exchange_raises(status, body):
    with pytest.raises(BrokerError):
        run(answering(body, status=status), lambda login: login.exchange(request_token="x", now=NOW))


def test_the_real_kite_needs_a_person():
    async def journey() -> None:
        for real in (endpoint_of("zerodha"), Endpoint("https://api.kite.trade", "wss://ws.kite.trade")):
            login = connect_login("zerodha", OWNER, real)
            with pytest.raises(BrokerError) as caught:
                await login.sign_in(now=NOW)
            assert caught.value.code == "MANUAL"

    asyncio.run(journey())


def test_the_simulated_exchange_signs_in_without_a_person():
    body = session(access_token="fresh")

    async def answer(http: web.Request) -> web.Response:
        if http.path == "/control/request-token":
            assert await http.json() == {"client": "XX0000"}
            return web.json_response({"request_token": "once"})
        assert (await http.post())["request_token"] == "once"
        return web.Response(body=body, content_type="application/json")

    assert run(answer, lambda login: login.sign_in(now=NOW)).access_token == "fresh"


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"request_token":7}'])
def test_a_broken_simulated_sign_in_is_unavailable(body):
    with pytest.raises(BrokerUnavailable):
        run(answering(body), lambda login: login.sign_in(now=NOW))
    with pytest.raises(BrokerUnavailable, match="HTTP_404"):
        run(answering(body, status=404), lambda login: login.sign_in(now=NOW))


@pytest.mark.parametrize(
    ("now", "expires_at"),
    [
        (datetime(2026, 11, 20, 3, 30, tzinfo=UTC), datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
        (datetime(2026, 11, 20, 0, 29, tzinfo=UTC), datetime(2026, 11, 20, 0, 30, tzinfo=UTC)),
        (datetime(2026, 11, 20, 0, 30, tzinfo=UTC), datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
        (datetime(2026, 12, 31, 18, 0, tzinfo=UTC), datetime(2027, 1, 1, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_token_dies_at_the_next_six_in_the_morning_in_india(now, expires_at):
    assert token_expiry(SPEC, now) == expires_at
