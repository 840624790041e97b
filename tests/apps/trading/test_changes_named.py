"""Changes of resting orders speak the serving broker's language."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.markets.models import BrokerInstrument
from apps.trading.models import Order
from apps.trading.services import chase
from apps.trading.services.chase import Step
from brokers.catalog import SPECS
from tests.apps.trading.conftest import Shard, enter
from tests.cast import Cast, publish_price


def _resting(cast: Cast, shard: Shard, now: datetime, accounts: list[object]) -> None:
    """Entries rest at both brokers, and the market leaves them behind."""
    enter(cast, now, accounts=accounts)
    shard.run(lambda: Order.objects.filter(status="OPEN").count() == len(accounts))
    publish_price(cast.call, "110")
    shard.clock.ahead = timedelta(seconds=settings.CHASE_SECONDS + 1)


def _steps(cast: Cast, shard: Shard) -> dict[str, Step]:
    lanes = frozenset({(cast.account.pk, "LIVE"), (cast.paper_account.pk, "PAPER")})
    found = chase.next_steps(shard=0, ready=lanes, specs=SPECS, wall=shard.clock())
    return {step.lane[1]: step for step in found}


def _words(step: Step) -> tuple[str, str, str]:
    assert step.change is not None
    return step.change.exchange, step.change.symbol, step.change.token


def test_a_change_names_the_contract_as_its_broker_does(cast: Cast, shard: Shard, now: datetime) -> None:
    _resting(cast, shard, now, [cast.account, cast.paper_account])
    BrokerInstrument.objects.filter(instrument=cast.call).update(exchange="NFO-Z")
    name = BrokerInstrument.objects.get(instrument=cast.call)
    BrokerInstrument.objects.create(
        broker="flattrade", instrument=cast.call, exchange="NFO", symbol="ELSEWHERE", token="1"
    )
    steps = _steps(cast, shard)
    assert name.symbol != cast.call.symbol
    assert _words(steps["LIVE"]) == ("NFO-Z", name.symbol, name.token)
    assert _words(steps["PAPER"]) == (cast.call.exchange, cast.call.symbol, str(cast.call.pk))


def test_names_are_read_at_once_for_all(cast: Cast, shard: Shard, now: datetime) -> None:
    _resting(cast, shard, now, [cast.account, cast.paper_account])
    with CaptureQueriesContext(connection) as asked:
        assert len(_steps(cast, shard)) == 2
    assert sum("markets_brokerinstrument" in query["sql"] for query in asked.captured_queries) == 1


def test_a_contract_the_broker_no_longer_lists_is_still_followed(cast: Cast, shard: Shard, now: datetime) -> None:
    _resting(cast, shard, now, [cast.account])
    BrokerInstrument.objects.filter(instrument=cast.call).delete()
    change = _steps(cast, shard)["LIVE"].change
    assert change is not None
    assert (change.exchange, change.symbol, change.token) == (cast.call.exchange, "", "")
    assert change.price is not None
    assert change.price > Decimal(110)


def test_the_names_reach_the_wire(cast: Cast, shard: Shard, now: datetime) -> None:
    _resting(cast, shard, now, [cast.account])
    broker = shard.broker(cast.account)
    shard.run(lambda: bool(broker.modified))
    assert broker.modified[0][1].symbol == broker.placed[0].symbol == f"Z{cast.call.symbol}"
