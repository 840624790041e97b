"""Encoded packets equal the recorded ones, byte for byte where a recording exists."""

import base64
import json
from datetime import datetime
from decimal import Decimal

import pytest
from kiteconnect import KiteTicker

from domain.prices import to_scaled
from simulator.faces.zerodha.packets import Depth, Mode, encode, frame
from simulator.market.types import Level, MarketQuote
from tests.shared import shared_path

SIZES = {Mode.LTP: 8, Mode.QUOTE: 44, Mode.FULL: 184}
NIFTY_OPTION = (47164 << 8) | 2
NIFTY_INDEX = 256265
DOLLAR_FUTURE = (1612 << 8) | 3
CRUDE_FUTURE = (428008 << 8) | 7


def scaled(value: float) -> int:
    return to_scaled(Decimal(str(value)))


def recorded(name: str) -> tuple[bytes, dict]:
    packet = base64.b64decode(shared_path(f"zerodha/kiteconnect-mocks/{name}.packet").read_text())
    return packet, json.loads(shared_path(f"zerodha/kiteconnect-mocks/{name}.json").read_text())


def levels(side: list[dict]) -> list[Level]:
    return [Level(scaled(level["price"]), level["quantity"], level["orders"]) for level in side]


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def quote_of(tick: dict) -> MarketQuote:
    return MarketQuote(
        token=tick["instrument_token"],
        last_price=scaled(tick["last_price"]),
        last_quantity=tick["last_quantity"],
        average_price=scaled(tick["average_price"]),
        volume=tick["volume"],
        total_buy_quantity=tick["buy_quantity"],
        total_sell_quantity=tick["sell_quantity"],
        **{name: scaled(price) for name, price in tick["ohlc"].items()},
        open_interest=tick.get("oi", 0),
        last_trade_at=milliseconds(tick["last_trade_time"]) if "last_trade_time" in tick else 0,
        exchange_at=milliseconds(tick["timestamp"]) if "timestamp" in tick else 0,
    )


def depth_of(tick: dict) -> Depth:
    return levels(tick.get("depth", {}).get("buy", [])), levels(tick.get("depth", {}).get("sell", []))


def decode(message: bytes) -> list[dict]:
    return KiteTicker("key", "token")._parse_binary(message)


@pytest.mark.parametrize(("name", "mode"), [("ticker_full", Mode.FULL), ("ticker_quote", Mode.QUOTE)])
def test_a_recorded_tick_is_encoded_to_the_recorded_bytes(name, mode):
    packet, tick = recorded(name)
    encoded = encode(quote_of(tick), mode, depth=depth_of(tick))
    assert encoded[2:] == packet
    assert int.from_bytes(encoded[:2], "big") == len(packet) == SIZES[mode]


def sample(token: int = NIFTY_OPTION, price: float = 42.1) -> MarketQuote:
    day = {"open": scaled(40), "high": scaled(44.05), "low": scaled(39.5), "close": scaled(41.2)}
    return MarketQuote(token, last_price=scaled(price), volume=1300, exchange_at=1_790_000_000_000, **day)


@pytest.mark.parametrize(("mode", "size"), SIZES.items())
def test_the_sdk_reads_back_every_mode(mode, size):
    [tick] = decode(frame([encode(sample(), mode)]))
    assert len(encode(sample(), mode)) == size + 2
    assert (tick["mode"], tick["instrument_token"], tick["last_price"]) == (mode.value, NIFTY_OPTION, 42.1)
    assert tick["tradable"]


@pytest.mark.parametrize(("mode", "size"), [(Mode.QUOTE, 28), (Mode.FULL, 32)])
def test_an_index_has_its_own_layout(mode, size):
    encoded = encode(sample(NIFTY_INDEX), mode)
    [tick] = decode(frame([encoded]))
    assert len(encoded) == size + 2
    assert not tick["tradable"]
    assert tick["ohlc"] == {"open": 40, "high": 44.05, "low": 39.5, "close": 41.2}


def test_an_index_below_its_close_has_a_negative_change():
    encoded = encode(sample(NIFTY_INDEX, price=40.2), Mode.QUOTE)
    assert int.from_bytes(encoded[26:30], "big", signed=True) == -100


def test_currencies_keep_four_decimals():
    [tick] = decode(frame([encode(sample(DOLLAR_FUTURE, price=83.1275), Mode.LTP)]))
    assert tick["last_price"] == 83.1275


def test_commodities_are_counted_in_lots():
    levels = ([Level(scaled(42), 500, 3)], [])
    [tick] = decode(frame([encode(sample(CRUDE_FUTURE), Mode.FULL, depth=levels, unit=100)]))
    assert tick["volume_traded"] == 13
    assert tick["depth"]["buy"][0] == {"quantity": 5, "price": 42, "orders": 3}


def test_a_frame_carries_many_packets():
    packets = [
        encode(sample(), Mode.LTP),
        encode(sample(NIFTY_INDEX), Mode.FULL),
        encode(sample(), Mode.FULL),
    ]
    assert [tick["mode"] for tick in decode(frame(packets))] == ["ltp", "full", "full"]
