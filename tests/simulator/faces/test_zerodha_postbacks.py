"""Postbacks: the documented body, the documented checksum, and the three ways they go wrong."""

import hashlib
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.shared import shared_path

TIMEOUT = 10
SECRET = "demo01secret"


class Receiver:
    """A platform's postback endpoint; ``take`` waits for the next body. While ``gate`` is closed it hangs."""

    def __init__(self) -> None:
        self.bodies: queue.Queue[dict[str, Any]] = queue.Queue()
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.gate.wait(timeout=TIMEOUT)
                receiver.bodies.put(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def take(self, count: int) -> list[dict[str, Any]]:
        return [self.bodies.get(timeout=TIMEOUT) for _ in range(count)]

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def site(make_site, receiver):
    return make_site(SIMULATOR_RATE_LIMITS="off", SIMULATOR_POSTBACK_URL=receiver.url)


def is_genuine(body: dict[str, Any]) -> bool:
    text = f"{body['order_id']}{body['order_timestamp']}{SECRET}"
    return body["checksum"] == hashlib.sha256(text.encode()).hexdigest()


def test_every_update_is_posted_in_order_with_its_checksum(trader, buy, receiver):
    order_id = trader.place(**buy).json()["data"]["order_id"]
    bodies = receiver.take(2)
    assert [body["status"] for body in bodies] == ["UPDATE", "COMPLETE"]
    assert {body["order_id"] for body in bodies} == {order_id}
    assert all(is_genuine(body) for body in bodies)
    assert [body["unfilled_quantity"] for body in bodies] == [int(buy["quantity"]), 0]


def test_the_body_has_the_recorded_keys(trader, buy, receiver):
    trader.place(**buy)
    recorded = json.loads(shared_path("zerodha/kiteconnect-mocks/postback.json").read_text())
    assert set(recorded) <= set(receiver.take(2)[1])


def test_duplicates(site, trader, buy, receiver):
    site.control("POST", "faults", {"kind": "duplicate_postback", "copies": 5, "count": 1})
    trader.place(**buy)
    assert [body["status"] for body in receiver.take(6)] == ["UPDATE"] * 5 + ["COMPLETE"]


def test_out_of_order(site, trader, buy, receiver):
    site.control("POST", "faults", {"kind": "out_of_order_postback", "count": 1})
    trader.place(**buy)
    assert [body["status"] for body in receiver.take(2)] == ["COMPLETE", "UPDATE"]


def test_one_held_back_comes_at_last_though_nothing_overtakes_it(site, trader, resting, receiver, monkeypatch):
    monkeypatch.setattr("simulator.faces.postbacks.HELD_SECONDS", 0.1)
    site.control("POST", "faults", {"kind": "out_of_order_postback", "count": 1})
    trader.place(**resting)
    assert [body["status"] for body in receiver.take(1)] == ["UPDATE"]


def test_a_forgery_is_told_by_its_checksum(site, trader, buy, receiver):
    site.control("POST", "faults", {"kind": "forged_postback", "count": 1})
    trader.place(**buy)
    bodies = receiver.take(3)
    assert [is_genuine(body) for body in bodies] == [True, False, True]
    assert bodies[1]["status"] == "COMPLETE"


def test_a_receiver_that_hangs_delays_no_order(trader, buy, receiver):
    receiver.gate.clear()
    for number in range(3):
        trader.place(**(buy | {"tag": f"tag{number}"}))
    assert [order["status"] for order in trader.get("/orders")] == ["COMPLETE"] * 3
    receiver.gate.set()
    assert [body["tag"] for body in receiver.take(6)] == ["tag0", "tag0", "tag1", "tag1", "tag2", "tag2"]


def test_a_receiver_that_is_gone_is_counted(site, trader, buy):
    gone = {"client": "DEMO01", "api_key": "demo01key", "api_secret": SECRET}
    site.control("POST", "clients", {"clients": [gone | {"postback_url": "http://127.0.0.1:1/"}]})
    trader.place(**buy)
    while site.control("GET", "state")["postbacks"]["failed"] < 2:
        pass
