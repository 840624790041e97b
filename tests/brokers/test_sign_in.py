"""What every sign-in does with what its broker said."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from brokers.adapter import Account
from brokers.catalog import spec_of
from brokers.lots import unknown_lots
from brokers.sign_in import CodeLogin, RestLogin, Session
from brokers.transport import WireAnswer, WireRequest
from domain.broker import LOGIN_PROTOCOLS, BrokerError, BrokerToken, BrokerUnavailable, Credentials, Endpoint
from tests.brokers.servers import serve

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)  # 09:00 IST
NOON = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
SIX = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
OWNER = Credentials("AB1234", {"api_key": "key1"})


class Login(CodeLogin):
    """A broker that answers a code with the client it belongs to."""

    spec = spec_of("zerodha")

    def login_url(self, *, state: str) -> str:
        return state

    def token_request(self, code: str) -> WireRequest:
        return WireRequest("POST", f"{self.endpoint.rest_url}/token", form={"code": code})

    def session_of(self, answer: WireAnswer) -> Session:
        return Session(answer.body.decode(), "token1", expires_at=NOON)


def account(*, endpoint: Endpoint = Endpoint("", "")) -> Account:
    return Account(OWNER, endpoint, 5.0, None, unknown_lots)


def signed_in(*, status: int = 200, simulated: bool = True) -> BrokerToken:
    async def answer(http: web.Request) -> web.Response:
        if http.path == "/control/request-token":
            assert await http.json() == {"client": "AB1234"}
            return web.json_response({"request_token": "ab1234"}, status=status)
        return web.Response(text=str((await http.post())["code"]))

    async def journey() -> BrokerToken:
        async with serve(answer) as base:
            login = Login(account(endpoint=Endpoint(f"{base}/slug", "", simulator_url=base if simulated else "")))
            try:
                return await login.sign_in(now=NOW)
            finally:
                await login.aclose()

    return asyncio.run(journey())


def test_the_simulated_exchange_gives_its_code_from_its_root():
    assert signed_in() == BrokerToken("token1", "ab1234", NOON)


def test_a_real_broker_wants_a_person():
    with pytest.raises(BrokerError, match="zerodha: a person") as caught:
        signed_in(simulated=False)
    assert caught.value.code == "MANUAL"


def test_a_simulated_exchange_that_refuses_is_unavailable():
    with pytest.raises(BrokerUnavailable, match="HTTP_404: zerodha"):
        signed_in(status=404)


@pytest.mark.parametrize(
    ("stated", "expires_at"), [(None, SIX), (NOON, NOON), (MIDNIGHT, MIDNIGHT), (datetime(2030, 1, 1, tzinfo=UTC), SIX)]
)
def test_a_token_dies_when_the_broker_says_or_at_the_specs_hour(stated, expires_at):
    token = Login(account()).token(Session("AB1234", "token1", expires_at=stated), now=NOW)
    assert token.expires_at == expires_at
    assert "token1" not in repr(token)


@pytest.mark.parametrize(("lasts", "expires_at"), [(timedelta(hours=3), NOON), (timedelta(days=9), SIX)])
def test_a_token_may_say_how_long_it_lives(lasts, expires_at):
    assert Login(account()).token(Session("AB1234", "token1", lasts=lasts), now=NOW).expires_at == expires_at


class Asking(Login):
    """A broker whose answer leaves out whose token it is."""

    def session_of(self, answer: WireAnswer) -> Session:
        return Session("", "token1")

    async def completed(self, session: Session) -> Session:
        return replace(session, client_id=f"of {session.access_token}")


def test_what_an_answer_left_out_is_asked_before_it_is_judged():
    async def answer(http: web.Request) -> web.Response:
        return web.Response()

    async def journey() -> None:
        async with serve(answer) as base:
            login = Asking(account(endpoint=Endpoint(base, "")))
            try:
                await login.exchange(request_token="code1", now=NOW)
            finally:
                await login.aclose()

    with pytest.raises(BrokerError, match="of token1 signed in, not AB1234"):
        asyncio.run(journey())


@pytest.mark.parametrize(("client", "token"), [("", "token1"), ("AB1234", "")])
def test_half_a_session_is_none(client, token):
    with pytest.raises(BrokerUnavailable, match="MALFORMED: zerodha"):
        Login(account()).token(Session(client, token), now=NOW)


def test_somebody_elses_session_is_refused_by_name():
    with pytest.raises(BrokerError, match="ZZ9999 signed in, not AB1234") as caught:
        Login(account()).token(Session("ZZ9999", "token1"), now=NOW)
    assert caught.value.code == "WRONG_CLIENT"


def test_a_credential_that_is_missing_is_named():
    assert Login(account()).credential("api_key") == "key1"
    with pytest.raises(BrokerError, match=r"zerodha.*api_secret") as caught:
        Login(account()).credential("api_secret")
    assert caught.value.code == "CREDENTIALS"


def test_a_sign_in_has_of_itself_nothing_that_only_some_brokers_offer():
    assert not [one for one in LOGIN_PROTOCOLS.values() if isinstance(RestLogin(account()), one)]
