"""The hand in the live market: shocks, set prices, freezes and halts."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.prices import to_decimal, to_scaled
from tests.simulator.market.live_rig import NIFTY, START, market, run


def test_a_shock_moves_the_whole_family_and_nobody_else() -> None:
    live = market()
    before = {token: live.quote(token).last_price for token in live.listings}
    live.shock("NIFTY", Decimal(-2))
    live.step(live.now + timedelta(milliseconds=1))
    assert live.quote(NIFTY).last_price == pytest.approx(before[NIFTY] * 0.98, rel=0.0005)
    call, put = live.find("NFO", "NIFTY26D0124200CE"), live.find("NFO", "NIFTY26D0124200PE")
    assert live.quote(call.token).last_price < before[call.token] * 0.7
    assert live.quote(put.token).last_price > before[put.token] * 1.5
    assert live.quote(260105).last_price == pytest.approx(before[260105], rel=0.0005)
    with pytest.raises(KeyError):
        live.shock("NOTHING", Decimal(1))
    with pytest.raises(ValueError, match="100"):
        live.shock("NIFTY", Decimal(-100))


@pytest.mark.parametrize(("exchange", "symbol"), [("NSE", "NIFTY 50"), ("NFO", "NIFTY26DECFUT"), ("NSE", "RELIANCE")])
def test_a_set_price_is_shown_at_the_next_step(exchange: str, symbol: str) -> None:
    live = market()
    token = live.find(exchange, symbol).token
    wanted = to_decimal(live.quote(token).last_price) + 20
    live.set_price(token, wanted)
    assert token in live.step(live.now + timedelta(milliseconds=1))
    assert to_decimal(live.quote(token).last_price) == wanted


def test_a_pinned_option_stays_until_released() -> None:
    live = market()
    token = live.find("NFO", "NIFTY26NOV24200CE").token
    live.set_price(token, Decimal("33.35"))
    shown = {price for shown, price in run(live, seconds=20) if shown == token}
    assert shown == {to_scaled(Decimal("33.35"))}
    live.release(token)
    run(live, seconds=1)
    assert live.quote(token).last_price > to_scaled(Decimal(50))


def test_impossible_prices_are_refused() -> None:
    live = market()
    for price in (Decimal(0), Decimal(-1)):
        with pytest.raises(ValueError, match="above zero"):
            live.set_price(NIFTY, price)
    with pytest.raises(ValueError, match="cannot be set"):
        live.set_price(live.find("NSE", "INDIA VIX").token, Decimal(20))
    with pytest.raises(KeyError):
        live.set_price(1, Decimal(20))


def test_a_frozen_index_repeats_itself_while_options_move() -> None:
    live = market(scale=4)
    live.freeze("NIFTY")
    before = live.quote(NIFTY).last_price
    shown = run(live, seconds=60)
    assert {price for token, price in shown if token == NIFTY} == {before}
    call = live.find("NFO", "NIFTY26NOV24200CE").token
    assert len({price for token, price in shown if token == call}) > 10
    live.freeze("NIFTY", on=False)
    assert len({price for token, price in run(live, seconds=30) if token == NIFTY}) > 5


@pytest.mark.parametrize(("clock", "prices"), [("15:14", "many"), ("15:20", "one"), ("15:36", "many")])
def test_the_closing_auction_freezes_the_indices_where_switched_on(clock: str, prices: str) -> None:
    hour, minute = map(int, clock.split(":"))
    live = market(start=START.replace(hour=hour, minute=minute), scale=4, freeze=True)
    shown = {price for token, price in run(live, seconds=20) if token == NIFTY}
    assert (len(shown) == 1) == (prices == "one")


def test_a_halt_stops_every_price() -> None:
    live = market()
    live.halt()
    assert run(live, seconds=30) == []
    assert live.next_change() is None
    live.halt(on=False)
    assert run(live, seconds=5)
