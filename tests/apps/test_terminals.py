"""A MetaTrader 5 account beside others: its terminal's contracts, money in dollars, what the ledger cannot keep."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import orjson
import pytest

from apps.markets.models import Instrument
from apps.markets.services.calendar import forget_calendar
from apps.markets.services.instrument_sync import sync_instruments
from apps.strategies.models import Signal, StrategyLeg, StrategyMap
from apps.strategies.services.routing import route
from apps.trading.models import Trade
from brokers.mt5.instruments import listed
from brokers.mt5.protocol import Symbol
from bus.connection import redis_client
from bus.ticks import LAST
from tests.brokers.mt5 import words
from tests.brokers.mt5.test_mapping import EURO
from tests.cast import Cast, make_account, make_strategy, publish_price, sign_in
from workers.bridge_room import desk_of, own_thread
from workers.desk import steps

pytestmark = pytest.mark.django_db

SUNDAY_NIGHT = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clean_market() -> Iterator[None]:
    forget_calendar()
    redis_client().delete(LAST)
    yield
    forget_calendar()
    redis_client().delete(LAST)


def synced(*symbols: dict[str, object]) -> None:
    rows, _ = listed([msgspec.json.decode(orjson.dumps(one), type=Symbol) for one in symbols])
    sync_instruments(broker="mt5", rows=rows, now=SUNDAY_NIGHT)


@pytest.fixture
def gold() -> Instrument:
    synced(words.SYMBOL, EURO)
    found = Instrument.objects.get(exchange="MT5", symbol="XAUUSD")
    publish_price(found, "4100.01")
    return found


def test_gold_is_bought_by_the_terminals_account_in_steps_of_its_volume(cast: Cast, gold: Instrument):
    account = make_account(cast.trader, "mt5", "5001", mode="LIVE")
    sign_in(account)
    strategy = make_strategy(
        cast.tenant,
        name="Gold",
        slug="gold",
        exchange="MT5",
        underlying="XAUUSD",
        product="NRML",
        square_off_at=None,
    )
    StrategyLeg.objects.filter(strategy=strategy).update(symbol="XAUUSD", side="SELL", lots=25)
    for one in (account, cast.account):
        StrategyMap.objects.create(strategy=strategy, account=one)
    signal = Signal.objects.create(
        tenant=strategy.tenant, strategy=strategy, kind="ENTRY", dedupe_key="g1", received_at=SUNDAY_NIGHT
    )
    wave = route(signal.pk, now=SUNDAY_NIGHT)
    assert wave is not None
    verdict = wave.verdicts.get(account=account)
    assert verdict.taken, verdict.detail
    leg = Trade.objects.get(account=account).legs.get()
    assert (leg.instrument, leg.quantity) == (gold, 25)
    assert not wave.verdicts.get(account=cast.account).taken
    assert account.currency == "USD"


def test_a_pair_of_five_digits_is_listed_beside_gold(gold: Instrument):
    ticks = dict(Instrument.objects.filter(exchange="MT5").values_list("symbol", "tick_size"))
    assert ticks == {"XAUUSD": Decimal("0.01"), "EURUSD": Decimal("0.00001")}
    assert steps("mt5")("MT5", "XAUUSD") == Decimal(1)


def test_only_brokers_whose_terminals_call_us_have_a_room(cast: Cast):
    rooms = {slug: desk_of(slug, cast.account.pk, own_thread) for slug in ("mt5", "zerodha", "paper", "nobody")}
    assert [slug for slug, room in rooms.items() if room is not None] == ["mt5"]
