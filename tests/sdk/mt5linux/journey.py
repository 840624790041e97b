"""mt5linux, which drives a terminal through rpyc, does a customer's day at the simulated one.

``rpyc_classic.py`` lets whoever reaches it run code: it listens on loopback only, for as long as the journey runs.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mt5linux import MetaTrader5
from steps import Control, step

HOST = "127.0.0.1"
GOLD = "XAUUSD"
MAGIC = 4711
SERVED = Path(__file__).parent / "served"
CANNOT = {
    "market socket": "the module has no socket: ticks are asked for",
    "order socket": "the module has no socket: orders are asked for",
}


@pytest.fixture(scope="module")
def port(url: str) -> Iterator[int]:
    """rpyc in front of the simulated terminal."""
    with socket.create_server((HOST, 0)) as free:
        number = free.getsockname()[1]
    server = Path(sys.executable).with_name("rpyc_classic.py")
    command = [sys.executable, str(server), "--host", HOST, "--port", str(number)]
    environment = {**os.environ, "PYTHONPATH": str(SERVED), "MT5_TERMINAL": f"{url}/mt5/terminal"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _listens(number, process)
        yield number
    finally:
        process.terminate()
        process.wait(timeout=30)


def _listens(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "rpyc ended"
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
    raise AssertionError("rpyc does not listen")


def signed_in(port: int, control: Control, name: str, **client: Any) -> MetaTrader5:
    fields = {"client": name, "broker": "mt5", "api_key": f"key{name}", "api_secret": "password", **client}
    control("clients", {"clients": [fields]})
    mt5 = MetaTrader5(host=HOST, port=port)
    assert mt5.initialize(login=int(name), password="password", server="Vayda-Demo")
    return mt5


@pytest.fixture(scope="module")
def mt5(port: int, control: Control) -> MetaTrader5:
    return signed_in(port, control, "7001")


def order(mt5: MetaTrader5, **changes: Any) -> dict[str, Any]:
    """A pending buy well below the market."""
    tick = mt5.symbol_info_tick(GOLD)
    request = {
        "action": mt5.TRADE_ACTION_PENDING,
        "symbol": GOLD,
        "volume": 0.03,
        "type": mt5.ORDER_TYPE_BUY_LIMIT,
        "price": round(tick.bid - 100, 2),
        "magic": MAGIC,
        "comment": "journey",
        "type_time": mt5.ORDER_TIME_GTC,
        "type_filling": mt5.ORDER_FILLING_RETURN,
    }
    return request | changes


def deal(mt5: MetaTrader5, *, buy: bool = True, **changes: Any) -> dict[str, Any]:
    """A deal at the market, within a few points."""
    tick = mt5.symbol_info_tick(GOLD)
    at = {"type": mt5.ORDER_TYPE_BUY, "price": tick.ask} if buy else {"type": mt5.ORDER_TYPE_SELL, "price": tick.bid}
    filling = {"action": mt5.TRADE_ACTION_DEAL, "deviation": 500, "type_filling": mt5.ORDER_FILLING_IOC}
    return order(mt5) | at | filling | changes


def span() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=1), now + timedelta(days=1)


@step("sign in")
def test_a_wrong_password_is_told_as_the_terminal_tells_it(port, control, mt5):
    other = MetaTrader5(host=HOST, port=port)
    assert not other.initialize(login=7001, password="guessed")
    assert other.last_error()[0] == -6
    assert other.account_info() is None
    assert mt5.initialize(login=7001, password="password")
    assert mt5.version()[1] == 4000


@step("sign in", "funds")
def test_the_accounts_money_adds_up(mt5):
    account = mt5.account_info()
    assert (account.login, account.currency, account.margin_mode) == (7001, "USD", 0)
    assert account.equity == pytest.approx(account.margin + account.margin_free)
    assert account.trade_allowed


@step("instruments")
def test_symbols_have_what_volumes_and_prices_go_by(mt5):
    names = {symbol.name for symbol in mt5.symbols_get()}
    assert names == {GOLD, "EURUSD", "US500"}
    assert mt5.symbols_total() == 3
    gold = mt5.symbol_info(GOLD)
    assert gold.volume_min == gold.volume_step == 0.01
    assert gold.trade_tick_value == pytest.approx(gold.trade_contract_size * gold.trade_tick_size)
    assert gold.trade_mode == mt5.SYMBOL_TRADE_MODE_FULL
    assert mt5.symbol_info("NOSUCH") is None
    assert not mt5.symbol_select("NOSUCH", True)


@step("quotes")
def test_a_tick_has_two_sides(mt5):
    tick = mt5.symbol_info_tick(GOLD)
    assert 0 < tick.bid < tick.ask
    assert tick.time_msc // 1000 == tick.time
    assert mt5.symbol_info_tick("NOSUCH") is None


@step("candles")
def test_bars_are_an_array_of_the_vendors_columns(mt5):
    until = datetime.now(UTC) - timedelta(days=1)
    bars = mt5.copy_rates_range(GOLD, mt5.TIMEFRAME_H1, until - timedelta(days=2), until)
    assert len(bars) >= 40
    assert bars.dtype.names[:5] == ("time", "open", "high", "low", "close")
    assert (bars["low"] <= bars["high"]).all()
    assert list(bars["time"]) == sorted(bars["time"])


@step("place", "order book", "modify", "cancel", "order history")
def test_a_pending_order_rests_is_moved_and_removed(mt5):
    sent = mt5.order_send(order(mt5))
    assert (sent.retcode, sent.deal) == (mt5.TRADE_RETCODE_PLACED, 0)
    (shown,) = mt5.orders_get(ticket=sent.order)
    assert (shown.symbol, shown.magic, shown.comment) == (GOLD, MAGIC, "journey")
    assert (shown.type, shown.state) == (mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_STATE_PLACED)
    assert shown.volume_initial == shown.volume_current == 0.03
    price = round(shown.price_open - 1, 2)
    moved = mt5.order_send({"action": mt5.TRADE_ACTION_MODIFY, "order": sent.order, "symbol": GOLD, "price": price})
    assert moved.retcode == mt5.TRADE_RETCODE_DONE
    assert mt5.orders_get(ticket=sent.order)[0].price_open == price
    removed = mt5.order_send({"action": mt5.TRADE_ACTION_REMOVE, "order": sent.order})
    assert removed.retcode == mt5.TRADE_RETCODE_DONE
    assert mt5.orders_get(ticket=sent.order) == ()
    (done,) = mt5.history_orders_get(ticket=sent.order)
    assert done.state == mt5.ORDER_STATE_CANCELED
    again = mt5.order_send({"action": mt5.TRADE_ACTION_REMOVE, "order": sent.order})
    assert again.retcode == mt5.TRADE_RETCODE_INVALID_ORDER


@step("place", "trades", "positions")
def test_a_netting_account_has_one_position_that_opposite_deals_reduce_and_turn(mt5):
    bought = mt5.order_send(deal(mt5))
    assert bought.retcode == mt5.TRADE_RETCODE_DONE
    assert bought.deal > 0
    (position,) = mt5.positions_get(symbol=GOLD)
    assert (position.type, position.volume, position.ticket) == (mt5.POSITION_TYPE_BUY, 0.03, bought.order)
    assert mt5.order_send(deal(mt5, buy=False, volume=0.01)).retcode == mt5.TRADE_RETCODE_DONE
    assert mt5.positions_get(symbol=GOLD)[0].volume == 0.02
    assert mt5.order_send(deal(mt5, buy=False, volume=0.05)).retcode == mt5.TRADE_RETCODE_DONE
    (turned,) = mt5.positions_get(symbol=GOLD)
    assert (turned.type, turned.volume) == (mt5.POSITION_TYPE_SELL, 0.03)
    assert mt5.order_send(deal(mt5)).retcode == mt5.TRADE_RETCODE_DONE
    assert mt5.positions_total() == 0
    deals = mt5.history_deals_get(*span())
    entries = [mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT, mt5.DEAL_ENTRY_INOUT, mt5.DEAL_ENTRY_OUT]
    assert [one.entry for one in deals] == entries
    assert {one.magic for one in deals} == {MAGIC}
    assert mt5.history_deals_total(*span()) == 4
    assert mt5.history_deals_get(ticket=bought.deal)[0].order == bought.order


@step("positions")
def test_a_hedging_account_has_a_position_per_deal_and_closes_them_by_ticket(port, control):
    mt5 = signed_in(port, control, "7002", extra={"margin_mode": "2"})
    assert mt5.account_info().margin_mode == 2
    first, second = mt5.order_send(deal(mt5)), mt5.order_send(deal(mt5, buy=False, volume=0.02))
    assert {row.ticket for row in mt5.positions_get()} == {first.order, second.order}
    larger = mt5.order_send(deal(mt5, buy=False, volume=0.04, position=first.order))
    assert larger.retcode == mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME
    same_side = mt5.order_send(deal(mt5, position=first.order))
    assert same_side.retcode == mt5.TRADE_RETCODE_POSITION_CLOSED
    closed = mt5.order_send(deal(mt5, buy=False, position=first.order))
    assert closed.retcode == mt5.TRADE_RETCODE_DONE
    (left,) = mt5.positions_get()
    assert (left.ticket, left.type) == (second.order, mt5.POSITION_TYPE_SELL)
    out = mt5.history_deals_get(position=first.order)
    assert [one.entry for one in out] == [mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT]


@step("place")
@pytest.mark.parametrize(
    ("changes", "retcode"),
    [
        ({"volume": 0.015}, "INVALID_VOLUME"),
        ({"volume": 0.0}, "INVALID_VOLUME"),
        ({"volume": 1000.0}, "INVALID_VOLUME"),
        ({"price": 0.0}, "INVALID_PRICE"),
        ({"price": 100_000.0}, "INVALID_PRICE"),
        ({"symbol": "NOSUCH"}, "INVALID"),
        ({"type_time": 2}, "INVALID_EXPIRATION"),
        ({"volume": 50.0}, "NO_MONEY"),
    ],
)
def test_what_the_server_does_not_take_has_its_own_return_code(mt5, port, control, changes, retcode):
    trader = signed_in(port, control, "7003", cash=1000) if retcode == "NO_MONEY" else mt5
    refused = trader.order_send(order(trader) | changes)
    assert refused.retcode == getattr(trader, f"TRADE_RETCODE_{retcode}")
    assert refused.order == 0
    assert trader.orders_total() == 0
    assert mt5.initialize(login=7001, password="password")


@step("place")
def test_a_deal_beyond_its_deviation_is_a_requote_and_a_check_sends_nothing(mt5):
    far = deal(mt5, deviation=0)
    assert mt5.order_send(far | {"price": round(far["price"] - 50, 2)}).retcode == mt5.TRADE_RETCODE_REQUOTE
    assert mt5.order_send(deal(mt5, type_filling=mt5.ORDER_FILLING_FOK)).retcode == mt5.TRADE_RETCODE_INVALID_FILL
    checked = mt5.order_check(order(mt5))
    assert (checked.retcode, checked.margin > 0) == (0, True)
    assert mt5.order_check(order(mt5, volume=0.015)).retcode == mt5.TRADE_RETCODE_INVALID_VOLUME
    assert mt5.orders_total() == 0


@step("place")
def test_every_order_is_in_the_exchanges_ledger_under_its_comment(mt5, control):
    sent = mt5.order_send(deal(mt5, comment="journey9"))
    lines = control("ledger?tag=journey9")["entries"]
    assert [line["event"] for line in lines] == ["REQUEST", "ACCEPTED", "FILL"]
    assert {line["order_id"] for line in lines[1:]} == {str(sent.order)}
    assert lines[0]["quantity"] == 3
