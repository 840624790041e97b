"""The expert advisor at a bridge of the test's own: a request goes to the trade server once, in time, or never."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from aiohttp import web

from simulator.faces.mt5.ring import Ring
from simulator.faults import READ_FAULTS, FaultKind
from tests.brokers.servers import serve
from tests.simulator.faces.conftest import Site

LOGIN, PASSWORD, MAGIC = "9001", "password", 4711
LONG = 60_000
PATIENCE = 0.5


class Bridge:
    """Tells whatever commands wait at every poll, and writes down what it is told."""

    def __init__(self, commands: list[dict[str, Any]]) -> None:
        self.commands = commands
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusal = ""
        self.heard = asyncio.Event()

    async def answer(self, http: web.Request) -> web.StreamResponse:
        name, body = http.path.rpartition("/")[2], orjson.loads(await http.read())
        assert int(http.headers["X-Seq"]) == len(self.calls) + 1
        assert http.headers["Authorization"] == "Bearer token"
        self.calls.append((name, body))
        self.heard.set()
        if self.refusal:
            return web.json_response({"code": self.refusal, "message": ""}, status=409)
        told = self.commands if name == "poll" else []
        said = {"session": "s1", "mark": len(self.calls), "poll_ms": 10, "subscribe": [], "resync": False}
        return web.json_response({**said, "commands": told})

    def results(self) -> list[dict[str, Any]]:
        return [body for name, body in self.calls if name == "result"]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                self.heard.clear()
                await self.heard.wait()


def command(cmd_id: str, *, expires_ms: int = LONG, **request: Any) -> dict[str, Any]:
    return {"cmd_id": cmd_id, "type": "order_send", "expires_ms": expires_ms, "request": pending(cmd_id, **request)}


def pending(comment: str, **changes: Any) -> dict[str, Any]:
    fields = {"action": 5, "magic": MAGIC, "symbol": "XAUUSD", "volume": 0.03, "type": 2, "type_filling": 1}
    return {**fields, "type_time": 0, "price": 1000.0, "comment": comment, "position": 0, "through": True, **changes}


def ask(site: Site, function: str, **arguments: Any) -> Any:
    body = {"login": LOGIN, "password": PASSWORD, "arguments": arguments}
    answer = requests.post(f"{site.url}/mt5/terminal/{function}", data=orjson.dumps(body), timeout=10)
    return answer.json()["result"]


def orders(site: Site, comment: str) -> list[dict[str, Any]]:
    return [row for row in ask(site, "books")["orders"] if row["comment"] == comment]


@pytest.fixture
def terminal(site: Site) -> Site:
    client = {"client": LOGIN, "broker": "mt5", "api_key": "key9001", "api_secret": PASSWORD}
    site.control("POST", "clients", {"clients": [client]})
    return site


def ring_of(site: Site) -> Path:
    return site.config.ledger_path.parent / "mt5" / f"{LOGIN}.json"


def attached(site: Site, test: Callable[[Bridge], Awaitable[None]], *commands: dict[str, Any]) -> Bridge:
    """Run the expert advisor at a bridge with these commands for as long as the test takes."""

    async def whole() -> Bridge:
        bridge = Bridge(list(commands))
        async with serve(bridge.answer) as url:
            attachment = {"login": LOGIN, "password": PASSWORD, "url": url, "token": "token", "patience": PATIENCE}
            await _asked(site, "POST", attachment)
            try:
                await test(bridge)
            finally:
                await _asked(site, "DELETE", {"login": LOGIN})
        return bridge

    return asyncio.run(whole())


async def _asked(site: Site, method: str, body: Any) -> None:
    url, data = f"{site.url}/mt5/expert", orjson.dumps(body)
    answer = await asyncio.to_thread(requests.request, method, url, data=data, timeout=10)
    assert answer.status_code == 200, answer.text


def results(count: int) -> Callable[[Bridge], Awaitable[None]]:
    async def test(bridge: Bridge) -> None:
        await bridge.until(lambda: len(bridge.results()) >= count)

    return test


def test_a_command_told_again_and_again_is_sent_once_and_answered_the_same(terminal: Site):
    bridge = attached(terminal, results(4), command("A"))
    first, *more = bridge.results()
    assert (first["retcode"], first["cmd_id"], first["session"]) == (10008, "A", "s1")
    assert more == [first] * len(more)
    assert len(orders(terminal, "A")) == 1
    assert len(terminal.entries(tag="A", event="REQUEST")) == 1


@pytest.mark.parametrize("kind", ["too_many_requests", "server_error", "html_body", "empty_body", "bad_json"])
def test_a_terminal_whose_functions_fail_looks_again(terminal: Site, kind: str):
    for endpoint in ("orders.book", "funds", "instruments"):
        terminal.control("POST", "faults", {"kind": kind, "client": LOGIN, "endpoint": endpoint, "count": 2})
    bridge = attached(terminal, results(1), command("A"))
    assert terminal.control("GET", "faults")["faults"] == []
    assert {one["cmd_id"] for one in bridge.results()} == {"A"}
    assert len(orders(terminal, "A")) == 1


def test_a_command_past_its_time_is_never_begun_with(terminal: Site):
    bridge = attached(terminal, results(1), command("A", expires_ms=0))
    assert {one["refusal"] for one in bridge.results()} == {"EXPIRED"}
    assert orders(terminal, "A") == []
    assert "A" not in Ring(ring_of(terminal))


def test_what_was_begun_with_before_a_crash_is_never_sent_again(terminal: Site):
    Ring(ring_of(terminal)).begin("A")
    bridge = attached(terminal, results(1), command("A"))
    assert {(one["retcode"], one["order"], one["refusal"]) for one in bridge.results()} == {(0, 0, "")}
    assert orders(terminal, "A") == []


def test_what_was_begun_with_and_arrived_is_found_by_magic_and_comment(terminal: Site):
    ticket = ask(terminal, "order_send", **pending("A"))["order"]
    Ring(ring_of(terminal)).begin("A")
    bridge = attached(terminal, results(1), command("A"))
    assert {(one["retcode"], one["order"]) for one in bridge.results()} == {(10008, ticket)}
    assert len(orders(terminal, "A")) == 1


def test_a_ring_that_was_lost_does_not_send_an_order_that_is_there(terminal: Site):
    ticket = ask(terminal, "order_send", **pending("A"))["order"]
    ask(terminal, "order_send", **pending("B", magic=1))
    bridge = attached(terminal, results(2), command("A"), command("B"))
    found = {one["cmd_id"]: one["order"] for one in bridge.results()}
    assert found["A"] == ticket
    assert len(orders(terminal, "B")) == 2, "the one that was there bears another program's number"


def test_a_limit_at_or_through_the_market_goes_as_a_deal_that_pays_no_more(terminal: Site):
    ask_price = ask(terminal, "symbol_info", symbol="XAUUSD")["ask"]
    bridge = attached(terminal, results(1), command("A", price=round(ask_price + 20, 2)))
    result = bridge.results()[0]
    assert result["retcode"] == 10009
    (deal,) = ask(terminal, "history_deals_get")
    assert (deal["order"], deal["comment"], deal["magic"]) == (result["order"], "A", MAGIC)
    assert deal["price"] <= ask_price + 20
    assert [row["type"] for row in orders(terminal, "A")] == [0]


def test_without_leave_to_go_through_the_server_refuses_such_a_limit(terminal: Site):
    ask_price = ask(terminal, "symbol_info", symbol="XAUUSD")["ask"]
    bridge = attached(terminal, results(1), command("A", price=round(ask_price + 20, 2), through=False))
    assert bridge.results()[0]["retcode"] == 10015
    assert orders(terminal, "A") == []


def test_what_would_rest_cannot_close_a_position_and_a_symbol_nobody_lists_is_not_sent(terminal: Site):
    bridge = attached(terminal, results(2), command("A", position=7), command("B", symbol="NOSUCH"))
    assert {one["cmd_id"]: one["refusal"] for one in bridge.results()} == {"A": "NEEDS_DEAL", "B": "UNKNOWN_SYMBOL"}
    assert terminal.entries(event="REQUEST") == []


def test_an_exit_goes_only_where_there_is_enough_to_reduce(terminal: Site):
    market = ask(terminal, "symbol_info", symbol="XAUUSD")
    bought = {"action": 1, "type": 0, "price": market["ask"], "deviation": 100_000, "through": False}
    assert ask(terminal, "order_send", **pending("IN", volume=0.02, **bought))["retcode"] == 10009
    leave = {"type": 3, "price": 1000.0, "reduce_only": True}
    too_much, wrong_side = command("A", volume=0.03, **leave), command("B", volume=0.01, **leave | {"type": 2})
    bridge = attached(terminal, results(3), too_much, wrong_side, command("C", volume=0.02, **leave))
    found = {one["cmd_id"]: (one["refusal"], one["retcode"]) for one in bridge.results()}
    assert found == {"A": ("NOTHING_TO_REDUCE", 0), "B": ("NOTHING_TO_REDUCE", 0), "C": ("", 10009)}
    assert [entry["tag"] for entry in terminal.entries(event="REQUEST")] == ["IN", "C"]
    assert ask(terminal, "positions_get") == []


def test_on_a_hedging_account_an_exit_takes_its_own_programs_tickets_alone(site: Site):
    client = {"client": LOGIN, "broker": "mt5", "api_key": "key9001", "api_secret": PASSWORD}
    site.control("POST", "clients", {"clients": [client | {"extra": {"margin_mode": "2"}}]})
    market = ask(site, "symbol_info", symbol="XAUUSD")
    bought = {"action": 1, "type": 0, "price": market["ask"], "deviation": 100_000, "through": False}
    theirs = ask(site, "order_send", **pending("BY HAND", **bought | {"magic": 1}))["order"]
    ours = ask(site, "order_send", **pending("OURS", **bought))["order"]
    leave = {"type": 3, "price": 1000.0, "reduce_only": True}
    named = [command(tag, position=ticket, **leave) for tag, ticket in (("A", theirs), ("B", 0), ("C", ours))]
    bridge = attached(site, results(3), *named)
    found = {one["cmd_id"]: (one["refusal"], one["retcode"]) for one in bridge.results()}
    assert found == {"A": ("NOTHING_TO_REDUCE", 0), "B": ("NOTHING_TO_REDUCE", 0), "C": ("", 10009)}
    assert [row["ticket"] for row in ask(site, "positions_get")] == [theirs]


def test_a_terminal_whose_session_was_taken_stops_for_good(terminal: Site):
    async def test(bridge: Bridge) -> None:
        await bridge.until(lambda: len(bridge.calls) > 2)
        bridge.refusal = "REPLACED"
        count = len(bridge.calls)
        await bridge.until(lambda: len(bridge.calls) > count)
        bridge.refusal = ""
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bridge.until(lambda: len(bridge.calls) > count + 1), 0.5)

    attached(terminal, test)


@pytest.mark.parametrize("kind", sorted(READ_FAULTS))
def test_no_answer_of_the_trade_server_stops_a_terminal(terminal: Site, kind: FaultKind) -> None:
    async def test(bridge: Bridge) -> None:
        await bridge.until(lambda: len(bridge.calls) > 2)
        fault = {"kind": kind, "client": LOGIN, "count": 2}
        await asyncio.to_thread(terminal.control, "POST", "faults", fault)
        while await asyncio.to_thread(_in_force, terminal):  # noqa: ASYNC110 - the exchange is another process
            await asyncio.sleep(0.05)
        count = len(bridge.calls)
        await bridge.until(lambda: len(bridge.calls) > count + 2)

    attached(terminal, test)


def _in_force(site: Site) -> bool:
    return bool(site.control("GET", "faults")["faults"])


def test_every_poll_echoes_the_mark_of_the_answer_before_it(terminal: Site):
    async def test(bridge: Bridge) -> None:
        await bridge.until(lambda: len(bridge.calls) > 5)

    bridge = attached(terminal, test)
    polls = [(number, body) for number, (name, body) in enumerate(bridge.calls) if name == "poll"]
    assert all(body["mark"] == number for number, body in polls)


def test_news_told_in_between_do_not_make_the_books_of_a_poll_younger(terminal: Site):
    async def test(bridge: Bridge) -> None:
        await bridge.until(lambda: "event" in dict(bridge.calls))
        told = len(bridge.calls)
        await bridge.until(lambda: "poll" in dict(bridge.calls[told:]))

    calls = attached(terminal, test, command("A")).calls
    told = next(number for number, (name, _) in enumerate(calls) if name == "event")
    assert calls[told + 1][0] == "poll"
    assert calls[told + 1][1]["mark"] == told  # of the answer before the look, not of the event's own


def test_a_ring_knows_who_placed_an_order_not_who_cancelled_it(tmp_path: Path):
    path = tmp_path / "ring.json"
    ring = Ring(path)
    ring.begin("PLACED")
    ring.finish("PLACED", {"retcode": 10009, "order": 7}, places=True)
    ring.finish("CANCEL", {"retcode": 10009, "order": 7}, places=False)
    ring.begin("BEGUN")
    path.write_bytes(path.read_bytes() + b'["TORN"')
    again = Ring(path)
    assert again.instance == ring.instance
    assert again.command_of(7) == "PLACED"
    assert again.answer_to("CANCEL") == {"retcode": 10009, "order": 7}
    assert ("BEGUN" in again, again.answer_to("BEGUN"), "TORN" in again) == (True, None, False)
