"""Kotak's sign-in: two steps without a person, what each sends, and what is believed of the answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from brokers.connect import connect_login
from brokers.kotak.access import session_of
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, Credentials
from domain.clock import IST
from tests.brokers.kotak.cast import DOCS, FIELDS, V3, credentials, endpoint, jwt, recorded, session
from tests.brokers.servers import serve

MORNING = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 08:30 IST
MIDNIGHT = datetime(2026, 11, 21, tzinfo=IST)
VIEW = f"{V3}/functions-authentication-totp-login__sample-response-real-api-response__01.json"
TRADE = f"{V3}/functions-authentication-totp-validate__sample-response-real-api-response__01.json"
CODE = "856516"
"""What an authenticator with that secret shows on that morning."""

Answer = tuple[int, bytes]


def granted(path: str, **changes: object) -> Answer:
    """A recorded step, with the host and the client it cannot show."""
    data = json.loads(recorded(path))["data"] | {"ucc": "XP6M4"} | changes
    return 200, json.dumps({"data": {name: value for name, value in data.items() if value is not None}}).encode()


def refused(body: object, *, status: int = 401) -> Answer:
    return status, body if isinstance(body, bytes) else json.dumps(body).encode()


@dataclass
class Kotak:
    """Answers each step as told, and remembers who asked what; a session goes on where it began unless told."""

    view: Answer = field(default_factory=lambda: granted(VIEW))
    trade: Mapping[str, object] | Answer = field(default_factory=dict)
    out: Answer = (200, b'{"State":"OK","message":"You have been successfully logged out"}')
    asked: list[tuple[str, Any, Mapping[str, str]]] = field(default_factory=list)

    async def answer(self, http: web.Request) -> web.Response:
        body = await http.json() if http.can_read_body and http.content_type == "application/json" else None
        self.asked.append((http.path, body, http.headers.copy()))
        status, text = self._step(http)
        return web.Response(status=status, body=text, content_type="application/json")

    def _step(self, http: web.Request) -> Answer:
        if http.path.endswith("/logout"):
            return self.out
        if http.path.endswith("/tradeApiLogin"):
            return self.view
        if isinstance(self.trade, tuple):
            return self.trade
        return granted(TRADE, **{"baseUrl": f"http://{http.host}/kotak"} | dict(self.trade))


def asked_of(kotak: Kotak, call: Callable[[Any, str], Awaitable[Any]], known: Credentials | None = None) -> Any:
    async def journey() -> Any:
        async with serve(kotak.answer) as base:
            login = connect_login("kotak", known or credentials(), endpoint(base))
            try:
                return await call(login, base)
            finally:
                await login.aclose()

    return asyncio.run(journey())


def signed_in(kotak: Kotak, known: Credentials | None = None) -> BrokerToken:
    token: BrokerToken = asked_of(kotak, lambda login, _: login.sign_in(now=MORNING), known)
    return token


def test_the_totp_and_the_mpin_sign_in_without_a_person():
    kotak = Kotak(view=granted(VIEW, token="view.jwt", sid="view-sid"))
    token = signed_in(kotak)
    assert (token.client_id, token.expires_at) == ("XP6M4", MIDNIGHT)
    (first, credentials_sent, first_headers), (second, mpin_sent, second_headers) = kotak.asked
    assert (first, second) == ("/kotak/login/1.0/tradeApiLogin", "/kotak/login/1.0/tradeApiValidate")
    assert credentials_sent == {"mobileNumber": "+919876543210", "ucc": "XP6M4", "totp": CODE}
    assert mpin_sent == {"mpin": "246810"}
    for headers in (first_headers, second_headers):
        assert (headers["Authorization"], headers["neo-fin-key"]) == ("key1", "neotradeapi")
    assert (second_headers["Auth"], second_headers["sid"]) == ("view.jwt", "view-sid")
    assert "Auth" not in first_headers


def test_the_session_carries_where_it_goes_on():
    async def call(login: Any, base: str) -> None:
        session = session_of((await login.sign_in(now=MORNING)).access_token, endpoint(base))
        recorded_one = json.loads(recorded(TRADE))["data"]
        assert (session.token, session.sid) == (recorded_one["token"], recorded_one["sid"])
        assert session.base_url == f"{base}/kotak"
        assert (session.feed_url, session.updates_url) == ("", "")

    asked_of(Kotak(), call)


def test_sockets_the_sign_in_names_travel_with_it():
    async def call(login: Any, base: str) -> None:
        kotak.trade = {"feedUrl": f"{base}/kotak/apifeed", "rtUrl": f"{base}/kotak/realtime"}
        session = session_of((await login.sign_in(now=MORNING)).access_token, endpoint(base))
        assert (session.feed_url, session.updates_url) == (f"{base}/kotak/apifeed", f"{base}/kotak/realtime")

    kotak = Kotak()
    asked_of(kotak, call)


def test_a_code_a_person_read_off_is_sent_as_it_is():
    kotak = Kotak()
    asked_of(kotak, lambda login, _: login.exchange(request_token="123456", now=MORNING))
    assert kotak.asked[0][1]["totp"] == "123456"


def test_a_token_dies_when_it_says_though_never_after_midnight():
    soon = MORNING + timedelta(hours=2)
    assert signed_in(Kotak(trade={"token": jwt(soon)})).expires_at == soon
    assert signed_in(Kotak(trade={"token": jwt(MORNING + timedelta(days=30))})).expires_at == MIDNIGHT


@pytest.mark.parametrize(
    "changes",
    [
        {"baseUrl": "https://e43.kotaksecurities.com"},
        {"baseUrl": "http://evil.example/kotak"},
        {"baseUrl": None},
        {"feedUrl": "wss://evil.example/apifeed"},
        {"rtUrl": "wss://evil.example/realtime"},
    ],
)
def test_a_session_at_another_host_than_the_accounts_is_not_believed(changes):
    with pytest.raises(BrokerUnavailable, match=r"MALFORMED: kotak sign-in.*host"):
        signed_in(Kotak(trade=changes))


def test_somebody_elses_session_is_refused():
    with pytest.raises(BrokerError, match="AB123") as raised:
        signed_in(Kotak(trade={"ucc": "AB123"}))
    assert raised.value.code == "WRONG_CLIENT"


def test_an_answer_without_a_client_is_the_one_we_named():
    assert signed_in(Kotak(trade={"ucc": None}, view=granted(VIEW, ucc=None))).client_id == "XP6M4"


@pytest.mark.parametrize(
    ("kotak", "steps"),
    [
        (Kotak(view=granted(VIEW, token=None)), 1),
        (Kotak(view=granted(VIEW, sid="")), 1),
        (Kotak(view=granted(VIEW, kType="Trade")), 1),
        (Kotak(view=(200, b"[]")), 1),
        (Kotak(view=(200, b'{"data":null}')), 1),
        (Kotak(view=(502, granted(VIEW)[1])), 1),
        (Kotak(view=(200, b"<html>")), 1),
        (Kotak(view=refused(recorded(f"{DOCS}/02-authentication__5-response__02.json"))), 1),
        (Kotak(view=refused({"error": [{"code": "400", "message": "Missing required field 'Ucc'"}]}, status=400)), 1),
        (Kotak(trade={"kType": "View"}), 2),
        (Kotak(trade={"token": ""}), 2),
    ],
)
def test_half_a_sign_in_is_none_and_goes_no_further(kotak, steps):
    with pytest.raises(BrokerUnavailable, match="kotak"):
        signed_in(kotak)
    assert len(kotak.asked) == steps


def test_a_wrong_mpin_is_for_a_person_to_mend():
    with pytest.raises(BrokerError, match="Invalid MPIN") as raised:
        signed_in(Kotak(trade=refused(recorded(f"{DOCS}/02-authentication__5-response__04.json"))))
    assert raised.value.code == "CREDENTIALS"
    assert not isinstance(raised.value, BrokerUnavailable)


@pytest.mark.parametrize("secret", ["not base32!", "1"])
def test_a_setup_key_that_is_none_is_told_before_anything_is_sent(secret):
    kotak = Kotak()
    with pytest.raises(BrokerError, match="TOTP setup key") as raised:
        signed_in(kotak, credentials(totp_secret=secret))
    assert (raised.value.code, kotak.asked) == ("CREDENTIALS", [])
    assert secret not in raised.value.message


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_needed_and_named_before_anything_is_sent(name):
    kotak = Kotak()
    known = replace(credentials(), fields={one: value for one, value in FIELDS.items() if one != name})
    with pytest.raises(BrokerError, match=name) as raised:
        signed_in(kotak, known)
    assert (raised.value.code, kotak.asked) == ("CREDENTIALS", [])


def test_there_is_no_page():
    with pytest.raises(BrokerError, match="NO_PAGE"):
        connect_login("kotak", credentials(), endpoint("http://127.0.0.1:1")).login_url(state="ours")


def signed_out(kotak: Kotak, *, packed: str | None = None) -> None:
    async def call(login: Any, base: str) -> None:
        text = session(base).packed() if packed is None else packed
        await login.sign_out(BrokerToken(text, "XP6M4", MIDNIGHT))

    asked_of(kotak, call)


def test_signing_out_ends_the_session_where_it_lives():
    kotak = Kotak()
    signed_out(kotak)
    ((path, _, headers),) = kotak.asked
    assert path == "/kotak/apim/login/2.0/logout"
    assert (headers["Authorization"], headers["Auth"], headers["Sid"]) == ("Bearer key1", "trade.jwt.1", "sid-1")


@pytest.mark.parametrize(
    "out",
    [
        refused({"stat": "Not_Ok", "emsg": "Invalid session", "stCode": 1003}, status=403),
        refused({"error": [{"code": "401", "message": "Session token/sid expired or missing"}]}),
    ],
)
def test_a_session_that_is_dead_already_is_signed_out(out):
    signed_out(Kotak(out=out))


def test_what_is_no_session_needs_no_call():
    kotak = Kotak()
    signed_out(kotak, packed="deadbeef")
    assert kotak.asked == []


@pytest.mark.parametrize(
    "out",
    [
        (200, recorded(f"{V3}/functions-authentication-logout__error-response__02.json")),
        (502, b'{"State":"OK"}'),
        (200, b"<html>"),
        (200, b""),
        (404, b"{}"),
    ],
)
def test_a_sign_out_that_is_not_confirmed_is_an_error(out):
    with pytest.raises(BrokerUnavailable, match="kotak sign-out"):
        signed_out(Kotak(out=out))
