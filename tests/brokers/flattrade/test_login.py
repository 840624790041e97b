"""Flattrade's sign-in: where it leads, what is sent for the code, and what is believed of the answer."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from brokers.catalog import endpoint_of, spec_of
from brokers.connect import connect_login
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable
from domain.broker_spec import SignInDenied
from tests.brokers.noren.cast import CREDENTIALS, endpoint, recorded
from tests.brokers.servers import serve

MORNING = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 08:30 IST
SIGN_IN = spec_of("flattrade").sign_in


def exchanged(body: bytes, *, status: int = 200, code: str = "code1") -> tuple[BrokerToken, dict[str, str]]:
    asked: list[dict[str, str]] = []

    async def answer(http: web.Request) -> web.Response:
        assert http.path == "/flattrade/trade/apitoken"
        asked.append(await http.json())
        return web.Response(status=status, body=body, content_type="application/json")

    async def journey() -> BrokerToken:
        async with serve(answer) as base:
            login = connect_login("flattrade", CREDENTIALS, endpoint(base))
            try:
                return await login.exchange(request_token=code, now=MORNING)
            finally:
                await login.aclose()

    return asyncio.run(journey()), asked[0]


def test_the_recorded_answer_is_a_session_until_five_in_the_morning():
    body = json.dumps(json.loads(recorded("02-authentication__response__01.json")) | {"client": "ft0001"}).encode()
    token, asked = exchanged(body)
    assert token.access_token == "dsfdsf84okkdlfelfdfdfd3454545454ssdfsf"
    assert token.expires_at == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    proof = hashlib.sha256(b"key1code1secret1").hexdigest()
    assert asked == {"api_key": "key1", "request_code": "code1", "api_secret": proof}


@pytest.mark.parametrize("verdict", [{"stat": "Ok"}, {"status": "Ok"}])
def test_both_names_of_the_verdict_are_understood(verdict):
    body = json.dumps({"token": "t", "client": "FT0001", "emsg": "", **verdict}).encode()
    assert exchanged(body)[0].client_id == "FT0001"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"stat": "Not_Ok", "emsg": "Invalid request code"}),
        (200, {"stat": "Ok", "client": "FT0001"}),
        (200, {"token": "t", "client": "FT0001"}),
        (400, {"stat": "Ok", "token": "t", "client": "FT0001"}),
        (200, {"stat": "Ok", "token": "t", "client": ""}),
        (200, {"stat": "Ok", "token": 7, "client": "FT0001"}),
        (200, ["Ok"]),
    ],
)
def test_half_a_session_is_none(status, body):
    with pytest.raises(BrokerUnavailable, match="flattrade"):
        exchanged(json.dumps(body).encode(), status=status)


def test_somebody_elses_session_is_refused():
    with pytest.raises(BrokerError, match="FT0002") as raised:
        exchanged(json.dumps({"stat": "Ok", "token": "t", "client": "FT0002"}).encode())
    assert raised.value.code == "WRONG_CLIENT"


def test_the_real_addresses_are_flattrades():
    real = endpoint_of("flattrade")
    assert real.token_url == "https://authapi.flattrade.in/trade/apitoken"
    assert endpoint("http://127.0.0.1:1").token_url == "http://127.0.0.1:1/flattrade/trade/apitoken"
    page = urlsplit(connect_login("flattrade", CREDENTIALS, real).login_url(state="ours"))
    assert (page.scheme, page.netloc, parse_qs(page.query)) == ("https", "auth.flattrade.in", {"app_key": ["key1"]})


def test_the_real_flattrade_wants_a_person():
    login = connect_login("flattrade", CREDENTIALS, endpoint_of("flattrade"))
    with pytest.raises(BrokerError, match="MANUAL"):
        asyncio.run(_signed_in(login.sign_in))


async def _signed_in(sign_in: Callable[..., Awaitable[BrokerToken]]) -> BrokerToken:
    return await sign_in(now=MORNING)


def test_the_code_has_two_names():
    assert SIGN_IN.code_of({"request_code": "a1", "client": "FT0001"}) == "a1"
    assert SIGN_IN.code_of({"code": "b2"}) == "b2"
    assert not SIGN_IN.returns_state
    with pytest.raises(SignInDenied):
        SIGN_IN.code_of({"request_token": "x"})
