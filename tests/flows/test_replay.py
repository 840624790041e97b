"""The recorded expiry day of 18 August 2026, minute by minute through the real processes, right to the paisa."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.clock import IST, parse_clock
from tests.replay import expected
from tests.replay.day import HELD, STOPPED, Played, clock_text, play
from tests.replay.expected import Expected, Leg
from tests.replay.table import print_table, rows_of
from tests.shared import shared_path

ACCOUNTS = 5
FASTEST = 120.0


@pytest.mark.flow
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_accounts_trade_the_recorded_straddle_at_the_recorded_prices() -> None:
    recording = shared_path(expected.RECORDING)
    prices = expected.read_prices(recording)
    trades = {HELD: expected.held(prices), STOPPED: expected.stopped(prices)}
    rows = rows_of(play(recording, trades, speed=FASTEST), trades, accounts=ACCOUNTS)
    assert [row for row in rows if not row.is_right] == []
    assert len(rows) == 2 * ACCOUNTS * 3


def test_the_put_alone_is_stopped_at_the_first_price_beyond_its_stop() -> None:
    prices = expected.read_prices(shared_path(expected.RECORDING))
    call, put = expected.stopped(prices).legs
    assert (put.left_at, put.exit) == (datetime(2026, 8, 18, 10, 56, tzinfo=IST), Decimal("34.15"))
    before = [price for at, price in prices["PE"] if expected.ENTRY_AT < at < put.left_at]
    assert max(before) == Decimal("33.95")  # the stop is 33.995: a tick short of it is not beyond it
    assert call.left_at == expected.EXIT_AT


def test_the_straddle_held_to_the_end_makes_what_was_promised() -> None:
    trade = expected.held(expected.read_prices(shared_path(expected.RECORDING)))
    assert (trade.gross, trade.charges, trade.net) == (Decimal("1790.75"), Decimal("104.11"), Decimal("1686.64"))


def test_the_clock_is_careful_around_the_busy_minutes_and_fast_between() -> None:
    start = datetime(2026, 8, 18, 10, 43, tzinfo=IST)
    busy = [start, start + timedelta(minutes=2), start + timedelta(minutes=13), start + timedelta(hours=4)]
    wall = datetime.fromtimestamp(1_790_000_000, tz=UTC)
    clock = parse_clock(clock_text(wall, busy, speed=60))
    assert clock.wall_of(start) == wall
    for minute in busy:
        assert clock.wall_between(minute, minute + timedelta(minutes=1)) == timedelta(seconds=6)
    assert clock.wall_between(start + timedelta(hours=2), start + timedelta(hours=2, minutes=1)) == timedelta(seconds=1)


def test_a_wrong_figure_and_a_missing_trade_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    leg = Leg("CE", entry=Decimal("42.10"), exit=Decimal("27.70"), left_at=expected.EXIT_AT)
    seen = [{"instrument": "NIFTY18AUG2624200CE", "entry_price": "42.10", "exit_price": "27.75"}]
    whole = {"gross_pnl": "936.00", "charges": "52.50", "net_pnl": None}
    played = [Played(HELD, "PAPER11", {"legs": seen, **whole})]
    rows = rows_of(played, {HELD: Expected((leg,))}, accounts=2)
    assert [row.is_right for row in rows] == [False, False, False]
    print_table(rows)
    assert capsys.readouterr().out.count("DIFFERENT") == 3
