"""The sign-in: where it leads, what is sent for the code, and what is believed of the answer."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from brokers.catalog import endpoint_of, spec_of
from brokers.connect import connect_login
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, SessionLost
from domain.broker_spec import SignInDenied
from tests.brokers.mastertrust.cast import CALLBACK, CREDENTIALS, endpoint, recorded, refused, success
from tests.brokers.servers import serve

MORNING = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 08:30 IST
GRANTED = {"access_token": "t1", "expires_in": 86_399, "scope": "orders holdings", "token_type": "bearer"}
SIGN_IN = spec_of("mastertrust").sign_in


class Hydra:
    """Gives the token it is told to, and says whose it is."""

    def __init__(
        self, granted: object = GRANTED, *, status: int = 200, person: tuple[int, bytes] | None = None
    ) -> None:
        self.granted = json.dumps(granted).encode()
        self.status = status
        self.person = person
        self.form: dict[str, str] = {}
        self.proof = ""
        self.asked_with = ""

    async def answer(self, http: web.Request) -> web.Response:
        if http.path == "/mastertrust/oauth2/token":
            self.form = {name: str(value) for name, value in (await http.post()).items()}
            self.proof = http.headers["Authorization"]
            return web.Response(status=self.status, body=self.granted, content_type="application/json")
        assert http.path_qs == "/mastertrust/api/v1/user/trading_info"
        self.asked_with = http.headers["Authorization"]
        status, body = self.person or (200, recorded("user_trading_info"))
        return web.Response(status=status, body=body, content_type="application/json")


def exchanged(server: Hydra, *, now: datetime = MORNING) -> BrokerToken:
    async def journey() -> BrokerToken:
        async with serve(server.answer) as base:
            login = connect_login("mastertrust", CREDENTIALS, endpoint(base))
            try:
                return await login.exchange(request_token="code1", now=now)
            finally:
                await login.aclose()

    return asyncio.run(journey())


def test_a_code_is_exchanged_with_the_secret_in_the_header():
    server = Hydra()
    token = exchanged(server)
    assert server.form == {"grant_type": "authorization_code", "code": "code1", "redirect_uri": CALLBACK}
    assert b64decode(server.proof.removeprefix("Basic ")) == b"key1:secret1"
    assert server.asked_with == "Bearer t1"
    assert (token.access_token, token.client_id) == ("t1", "CLIENT123")


@pytest.mark.parametrize(
    ("lasts", "ends"),
    [
        (86_399, datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
        (3_600, MORNING + timedelta(hours=1)),
        (30 * 86_400, datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_token_dies_at_six_or_when_the_broker_says_if_that_is_sooner(lasts, ends):
    assert exchanged(Hydra(GRANTED | {"expires_in": lasts})).expires_at == ends


@pytest.mark.parametrize(
    "granted",
    [
        {},
        [],
        {"access_token": "t1"},
        {"access_token": "", "expires_in": 9},
        GRANTED | {"expires_in": "soon"},
        GRANTED | {"expires_in": 0},
        GRANTED | {"expires_in": 10**18},
    ],
)
def test_half_a_session_is_none(granted):
    with pytest.raises(BrokerUnavailable, match="mastertrust sign-in"):
        exchanged(Hydra(granted))


def test_a_refused_code_says_why_without_the_secret():
    error = {"error": "invalid_grant", "error_description": "The code was used."}
    with pytest.raises(BrokerUnavailable, match="mastertrust sign-in: invalid_grant The code was used") as raised:
        exchanged(Hydra(error, status=400))
    assert "secret1" not in str(raised.value)


@pytest.mark.parametrize(
    ("person", "error"),
    [
        ((200, success({"client_id": ""})), BrokerUnavailable),
        ((200, success({})), BrokerUnavailable),
        ((200, b"<html>"), BrokerUnavailable),
        ((401, refused("Request Unauthorised", code=40000).body), SessionLost),
    ],
)
def test_a_token_nobody_is_behind_is_none(person, error):
    with pytest.raises(error, match="mastertrust sign-in"):
        exchanged(Hydra(person=person))


def test_somebody_elses_token_is_refused():
    with pytest.raises(BrokerError, match="CLIENT456") as raised:
        exchanged(Hydra(person=(200, success({"client_id": "CLIENT456"}))))
    assert raised.value.code == "WRONG_CLIENT"


def test_the_page_hands_the_state_back():
    login = connect_login("mastertrust", CREDENTIALS, endpoint_of("mastertrust"))
    page = urlsplit(login.login_url(state="0123456789abcdef"))
    assert (page.scheme, page.netloc, page.path) == ("https", "masterswift-beta.mastertrust.co.in", "/oauth2/auth")
    assert parse_qs(page.query) == {
        "scope": ["orders holdings"],
        "state": ["0123456789abcdef"],
        "redirect_uri": [CALLBACK],
        "response_type": ["code"],
        "client_id": ["key1"],
    }
    assert SIGN_IN.code_of({"code": "c.1", "scope": "orders holdings", "state": "0123456789abcdef"}) == "c.1"
    with pytest.raises(SignInDenied):
        SIGN_IN.code_of({"error": "access_denied", "state": "0123456789abcdef"})


def test_the_real_broker_wants_a_person():
    login = connect_login("mastertrust", CREDENTIALS, endpoint_of("mastertrust"))
    with pytest.raises(BrokerError, match="MANUAL"):
        asyncio.run(_signed_in(login.sign_in))


async def _signed_in(sign_in: Callable[..., Awaitable[BrokerToken]]) -> BrokerToken:
    return await sign_in(now=MORNING)
