"""Fyers' sign-in: where it leads, what is sent for the code, and what is believed of the token."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from brokers.catalog import endpoint_of, spec_of
from brokers.connect import connect_login
from brokers.fyers.claims import claims_of
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable
from domain.broker_spec import SignInDenied
from tests.brokers.fyers.cast import CREDENTIALS, endpoint, jwt, recorded
from tests.brokers.servers import serve

MORNING = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 08:30 IST
NIGHT = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)  # 06:00 IST
SIGN_IN = spec_of("fyers").sign_in


def exchanged(body: object, *, status: int = 200) -> tuple[BrokerToken, dict[str, str]]:
    asked: list[dict[str, str]] = []

    async def answer(http: web.Request) -> web.Response:
        assert http.path == "/fyers/api/v3/validate-authcode"
        asked.append(await http.json())
        return web.json_response(body, status=status)

    async def journey() -> BrokerToken:
        async with serve(answer) as base:
            login = connect_login("fyers", CREDENTIALS, endpoint(base))
            try:
                return await login.exchange(request_token="code1", now=MORNING)
            finally:
                await login.aclose()

    return asyncio.run(journey()), asked[0]


def granted(**claims: object) -> dict[str, object]:
    token = jwt(**({"fy_id": "FX0011", "exp": int(NIGHT.timestamp()), "hsm_key": "k"} | claims))
    return {"s": "ok", "code": 200, "message": "", "access_token": token, "refresh_token": ""}


def test_a_token_says_itself_whose_it_is_and_when_it_ends():
    token, asked = exchanged(granted())
    assert (token.client_id, token.expires_at) == ("FX0011", NIGHT)
    proof = hashlib.sha256(b"APP1-200:secret1").hexdigest()
    assert asked == {"grant_type": "authorization_code", "appIdHash": proof, "code": "code1"}
    assert token.access_token not in repr(token)


def test_a_token_without_an_end_is_good_for_as_long_as_the_spec_says_at_most():
    token, _ = exchanged(granted(exp=None))
    assert token.expires_at <= MORNING + timedelta(hours=24)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"s": "error", "code": -413, "message": "invalid auth code"}),
        (200, {"s": "ok", "code": 200}),
        (200, {"s": "ok", "access_token": 7}),
        (200, {"s": "ok", "access_token": ""}),
        (200, {"s": "ok", "access_token": "a.b.c"}),
        (200, granted(fy_id="")),
        (200, granted(fy_id=7)),
        (200, granted(exp="tomorrow")),
        (200, granted(exp=10**30)),
        (400, granted()),
        (200, ["ok"]),
    ],
)
def test_half_a_session_is_none(status, body):
    with pytest.raises(BrokerUnavailable, match="fyers"):
        exchanged(body, status=status)


def test_the_recorded_tokens_are_cut_and_no_tokens():
    for name in ("response-attributes__01.norm.json", "response-attributes__03.json"):
        with pytest.raises(BrokerUnavailable, match="fyers sign-in"):
            exchanged(json.loads(recorded(name)))


def test_somebody_elses_session_is_refused():
    with pytest.raises(BrokerError, match="FX0012") as raised:
        exchanged(granted(fy_id="FX0012"))
    assert raised.value.code == "WRONG_CLIENT"


def test_claims_are_read_whatever_else_a_token_holds():
    claims = claims_of(jwt(fy_id="FX0011", hsm_key="k", aud=["d:1"], sub="access_token"))
    assert (claims.fy_id, claims.hsm_key, claims.expires_at) == ("FX0011", "k", None)
    for odd in ("", "a.b", "a.b.c.d", "a.!!.c", jwt().replace(".", "", 1), "a.WzFd.c"):
        with pytest.raises(ValueError, match=r"(?i)token"):
            claims_of(odd)


def test_the_page_is_fyers_and_carries_no_secret():
    page = urlsplit(connect_login("fyers", CREDENTIALS, endpoint_of("fyers")).login_url(state="ours"))
    assert (page.scheme, page.netloc, page.path) == ("https", "api-t1.fyers.in", "/api/v3/generate-authcode")
    assert parse_qs(page.query) == {
        "client_id": ["APP1-200"],
        "redirect_uri": ["https://vayda.test/callback"],
        "response_type": ["code"],
        "state": ["ours"],
    }


def test_the_real_fyers_wants_a_person():
    async def signed_in() -> BrokerToken:
        return await connect_login("fyers", CREDENTIALS, endpoint_of("fyers")).sign_in(now=MORNING)

    with pytest.raises(BrokerError, match="MANUAL"):
        asyncio.run(signed_in())


def test_a_redirect_is_believed_only_with_its_verdict():
    assert SIGN_IN.code_of({"s": "ok", "code": "200", "auth_code": "a1", "state": "x"}) == "a1"
    assert SIGN_IN.returns_state
    for query in ({"auth_code": "a1"}, {"s": "error", "auth_code": "a1"}, {"s": "ok", "code": "200"}):
        with pytest.raises(SignInDenied):
            SIGN_IN.code_of(query)


def test_signing_out_revokes_the_token_and_a_dead_one_is_nothing_to_do():
    seen: list[str] = []
    answers = [
        ({"s": "ok", "code": 200, "message": "you are successfully logged out"}, 200),
        ({"s": "error", "code": -16, "message": "Could not authenticate the user"}, 401),
        ({"s": "error", "code": -99, "message": "internal server error"}, 500),
    ]

    async def answer(http: web.Request) -> web.Response:
        seen.append(f"{http.method} {http.path} {http.headers['Authorization']}")
        body, status = answers.pop(0)
        return web.json_response(body, status=status)

    async def journey() -> None:
        async with serve(answer) as base:
            login = connect_login("fyers", CREDENTIALS, endpoint(base))
            token = BrokerToken("token9", "FX0011", MORNING)
            await login.sign_out(token)
            await login.sign_out(token)
            with pytest.raises(BrokerUnavailable, match="fyers"):
                await login.sign_out(token)
            await login.aclose()

    asyncio.run(journey())
    assert seen == ["POST /fyers/api/v3/logout APP1-200:token9"] * 3
