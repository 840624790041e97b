"""The sign-in: which calls it makes, and what it does not believe."""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import padding

from brokers.adapter import Account
from brokers.ibkr.answers import PRECAUTIONS
from brokers.ibkr.login import IbkrLogin
from brokers.lots import unknown_lots
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, Credentials
from simulator.faces.ibkr import oauth as theirs
from tests.brokers.ibkr.cast import NAME, Script, endpoint
from tests.brokers.ibkr.test_oauth import KEY, PRIME, PrivateFormat, pem
from tests.brokers.servers import serve

SECRET = b"the secret"
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ENDS = NOW + timedelta(hours=23)
FIELDS = {
    "consumer_key": "TESTCONS",
    "oauth_token": "a1b2c3",
    "oauth_token_secret": base64.b64encode(KEY.public_key().encrypt(SECRET, padding.PKCS1v15())).decode(),
    "signature_key": pem(PrivateFormat.PKCS8),
    "encryption_key": pem(PrivateFormat.TraditionalOpenSSL),
    "dh_prime": f"{PRIME:x}",
}
TOKEN, INIT, ACCOUNTS = "/oauth/live_session_token", "/iserver/auth/ssodh/init", "/iserver/accounts"
SUPPRESS = "/iserver/questions/suppress"


async def agreeing(http: web.Request) -> web.StreamResponse:
    """The other side of the exchange of keys."""
    return web.json_response(agreed(http))


def agreed(http: web.Request, **changes: Any) -> dict[str, Any]:
    challenge = theirs.parameters_of(http.headers["Authorization"])["diffie_hellman_challenge"]
    found = theirs.agree(challenge=challenge, prime=f"{PRIME:x}", secret=SECRET.hex(), consumer_key="TESTCONS")
    assert found is not None
    body = {
        "diffie_hellman_response": found.response,
        "live_session_token_signature": found.signature,
        "live_session_token_expiration": int(ENDS.timestamp() * 1000),
    }
    return {**body, **changes}


def answers(**changes: list[tuple[int, Any]]) -> dict[str, list[tuple[int, Any]]]:
    given: dict[str, list[tuple[int, Any]]] = {
        TOKEN: [(200, agreeing)],
        INIT: [(200, {"authenticated": True, "competing": False, "connected": True, "message": ""})],
        ACCOUNTS: [(200, {"accounts": ["All", NAME], "selectedAccount": NAME})],
        SUPPRESS: [(200, {"status": "submitted"})],
        "/portfolio/accounts": [(200, [{"id": NAME}])],
        "/iserver/account/orders": [(200, {"orders": [], "snapshot": False})],
        "/iserver/account/trades": [(200, [])],
        "/logout": [(200, {"status": True})],
    }
    return given | {"/" + path.replace("__", "/"): one for path, one in changes.items()}


def signed_in(script: Script, *, name: str = NAME, **fields: str) -> BrokerToken:
    async def go() -> BrokerToken:
        async with serve(script.answer) as base:
            credentials = Credentials(name, {**FIELDS, **fields})
            login = IbkrLogin(Account(credentials, endpoint(base), 2.0, None, unknown_lots))
            try:
                return await login.sign_in(now=NOW)
            finally:
                await login.aclose()

    return asyncio.run(go())


def test_a_session_is_opened_suppresses_questions_and_asks_for_the_books_once():
    script = Script(answers())
    token = signed_in(script)
    assert (token.client_id, token.expires_at) == (NAME, ENDS)
    assert script.paths() == [
        TOKEN,
        INIT,
        ACCOUNTS,
        SUPPRESS,
        "/portfolio/accounts",
        "/iserver/account/orders",
        "/iserver/account/trades",
    ]
    bodies = {path: body for _, path, body in script.asked}
    assert bodies[INIT] == {"publish": True, "compete": True}
    assert bodies[SUPPRESS] == {"messageIds": list(PRECAUTIONS)}
    assert len(PRECAUTIONS) <= 51


def test_a_client_is_known_in_any_case_and_found_among_several():
    several = [(200, {"accounts": ["U7654321", NAME], "selectedAccount": "U7654321"})]
    assert signed_in(Script(answers(iserver__accounts=several)), name=NAME.lower()).client_id == NAME
    with pytest.raises(BrokerError, match="U7654321") as raised:
        signed_in(Script(answers(iserver__accounts=several)), name="U1111111")
    assert raised.value.code == "WRONG_CLIENT"


@pytest.mark.parametrize(
    "changes",
    [
        {"live_session_token_signature": "00" * 20},
        {"diffie_hellman_response": "2"},
        {"diffie_hellman_response": "not hex"},
        {"live_session_token_expiration": 10**18},
        {"live_session_token_signature": None},
    ],
)
def test_a_session_token_the_two_sides_do_not_share_is_none(changes):
    async def answer(http: web.Request) -> web.StreamResponse:
        return web.json_response(agreed(http, **changes))

    script = Script(answers(oauth__live_session_token=[(200, answer)]))
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        signed_in(script)
    assert script.paths() == [TOKEN]


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_refused_sign_in_is_no_lost_session(status):
    refused = [(status, {"error": "invalid consumer", "statusCode": status})]
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        signed_in(Script(answers(oauth__live_session_token=refused)))


@pytest.mark.parametrize(
    "opened", [{"authenticated": False, "message": "competing"}, {"authenticated": True, "connected": False}, {}, []]
)
def test_a_brokerage_session_that_does_not_open_is_none(opened):
    script = Script(answers(iserver__auth__ssodh__init=[(200, opened)]))
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        signed_in(script)
    assert script.paths() == [TOKEN, INIT]


@pytest.mark.parametrize("path", ["iserver__questions__suppress", "iserver__account__orders", "portfolio__accounts"])
def test_half_a_session_is_none(path):
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        signed_in(Script(answers(**{path: [(503, {"error": "Service Unavailable"})]})))


@pytest.mark.parametrize("name", ["signature_key", "encryption_key", "dh_prime", "oauth_token_secret"])
def test_what_cannot_be_used_is_named_before_anything_is_sent(name):
    script = Script(answers())
    with pytest.raises(BrokerError, match=name) as raised:
        signed_in(script, **{name: "wrongwrong"})
    assert raised.value.code == "CREDENTIALS"
    assert FIELDS[name] not in str(raised.value)
    assert script.asked == []


def test_there_is_no_page():
    login = IbkrLogin(Account(Credentials(NAME, FIELDS), endpoint("http://ibkr.test"), 2.0, None, unknown_lots))
    with pytest.raises(BrokerError) as raised:
        login.login_url(state="x")
    assert raised.value.code == "NO_PAGE"


@pytest.mark.parametrize("status", [200, 401])
def test_signing_out_twice_is_once(status):
    script = Script(answers(logout=[(status, {"status": True} if status == 200 else {"error": "not authenticated"})]))

    async def go() -> None:
        async with serve(script.answer) as base:
            login = IbkrLogin(Account(Credentials(NAME, FIELDS), endpoint(base), 2.0, None, unknown_lots))
            token = BrokerToken(base64.b64encode(b"session").decode(), NAME, NOW)
            await login.sign_out(replace(token))
            await login.aclose()

    asyncio.run(go())
    assert json.dumps(script.paths()) == '["/logout"]'
