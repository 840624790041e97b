"""Alice Blue's sign-in: where it leads, what is sent for the code, and what is believed of the answer."""

import asyncio
import base64
import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from brokers.catalog import endpoint_of, spec_of
from brokers.connect import connect_login
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable
from domain.broker_spec import SignInDenied
from tests.brokers.aliceblue.cast import CREDENTIALS, endpoint, recorded
from tests.brokers.servers import serve

MORNING = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 08:30 IST
FIVE = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # 05:00 IST
SIGN_IN = spec_of("aliceblue").sign_in


def exchanged(body: object, *, status: int = 200, code: str = "AB0001:code7") -> tuple[BrokerToken, object]:
    asked: list[object] = []

    async def answer(http: web.Request) -> web.Response:
        assert http.path == "/aliceblue/open-api/od/v1/vendor/getUserDetails"
        asked.append(await http.json())
        return web.json_response(body, status=status)

    async def journey() -> BrokerToken:
        async with serve(answer) as base:
            login = connect_login("aliceblue", CREDENTIALS, endpoint(base))
            try:
                return await login.exchange(request_token=code, now=MORNING)
            finally:
                await login.aclose()

    return asyncio.run(journey()), asked[0]


def session(**changes: object) -> dict[str, object]:
    documented: dict[str, object] = json.loads(recorded("02-authentication__get-session__02.json"))
    return documented | {"clientId": "ab0001"} | changes


def jwt(**claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{middle}.signature"


def test_the_recorded_answer_is_a_session_until_the_morning():
    token, asked = exchanged(session())
    assert token.access_token == "REDACTED.JWT.SAMPLE"
    assert token.expires_at == FIVE
    assert asked == {"checkSum": hashlib.sha256(b"AB0001code7secret1").hexdigest()}


def test_a_code_may_hold_what_separates_it_from_its_client():
    assert exchanged(session(), code="AB0001:a:b")[1] == {"checkSum": hashlib.sha256(b"AB0001a:bsecret1").hexdigest()}


def test_a_code_that_does_not_say_whose_it_is_is_the_accounts_own():
    assert exchanged(session(), code="code7")[1] == exchanged(session())[1]


@pytest.mark.parametrize(
    ("token", "ends"),
    [
        (jwt(exp=1795158000), datetime(2026, 11, 20, 7, 0, tzinfo=UTC)),
        (jwt(exp=1795158000 + 60 * 86_400), FIVE),
        (jwt(sub="x"), FIVE),
        ("not.a.jwt", FIVE),
    ],
)
def test_a_token_dies_when_it_says_and_daily_at_the_latest(token, ends):
    assert exchanged(session(userSession=token))[0].expires_at == ends


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"stat": "Not_ok", "emsg": "Invalid auth code"}),
        (200, {"stat": "Ok", "clientId": "AB0001"}),
        (200, {"stat": "Ok", "userSession": "t"}),
        (200, {"clientId": "AB0001", "userSession": "t"}),
        (400, {"stat": "Ok", "clientId": "AB0001", "userSession": "t"}),
        (200, {"stat": "Ok", "clientId": "AB0001", "userSession": 7}),
        (200, ["Ok"]),
    ],
)
def test_half_a_session_is_none(status, body):
    with pytest.raises(BrokerUnavailable, match="aliceblue"):
        exchanged(body, status=status)


def test_somebody_elses_session_is_refused():
    with pytest.raises(BrokerError, match="AB0002") as raised:
        exchanged(session(clientId="AB0002"), code="AB0002:code7")
    assert raised.value.code == "WRONG_CLIENT"


def test_the_page_is_alice_blues_and_a_person_is_wanted_there():
    login = connect_login("aliceblue", CREDENTIALS, endpoint_of("aliceblue"))
    page = urlsplit(login.login_url(state="ours"))
    assert (page.scheme, page.netloc) == ("https", "ant.aliceblueonline.com")
    assert parse_qs(page.query) == {"appcode": ["code1"]}

    async def signed_in() -> None:
        await login.sign_in(now=MORNING)

    with pytest.raises(BrokerError, match="MANUAL"):
        asyncio.run(signed_in())


def test_the_callback_says_who_signed_in():
    assert SIGN_IN.code_of({"authCode": "a1", "userId": "912444"}) == "912444:a1"
    for query in (
        {"authCode": "a1"},
        {"userId": "912444"},
        {"authCode": "a1", "userId": "9 1"},
        {"authCode": "", "userId": "9"},
    ):
        with pytest.raises(SignInDenied):
            SIGN_IN.code_of(query)
