"""A simulator that starts again on the same folder knows sessions, clients, orders and positions."""

import time

import pytest

from tests.shared import shared_path


@pytest.fixture
def restart(make_site, tmp_path):
    def again(site, **environ):
        site.stop()
        return make_site(SIMULATOR_RATE_LIMITS="off", STATE_DIR=str(site.config.state_dir), **environ)

    return again


def test_fills_tags_and_sessions_survive(site, trader, buy, resting, restart):
    filled = trader.place(**buy).json()["data"]["order_id"]
    open_order = trader.place(**resting).json()["data"]["order_id"]
    trades = trader.get("/trades")
    trader.site = restart(site)
    orders = {order["order_id"]: order for order in trader.get("/orders")}
    assert (orders[filled]["status"], orders[filled]["tag"]) == ("COMPLETE", "tag1")
    assert orders[filled]["average_price"] == trades[0]["average_price"]
    assert (orders[open_order]["status"], orders[open_order]["filled_quantity"]) == ("CANCELLED", 0)
    assert [trade["trade_id"] for trade in trader.get("/trades")] == [trade["trade_id"] for trade in trades]
    [position] = trader.get("/portfolio/positions")["net"]
    assert position["quantity"] == int(buy["quantity"])


def test_numbers_are_never_used_twice(site, trader, buy, restart):
    before = trader.place(**buy).json()["data"]["order_id"]
    trader.site = restart(site)
    after = trader.place(**(buy | {"tag": "tag2"})).json()["data"]["order_id"]
    assert after > before
    assert len({trade["trade_id"] for trade in trader.get("/trades")}) == 2


def test_a_rejected_order_stays_rejected(site, trader, buy, restart):
    site.control("POST", "faults", {"kind": "placed_then_rejected", "count": 1})
    trader.place(**buy)
    trader.site = restart(site)
    [order] = trader.get("/orders")
    assert order["status"] == "REJECTED"
    assert order["status_message"]


def test_added_clients_survive(site, restart):
    site.control("POST", "clients", {"count": 1})
    trader = site.login("DEMO04")
    trader.site = restart(site)
    assert trader.get("/user/profile")["user_id"] == "DEMO04"


def clock(market_time: str) -> str:
    """A market clock that stands nearly still, so that the recorded minute does not pass."""
    return f"2026-08-18T{market_time}+05:30@{time.time():.3f}x0.001"


def test_a_replay_fills_at_recorded_prices_and_starts_anew_each_time(make_site, restart):
    recording = shared_path("market_data/NIFTY_option_chain_snapshots_20260818.parquet")
    site = make_site(SIMULATOR_RATE_LIMITS="off", SIMULATOR_MARKET=str(recording), MARKET_CLOCK=clock("10:45:30"))
    trader = site.login()
    form = {"exchange": "NFO", "transaction_type": "SELL", "quantity": 65, "product": "NRML"}
    form |= {"order_type": "MARKET", "market_protection": 5}
    for symbol in ("NIFTY2681824200CE", "NIFTY2681824200PE"):
        assert trader.place(tradingsymbol=symbol, **form).status_code == 200
    trades = trader.get("/trades")
    assert sorted(trade["average_price"] for trade in trades) == [26.15, 42.1]
    assert trades[0]["fill_timestamp"].startswith("2026-08-18 10:45")
    again = restart(site, SIMULATOR_MARKET=str(recording), MARKET_CLOCK=clock("10:45:50"))
    trader = again.login()
    assert trader.get("/trades") == []
    assert trader.place(tradingsymbol="NIFTY2681824200CE", **form).status_code == 200
    assert trader.get("/trades")[0]["trade_id"] not in {trade["trade_id"] for trade in trades}
