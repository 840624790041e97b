"""A session in one text: nothing that comes back from there leads anywhere but to Kotak."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.kotak.access import Session, is_kotaks, session_of
from brokers.kotak.spec import ENDPOINT
from domain.broker import BrokerError, SessionLost
from tests.brokers.kotak.cast import REAL, access, credentials, endpoint, real_access

SIMULATED = endpoint("http://127.0.0.1:9000")


def packed(**changes: str) -> str:
    text = Session(**{"token": "t", "sid": "s", "base_url": "https://e43.kotaksecurities.com"} | changes).packed()
    assert text.isprintable()
    return text


def test_a_session_comes_back_as_it_went():
    full = Session(
        "t",
        "s",
        "https://e43.kotaksecurities.com/x",
        "https://f.kotaksecurities.com/feed",
        "wss://kotaksecurities.com/rt",
    )
    assert session_of(full.packed(), ENDPOINT) == full
    assert session_of(REAL.packed(), ENDPOINT) == REAL


def test_no_secret_is_shown():
    for shown in (repr(REAL), str(REAL), repr(real_access()), repr(real_access().session())):
        assert REAL.token not in shown
        assert REAL.sid not in shown
        assert "key1" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "http://e43.kotaksecurities.com",
        "https://kotaksecurities.com.evil.example",
        "https://evil.example/kotaksecurities.com",
        "https://evilkotaksecurities.com",
        "https://kotaksecurities.com@evil.example",
        "https://evil.example\\@kotaksecurities.com",
        "https://e43.kotaksecurities.com:8443",
        "https://e43.kotaksecurities.com?x=https://evil.example",
        "https://e43.kotaksecurities.com\n",
        "ftp://kotaksecurities.com",
        "//kotaksecurities.com",
        "http://127.0.0.1:9000/kotak",
    ],
)
def test_another_host_is_no_kotak(url):
    assert not is_kotaks(url, ENDPOINT)
    for name in ("base_url", "feed_url", "updates_url"):
        with pytest.raises(SessionLost, match="kotak: the session is for another host"):
            session_of(packed(**{name: url}), ENDPOINT)


def test_a_simulated_account_goes_to_the_simulated_exchange_alone():
    for url in ("http://127.0.0.1:9000/kotak", "ws://127.0.0.1:9000/kotak/apifeed"):
        assert is_kotaks(url, SIMULATED)
    for url in ("https://e43.kotaksecurities.com", "http://127.0.0.1:90001/kotak", "http://127.0.0.1:9000.evil/kotak"):
        assert not is_kotaks(url, SIMULATED)
    with pytest.raises(SessionLost):
        session_of(REAL.packed(), SIMULATED)


@pytest.mark.parametrize(
    "text", ["", "deadbeef", "{}", "null", "[]", '{"token":"t"}', packed(token=""), packed(sid=""), packed(base_url="")]
)
def test_what_is_no_whole_session_is_a_lost_one(text):
    with pytest.raises(SessionLost, match="kotak"):
        session_of(text, ENDPOINT)


@given(st.text())
def test_any_text_is_a_session_or_a_lost_one(text):
    with suppress(SessionLost):
        assert session_of(text, ENDPOINT).token


def test_calls_show_what_each_kind_wants():
    base = "https://e43.kotaksecurities.com"
    read, order = real_access().get("/quick/user/orders"), real_access().order("/quick/order/cancel", {"on": "1"})
    assert (read.url, order.url) == (f"{base}/quick/user/orders", f"{base}/quick/order/cancel")
    session = {"Auth": "trade.jwt.1", "Sid": "sid-1", "neo-fin-key": "neotradeapi"}
    assert session.items() <= read.headers.items()
    assert (session | {"Authorization": "key1"}).items() <= order.headers.items()
    assert "Authorization" not in read.headers
    data = real_access().data("/market-data/1.0/historical/details")
    assert data.headers["Authorization"] == "key1"
    assert not {"Auth", "Sid"} & data.headers.keys()


def test_sockets_are_the_sign_ins_own_or_follow_its_host():
    assert real_access().feed_url() == ENDPOINT.socket_url
    assert real_access().updates_url() == "wss://e43.kotaksecurities.com/realtime"
    assert access("http://127.0.0.1:9000").updates_url() == "ws://127.0.0.1:9000/kotak/realtime"
    own = packed(feed_url="https://f.kotaksecurities.com/feed", updates_url="https://r.kotaksecurities.com/realtime")
    assert real_access(own).feed_url() == "https://f.kotaksecurities.com/feed"
    assert real_access(own).updates_url() == "https://r.kotaksecurities.com/realtime"


def test_an_account_without_a_consumer_key_is_named():
    with pytest.raises(BrokerError, match="consumer_key"):
        type(access()).of(replace(credentials(), fields={}), ENDPOINT)
