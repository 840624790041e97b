"""One signal becomes exactly the orders it should become, in every account."""

import signal
import uuid
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from tests.flows.conftest import open_trades
from tests.flows.platform import Platform, wait_for

pytestmark = pytest.mark.flow


def buy(**more: Any) -> dict[str, Any]:
    """Return a fresh entry alert."""
    return {"action": "buy", "alert_id": uuid.uuid4().hex, **more}


def wave_of(platform: Platform, signal_id: int) -> list[dict[str, Any]]:
    """Return the trades one signal made."""
    return platform.trades(signal=signal_id)


def entered(platform: Platform, signal_id: int) -> list[dict[str, Any]]:
    """Return the signal's trades once all twenty have entered."""

    def all_in() -> list[dict[str, Any]]:
        trades = wave_of(platform, signal_id)
        done = [t for t in trades if t["status"] in ("OPEN", "EXITING", "CLOSED")]
        return done if len(done) == 20 else []

    return wait_for(all_in, within=60, message="twenty entries")


def placed(platform: Platform, since: int) -> list[dict[str, Any]]:
    """Return the orders that reached the exchange after a point of its ledger."""
    rows = platform.ledger()[since:]
    return [row for row in rows if row["event"] == "REQUEST" and row["endpoint"] == "orders.place"]


def test_twenty_accounts_enter_tick_and_leave(platform: Platform) -> None:
    since = len(platform.ledger())
    answer = platform.fire(buy())
    assert answer.status_code == 202
    signal_id = answer.json()["signal"]
    trades = entered(platform, signal_id)
    assert Counter(trade["mode"] for trade in trades) == {"PAPER": 10, "LIVE": 10}
    for trade in trades:
        (leg,) = trade["legs"]
        assert leg["quantity"] % 65 == 0
        assert Decimal(leg["entry_price"]) > 0
    assert platform.fire({"action": "sell", "alert_id": uuid.uuid4().hex}).status_code == 202
    wait_for(lambda: not open_trades(platform), within=60, message="every exit")
    for trade in wave_of(platform, signal_id):
        assert trade["status"] == "CLOSED"
        (leg,) = trade["legs"]
        gross = (Decimal(leg["exit_price"]) - Decimal(leg["entry_price"])) * leg["quantity"]
        assert abs(gross - Decimal(trade["gross_pnl"])) < Decimal("0.05")
        assert Decimal(trade["net_pnl"]) == Decimal(trade["gross_pnl"]) - Decimal(trade["charges"])
    tags = Counter(row["tag"] for row in placed(platform, since))
    assert set(tags.values()) == {1}
    assert len(tags) == 20  # ten live accounts, in and out, each once


def test_a_repeated_alert_changes_nothing(platform: Platform) -> None:
    alert = buy()
    first = platform.fire(alert)
    entered(platform, first.json()["signal"])
    again = platform.fire(alert)
    assert (again.status_code, again.json()) == (200, {"status": "duplicate", "signal": first.json()["signal"]})
    assert len(open_trades(platform)) <= 20


def test_a_killed_execution_worker_sends_nothing_twice(platform: Platform) -> None:
    since = len(platform.ledger())
    platform.simulate("POST", "latency", {"ms": 300})
    try:
        signal_id = platform.fire(buy()).json()["signal"]
        wait_for(lambda: len(placed(platform, since)) >= 3, message="orders on the wire")
        platform.kill("execution-0", signal.SIGKILL)
        entered(platform, signal_id)
    finally:
        platform.simulate("POST", "latency", {"ms": 0})
    entries = [row for row in placed(platform, since) if row["side"] == "BUY"]
    assert Counter(row["client"] for row in entries) == {row["client"]: 1 for row in entries}
    assert len(entries) == 10


def test_orders_the_broker_took_without_answering_are_found_by_tag(platform: Platform) -> None:
    since = len(platform.ledger())
    platform.simulate("POST", "faults", {"kind": "accept_then_reset", "endpoint": "orders.place", "count": 5})
    signal_id = platform.fire(buy()).json()["signal"]
    entered(platform, signal_id)
    entries = [row for row in placed(platform, since) if row["side"] == "BUY"]
    assert len(entries) == 10


def test_an_exit_asked_for_while_redis_is_gone_still_goes_out(platform: Platform) -> None:
    signal_id = platform.fire(buy()).json()["signal"]
    entered(platform, signal_id)
    platform.kill("redis", signal.SIGKILL)
    for number in range(5):
        assert platform.post("square-off/", {"all": True}, trader=number).status_code in (200, 202)
    wait_for(lambda: not open_trades(platform), within=90, message="every exit without the queue")


def test_a_stop_fires_by_itself(platform: Platform) -> None:
    signal_id = platform.fire(buy()).json()["signal"]
    entered(platform, signal_id)
    platform.simulate("POST", "market", {"action": "shock", "underlying": "NIFTY", "percent": -1.5})
    wait_for(lambda: not open_trades(platform), within=60, message="every stop")
    reasons = {trade["close_reason"] for trade in wave_of(platform, signal_id)}
    assert reasons <= {"STOP_LOSS", "TRAIL", "TARGET"}
    assert "STOP_LOSS" in reasons


def test_one_accounts_broken_broker_leaves_the_others_alone(platform: Platform) -> None:
    platform.simulate("POST", "faults", {"kind": "server_error", "status": 503, "client": "DEMO01"})
    signal_id = platform.fire(buy()).json()["signal"]

    def the_others() -> bool:
        done = [t for t in wave_of(platform, signal_id) if t["status"] in ("OPEN", "EXITING", "CLOSED")]
        return len(done) == 19

    wait_for(the_others, within=60, message="nineteen entries")
    platform.simulate("DELETE", "faults")
