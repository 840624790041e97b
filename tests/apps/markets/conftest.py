"""A small market: NIFTY with a weekly chain and a future, CRUDEOIL, and a clean bus."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.conf import settings
from redis.exceptions import RedisError

from apps.markets.services.calendar import forget_calendar
from bus.connection import BusClient, redis_client
from bus.ticks import LAST, STATE
from domain.broker import InstrumentRow

NOW = datetime(2026, 11, 18, 5, 0, tzinfo=UTC)  # a Wednesday, 10:30 IST
WEEKLY, MONTHLY = date(2026, 11, 23), date(2026, 12, 29)
STRIKES = [24000 + 50 * step for step in range(21)]


def row(symbol: str, *, exchange: str = "NFO", kind: str = "OPT", **fields: object) -> InstrumentRow:
    facts: dict[str, object] = {
        "underlying": "NIFTY",
        "expiry": WEEKLY,
        "strike": None,
        "right": "",
        "token": str(sum(map(ord, symbol)) * 1000 + len(symbol)),
        "lot_size": 65,
        "tick_size": Decimal("0.05"),
        "freeze_quantity": None,
        "multiplier": Decimal(1),
    }
    return InstrumentRow(exchange=exchange, kind=kind, symbol=symbol, **{**facts, **fields})  # type: ignore[arg-type]


def option(strike: int, right: str, expiry: date = WEEKLY, **fields: object) -> InstrumentRow:
    symbol = f"NIFTY{expiry:%y%m%d}{strike}{right}"
    token = f"{expiry:%m%d}{strike}{'1' if right == 'CE' else '2'}"
    return row(symbol, strike=Decimal(strike), right=right, expiry=expiry, token=token, **fields)


def master() -> list[InstrumentRow]:
    """What the broker lists."""
    chain = [option(strike, right) for strike in STRIKES for right in ("CE", "PE")]
    return [
        row("NIFTY 50", exchange="NSE_INDEX", kind="INDEX", expiry=None, lot_size=1, token="1"),
        row("NIFTY26NOVFUT", kind="FUT", expiry=WEEKLY, token="2"),
        row("NIFTY26DECFUT", kind="FUT", expiry=MONTHLY, token="3"),
        row(
            "CRUDEOIL26DECFUT",
            exchange="MCX",
            kind="FUT",
            underlying="CRUDEOIL",
            expiry=date(2026, 12, 18),
            lot_size=100,
            tick_size=Decimal(1),
            token="4",
        ),
        *chain,
        *(option(strike, "CE", MONTHLY) for strike in STRIKES[::4]),
    ]


@pytest.fixture(autouse=True)
def _fresh_calendar() -> Iterator[None]:
    forget_calendar()
    yield
    forget_calendar()


@pytest.fixture
def bus() -> Iterator[BusClient]:
    client = redis_client()
    try:
        client.delete(LAST, STATE)
    except RedisError as error:
        pytest.fail(f"no Redis answers at {settings.REDIS_BUS_URL}: {error}")
    yield client
    client.delete(LAST, STATE)
