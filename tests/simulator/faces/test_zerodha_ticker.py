"""The ticker's protocol: modes, limits, order updates, heartbeats and broken sockets."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from kiteconnect import KiteTicker
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

INDEX = 256265
TIMEOUT = 10


class Feed:
    """A client's socket; ``ticks`` and ``text`` wait for the next message of their kind."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._decoder = KiteTicker("key", "token")

    def send(self, action: str, value: Any) -> None:
        self.connection.send(json.dumps({"a": action, "v": value}))

    def ticks(self) -> list[dict[str, Any]]:
        while True:
            message = self.connection.recv(timeout=TIMEOUT)
            if isinstance(message, bytes) and len(message) > 1:
                return self._decoder._parse_binary(message)

    def tick(self, token: int, mode: str) -> dict[str, Any]:
        while True:
            for tick in self.ticks():
                if (tick["instrument_token"], tick["mode"]) == (token, mode):
                    return tick

    def drain(self, patience: float) -> None:
        while True:
            self.connection.recv(timeout=patience)

    def text(self) -> dict[str, Any]:
        while True:
            message = self.connection.recv(timeout=TIMEOUT)
            if isinstance(message, str):
                return json.loads(message)


@pytest.fixture(autouse=True)
def _quick_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.faces.zerodha.ticker.HEARTBEAT_SECONDS", 0.1)


@pytest.fixture
def open_feed(site) -> Iterator[Callable[..., Feed]]:
    with ExitStack() as opened:

        def make(trader, path: str = "/zerodha") -> Feed:
            query = f"api_key={trader.api_key}&access_token={trader.token}"
            address = f"{site.url.replace('http', 'ws')}{path}?{query}"
            return Feed(opened.enter_context(connect(address, compression=None)))

        yield make


@pytest.fixture
def feed(trader, open_feed) -> Feed:
    return open_feed(trader)


def test_a_subscription_is_answered_with_the_current_quote(feed, option):
    token = int(option["instrument_token"])
    feed.send("subscribe", [token])
    tick = feed.tick(token, "quote")
    assert tick["ohlc"]["close"] == option["quote"]["ohlc"]["close"]
    feed.send("mode", ["full", [token]])
    assert len(feed.tick(token, "full")["depth"]["buy"]) == 5
    feed.send("mode", ["ltp", [token]])
    assert feed.tick(token, "ltp")["last_price"] > 0


def test_prices_go_on_arriving(feed):
    feed.send("mode", ["ltp", [INDEX]])
    first = feed.tick(INDEX, "ltp")["last_price"]
    while feed.tick(INDEX, "ltp")["last_price"] == first:
        pass


def test_the_root_of_the_face_is_the_ticker_with_a_slash_too(trader, open_feed):
    feed = open_feed(trader, path="/zerodha/")
    feed.send("mode", ["ltp", [INDEX]])
    assert feed.tick(INDEX, "ltp")


def test_an_idle_socket_gets_heartbeats(feed):
    assert feed.connection.recv(timeout=TIMEOUT) == b"\x00"


def test_unsubscribed_tokens_fall_silent(feed):
    feed.send("mode", ["ltp", [INDEX]])
    feed.tick(INDEX, "ltp")
    feed.send("unsubscribe", [INDEX])
    received = [feed.connection.recv(timeout=TIMEOUT) for _ in range(4)]
    assert received[-2:] == [b"\x00", b"\x00"]


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[]",
        '{"a":"subscribe"}',
        '{"a":"dance","v":[1]}',
        '{"a":"subscribe","v":["256265"]}',
        '{"a":"subscribe","v":[true]}',
        '{"a":"mode","v":["loud",[256265]]}',
        '{"a":"mode","v":"full"}',
    ],
)
def test_a_message_that_is_not_understood_is_answered_with_an_error(feed, message):
    feed.connection.send(message)
    assert feed.text()["type"] == "error"
    feed.send("mode", ["ltp", [INDEX]])
    assert feed.tick(INDEX, "ltp")


def test_more_tokens_than_allowed_are_refused_whole(feed, monkeypatch):
    monkeypatch.setattr("simulator.faces.zerodha.ticker.TOKENS_PER_SOCKET", 1)
    feed.send("subscribe", [INDEX, 260105])
    assert "1 instruments" in feed.text()["data"]
    feed.send("subscribe", [INDEX, 1, 2])  # what is not listed is ignored
    assert feed.tick(INDEX, "quote")


def test_a_key_has_three_sockets(trader, open_feed):
    feeds = [open_feed(trader) for _ in range(3)]
    with pytest.raises(InvalidStatus) as refused:
        open_feed(trader)
    assert refused.value.response.status_code == 429
    feeds[0].connection.close()
    assert feeds[1].connection.recv(timeout=TIMEOUT)


def test_a_stranger_is_refused(site, trader, open_feed):
    trader.token = "wrong"
    with pytest.raises(InvalidStatus) as refused:
        open_feed(trader)
    assert refused.value.response.status_code == 403


def test_order_updates_reach_every_socket_of_the_client_and_nobody_elses(site, trader, buy, open_feed):
    mine = [open_feed(trader), open_feed(trader)]
    other = open_feed(site.login("DEMO02"))
    order_id = trader.place(**buy).json()["data"]["order_id"]
    for feed in mine:
        updates = [feed.text() for _ in range(2)]
        assert [update["type"] for update in updates] == ["order", "order"]
        assert [update["data"]["status"] for update in updates] == ["OPEN", "COMPLETE"]
        assert updates[1]["data"] == json.loads(json.dumps(trader.get("/orders")[0]))
        assert updates[1]["data"]["order_id"] == order_id
    assert [other.connection.recv(timeout=TIMEOUT) for _ in range(2)] == [b"\x00", b"\x00"]


def test_a_dropped_socket_is_cut_and_can_be_opened_again(site, trader, feed, open_feed):
    feed.send("mode", ["ltp", [INDEX]])
    feed.tick(INDEX, "ltp")
    site.control("POST", "faults", {"kind": "dropped_socket", "client": "DEMO01", "count": 1})
    with pytest.raises(ConnectionClosed):
        feed.drain(TIMEOUT)
    again = open_feed(trader)
    again.send("mode", ["ltp", [INDEX]])
    assert again.tick(INDEX, "ltp")


def test_a_silent_socket_stays_open_without_a_word_until_the_fault_is_lifted(site, trader, feed, buy):
    feed.send("mode", ["ltp", [INDEX]])
    feed.tick(INDEX, "ltp")
    site.control("POST", "faults", {"kind": "silent_socket", "client": "DEMO01"})
    trader.place(**buy)
    with pytest.raises(TimeoutError):
        feed.drain(0.5)
    site.control("DELETE", "faults")
    assert feed.text()["data"]["status"] == "OPEN"


def test_token_death_is_seen_by_the_next_connection(site, trader, open_feed):
    site.control("POST", "faults", {"kind": "token_death", "count": 1})
    assert trader.call("GET", "/orders").status_code == 403
    with pytest.raises(InvalidStatus):
        open_feed(trader)
    assert requests.get(f"{site.url}/zerodha", timeout=TIMEOUT).status_code == 403
