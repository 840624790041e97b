"""Reading recorded option-chain snapshots from a parquet file (through DuckDB, a development requirement)."""

import importlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from domain.clock import IST
from domain.instruments import Right
from domain.prices import to_scaled
from simulator.market.calendar import is_trading_day
from simulator.market.contracts import NIFTY, SPOTS, option_listing, spot_listing, with_tokens
from simulator.market.replay import RecordedRow
from simulator.market.types import Listing

COLUMNS = ("timestamp", "symbol", "expiry", "strike", "option_type", "spot", "ltp", "volume", "oi")
_UNDERLYINGS = {"NIFTY50": NIFTY}
_PAISA = Decimal("0.01")
_QUERY = f"""
    SELECT {", ".join(COLUMNS)} FROM read_parquet(?)
    WHERE strptime(expiry, '%d-%b-%Y') = ?
    ORDER BY timestamp, strike, option_type
"""


class RecordingError(ValueError):
    """The file is missing, unreadable, or not a recording of the expected shape."""


def read_chain(path: Path, *, expiry: date) -> list[RecordedRow]:
    """Return the recorded minutes of one NIFTY expiry and of the index, in order of market time.

    Recorded times are IST minutes; prices are last prices only; open interest is recorded in lots and
    returned in units. Raises ``RecordingError`` for anything but a readable recording with that expiry.
    """
    records = _records(path, expiry)
    if not records:
        raise RecordingError(f"{path} has no rows of the expiry {expiry}")
    try:
        listings = _listings(records, expiry)
        return _rows(records, listings)
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise RecordingError(f"{path} has a row that cannot be read: {error}") from error


def _records(path: Path, expiry: date) -> list[tuple[Any, ...]]:
    if not path.is_file():
        raise RecordingError(f"{path} is not a file")
    try:
        duckdb = importlib.import_module("duckdb")
    except ModuleNotFoundError as error:
        raise RecordingError("reading a recording needs duckdb (requirements for development)") from error
    try:
        return list(duckdb.execute(_QUERY, [str(path), expiry]).fetchall())
    except duckdb.Error as error:
        raise RecordingError(f"{path} is not a readable recording: {error}") from error


def _listings(records: Sequence[tuple[Any, ...]], expiry: date) -> dict[tuple[str, Decimal, str], Listing]:
    if not is_trading_day(expiry):
        raise ValueError(f"{expiry} is not a trading day")
    keys = sorted({_key(record) for record in records})
    listed = with_tokens(
        option_listing(_UNDERLYINGS[symbol], expiry, strike, Right(right)) for symbol, strike, right in keys
    )
    return dict(zip(keys, listed, strict=True))


def _rows(records: Sequence[tuple[Any, ...]], listings: dict[tuple[str, Decimal, str], Listing]) -> list[RecordedRow]:
    index = next(spot_listing(spot) for spot in SPOTS if spot.underlying == NIFTY.underlying)
    rows: list[RecordedRow] = []
    minute = ""
    for record in records:
        at = _minute(record[0])
        if record[0] != minute:
            minute = record[0]
            rows.append(RecordedRow(at, index, _scaled(record[5]), 0, 0))
        listing = listings[_key(record)]
        interest = round(record[8]) * listing.lot_size
        rows.append(RecordedRow(at, listing, _scaled(record[6]), round(record[7]), interest))
    return rows


def _key(record: tuple[Any, ...]) -> tuple[str, Decimal, str]:
    return record[1], Decimal(str(record[3])).normalize(), record[4]


def _minute(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=IST).astimezone(UTC)


def _scaled(price: float) -> int:
    """Return the scaled price, to the paisa: the index is recorded in single precision."""
    return to_scaled(Decimal(str(price)).quantize(_PAISA))
