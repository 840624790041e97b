"""TradingView tickers."""

import csv
from datetime import date
from decimal import Decimal

import pytest

from domain.expiries import NoExpiry
from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.tradingview import Ticker, TickerError, TickerKind, instrument_key, parse_ticker
from tests.shared import shared_path

KINDS = {
    "index": TickerKind.INDEX,
    "cont_future_front": TickerKind.FRONT_FUTURE,
    "cont_future_next": TickerKind.NEXT_FUTURE,
    "future": TickerKind.DATED_FUTURE,
    "option": TickerKind.OPTION,
}
FUTURES = [date(2026, 11, 23), date(2026, 12, 29), date(2027, 1, 26)]


def _resolve(text: str, *, today: date = date(2026, 11, 20), rolled: bool = False) -> InstrumentKey:
    return instrument_key(parse_ticker(text), expiries=FUTURES, today=today, rolled=rolled)


def test_every_collected_case_is_read_as_written() -> None:
    with shared_path("tradingview/symbol_cases.csv").open() as lines:
        cases = list(csv.DictReader(lines))
    assert cases
    for case in cases:
        ticker = parse_ticker(case["tv_symbol"])
        seen = ticker.expiry.isoformat() if ticker.expiry else ""
        seen = f"{ticker.month[0]}-{ticker.month[1]:02}" if ticker.month else seen
        assert (ticker.venue, ticker.kind, ticker.underlying) == (
            case["exchange"],
            KINDS[case["kind"]],
            case["underlying"],
        ), case
        assert (seen, ticker.right, str(ticker.strike or "")) == (
            case["expiry"],
            case["right"],
            case["strike"],
        ), case


@pytest.mark.parametrize(
    ("text", "ticker"),
    [
        (
            "NSE:NIFTY251125C24500",
            Ticker(
                venue="NSE",
                exchange=Exchange.NFO,
                kind=TickerKind.OPTION,
                underlying="NIFTY",
                expiry=date(2025, 11, 25),
                right=Right.CALL,
                strike=Decimal(24500),
            ),
        ),
        (
            "BSE:BSX260219P83300",
            Ticker(
                venue="BSE",
                exchange=Exchange.BFO,
                kind=TickerKind.OPTION,
                underlying="SENSEX",
                expiry=date(2026, 2, 19),
                right=Right.PUT,
                strike=Decimal(83300),
            ),
        ),
        ("NSE:RELIANCE", Ticker("NSE", Exchange.NSE, TickerKind.EQUITY, "RELIANCE")),
        ("nse_dly:m&m1!", Ticker("NSE", Exchange.NFO, TickerKind.FRONT_FUTURE, "M&M")),
        ("NSE:USDINR1!", Ticker("NSE", Exchange.CDS, TickerKind.FRONT_FUTURE, "USDINR")),
        ("BKX2!", Ticker("BSE", Exchange.BFO, TickerKind.NEXT_FUTURE, "BANKEX")),
        ("CRUDEOIL1!", Ticker("MCX", Exchange.MCX, TickerKind.FRONT_FUTURE, "CRUDEOIL")),
        ("NIFTY", Ticker("NSE", Exchange.NSE_INDEX, TickerKind.INDEX, "NIFTY")),
        ("BSE:SENSEX", Ticker("BSE", Exchange.BSE_INDEX, TickerKind.INDEX, "SENSEX")),
    ],
)
def test_tickers_map_to_our_exchanges(text: str, ticker: Ticker) -> None:
    assert parse_ticker(text) == ticker


def test_continuous_futures_roll_on_our_calendar() -> None:
    assert _resolve("NSE:NIFTY1!").expiry == date(2026, 11, 23)
    assert _resolve("NSE:NIFTY2!").expiry == date(2026, 12, 29)
    assert _resolve("NSE:NIFTY1!", today=date(2026, 11, 23)).expiry == date(2026, 11, 23)
    assert _resolve("NSE:NIFTY1!", today=date(2026, 11, 23), rolled=True).expiry == date(2026, 12, 29)


def test_a_dated_future_is_the_listed_one_of_its_month() -> None:
    assert _resolve("NSE:NIFTYZ2026") == InstrumentKey(Exchange.NFO, "NIFTY", Kind.FUTURE, date(2026, 12, 29))
    two = [date(2026, 12, 15), date(2026, 12, 29)]
    ticker = parse_ticker("MCX:CRUDEOILZ2026")
    assert instrument_key(ticker, expiries=two, today=two[0], rolled=False).expiry == two[1]
    with pytest.raises(NoExpiry, match="2027-03"):
        _resolve("NSE:NIFTYH2027")


def test_options_and_indices_need_no_listing() -> None:
    key = instrument_key(parse_ticker("NSE:NIFTY251125P24500.5"), expiries=[], today=date(2025, 1, 1), rolled=False)
    assert key == InstrumentKey(Exchange.NFO, "NIFTY", Kind.OPTION, date(2025, 11, 25), Decimal("24500.5"), Right.PUT)
    assert _resolve("NSE:NIFTY") == InstrumentKey(Exchange.NSE_INDEX, "NIFTY", Kind.INDEX)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "NSE:",
        "BINANCE:BTCUSDT",
        "NSE:NIFTY3!",
        "NSE:NIFTY0!",
        "NSE:NIFTY251325C24500",
        "NSE:NIFTY251125C0",
        "NSE:NIFTY 1!",
        "MCX:CRUDEOIL",
        "BSE:NIFTY",
        "BSE:NIFTY1!",
        "NSE:BSX1!",
        "NSE:NIFTY1!;X",
        "NSE:NIFTY.NS",
        "NSE:NΙFTY",  # a Greek capital iota
        "A" * 60,
    ],
)
def test_what_cannot_be_traded_is_refused(text: str) -> None:
    with pytest.raises(TickerError):
        parse_ticker(text)
