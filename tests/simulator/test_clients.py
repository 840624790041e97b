"""Logins: one use, five minutes; sessions: until six in the morning, over restarts."""

import hashlib
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from domain.clock import IST
from simulator.clients import (
    Client,
    ClientRegistry,
    DuplicateClient,
    Sessions,
    after,
    at_next,
    checksum_matches,
    day_after,
    demo_client,
    demo_clients,
)

FIRST, SECOND = demo_clients(2)
LIVES = {"upstox": at_next(time(3, 30))}
LOGIN = datetime(2026, 8, 18, 9, 0, tzinfo=IST)


class Watch:
    def __init__(self) -> None:
        self.time = LOGIN

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def sessions(tmp_path: Path, watch: Watch) -> Sessions:
    return Sessions(tmp_path / "sessions.jsonl", now=watch, lives=LIVES)


def test_a_request_token_is_good_once(sessions):
    token = sessions.begin(FIRST)
    assert sessions.redeem(token, FIRST) is not None
    assert sessions.redeem(token, FIRST) is None


def test_a_request_token_is_its_clients_alone(sessions):
    assert sessions.redeem(sessions.begin(FIRST), SECOND) is None


def test_a_request_token_expires(sessions, watch):
    token = sessions.begin(FIRST)
    watch.time += timedelta(minutes=5)
    assert sessions.redeem(token, FIRST) is None


def test_a_session_dies_at_six_the_next_morning(sessions, watch):
    token = sessions.redeem(sessions.begin(FIRST), FIRST).token
    watch.time = datetime(2026, 8, 19, 5, 59, 59, tzinfo=IST)
    assert sessions.holds(FIRST, token)
    assert not sessions.holds(SECOND, token)
    watch.time = datetime(2026, 8, 19, 6, 0, tzinfo=IST)
    assert not sessions.holds(FIRST, token)


@pytest.mark.parametrize(
    ("expiry", "hour", "dies"),
    [
        (day_after(time(6, 0)), 5, datetime(2026, 8, 19, 6, 0, tzinfo=IST)),
        (at_next(time(6, 0)), 5, datetime(2026, 8, 18, 6, 0, tzinfo=IST)),
        (at_next(time(3, 30)), 9, datetime(2026, 8, 19, 3, 30, tzinfo=IST)),
        (at_next(time(0, 0)), 9, datetime(2026, 8, 19, 0, 0, tzinfo=IST)),
        (after(timedelta(hours=24)), 5, datetime(2026, 8, 19, 5, 0, tzinfo=IST)),
    ],
)
def test_each_broker_has_its_own_hour(expiry, hour, dies):
    assert expiry(datetime(2026, 8, 18, hour, 0, tzinfo=IST)) == dies


def test_a_session_dies_when_its_brokers_do(sessions, watch):
    client = Client(client="UP0001", api_key="up", api_secret="s", broker="upstox")
    token = sessions.open(client).token
    watch.time = datetime(2026, 8, 19, 3, 29, tzinfo=IST)
    assert sessions.holds(client, token)
    watch.time = datetime(2026, 8, 19, 3, 30, tzinfo=IST)
    assert not sessions.holds(client, token)


def test_a_token_leads_to_its_client_and_a_client_to_its_tokens(sessions, watch):
    first, second = (sessions.open(client).token for client in (FIRST, SECOND))
    again = sessions.open(FIRST).token
    assert (sessions.holder(first), sessions.holder(second)) == (FIRST.client, SECOND.client)
    assert set(sessions.tokens(FIRST.client)) == {first, again}
    sessions.revoke(first)
    assert (sessions.holder(first), sessions.tokens(FIRST.client)) == ("", [again])
    assert (sessions.owner(first), sessions.owner("")) == (FIRST.client, "")
    watch.time = datetime(2026, 8, 19, 6, 0, tzinfo=IST)
    assert (sessions.holder(second), sessions.tokens(SECOND.client), sessions.holder("")) == ("", [], "")


def test_codes_wait_until_they_are_redeemed(sessions):
    code = sessions.begin(FIRST)
    assert sessions.waiting() == [(code, FIRST.client)]
    sessions.redeem(code, FIRST)
    assert sessions.waiting() == []


def test_sessions_survive_a_restart_and_revocations_too(tmp_path, watch):
    path = tmp_path / "sessions.jsonl"
    before = Sessions(path, now=watch, lives=LIVES)
    kept = before.redeem(before.begin(FIRST), FIRST).token
    ended = before.redeem(before.begin(SECOND), SECOND).token
    assert before.revoke_all(SECOND.client) == 1
    with path.open("ab") as file:
        file.write(b'{"token":"torn')
    after = Sessions(path, now=watch, lives=LIVES)
    assert after.holds(FIRST, kept)
    assert not after.holds(SECOND, ended)
    assert (after.owner(kept), after.owner(ended)) == (FIRST.client, SECOND.client)


@pytest.fixture
def registry(tmp_path: Path) -> ClientRegistry:
    return ClientRegistry([FIRST], added=tmp_path / "clients.jsonl")


def test_two_clients_never_share_a_key(registry):
    with pytest.raises(DuplicateClient):
        registry.add(Client(client="OTHER", api_key=FIRST.api_key, api_secret="x"))
    with pytest.raises(DuplicateClient):
        registry.add(Client(client=FIRST.client, api_key="other", api_secret="x"))


def test_a_known_client_may_get_a_new_postback_url(registry):
    url = "http://127.0.0.1:1/hook"
    changed = Client(client=FIRST.client, api_key=FIRST.api_key, api_secret="s", postback_url=url)
    registry.add(changed)
    assert registry.keyed(FIRST.api_key).postback_url == url


def test_demo_names_go_on_where_they_stopped(registry):
    registry.add(demo_client("DEMO03"))
    assert registry.next_name() == "DEMO04"


def test_a_client_keeps_what_its_broker_asks_besides(tmp_path, registry):
    client = Client(client="KN0001", api_key="k", api_secret="s", broker="kotak", extra={"mpin": "123456"})
    registry.add(client)
    assert ClientRegistry([FIRST], added=tmp_path / "clients.jsonl").named("KN0001").extra == {"mpin": "123456"}


def test_added_clients_are_there_after_a_restart_and_settings_win(tmp_path, registry):
    registry.add(demo_client("DEMO09"))
    registry.add(Client(client="DEMO01", api_key="demo01key", api_secret="changed"))
    again = ClientRegistry([FIRST], added=tmp_path / "clients.jsonl")
    assert again.named("DEMO09") == demo_client("DEMO09")
    assert again.named("DEMO01") == FIRST


def test_the_checksum_proves_the_secret():
    text = f"{FIRST.api_key}tok{FIRST.api_secret}"
    assert checksum_matches(given=hashlib.sha256(text.encode()).hexdigest(), client=FIRST, request_token="tok")
    assert not checksum_matches(given="0" * 64, client=FIRST, request_token="tok")
    assert not checksum_matches(given="", client=FIRST, request_token="tok")
