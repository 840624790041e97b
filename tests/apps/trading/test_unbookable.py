"""Books that cannot be booked are their own account's trouble: every other account's are, in the same round."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.risk.models import Halt
from apps.strategies.models import StrategyMap
from apps.trading.execution import breaker as breakers
from apps.trading.models import AccountState, ExternalOrder, Fill, Trade
from apps.trading.services.clamp import POSITION_MAX_AGE
from apps.trading.services.exit import request_exit_of_trade
from domain.broker import Outcome, Verdict
from domain.orders import ID_LENGTH, ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import ScriptedBroker
from tests.cast import Cast, make_account, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def neighbour(cast: Cast) -> Any:
    """Another account of the same shard, subscribed like the first."""
    account = make_account(cast.trader, "zerodha", "CD2", mode="LIVE")
    sign_in(account)
    cast.maps.append(StrategyMap.objects.create(strategy=cast.strategy, account=account))
    return account


def spoil(broker: ScriptedBroker, **changes: Any) -> None:
    """From now on what is filled when it is placed shows up in the trade book like that."""
    broker.fill_price = Decimal(101)
    place = broker.place

    async def placed(request: Any) -> Outcome:
        outcome = await place(request)
        broker.fills[:] = [replace(fill, **changes) for fill in broker.fills]
        return outcome

    broker.place = placed  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "changes",
    [{"exchange_trade_id": "T" * (ID_LENGTH + 1)}, {"price": Decimal("NaN")}, {"price": Decimal("1e30")}],
    ids=["an endless id", "no number", "too large"],
)
def test_one_accounts_senseless_execution_holds_up_nobody_else(
    cast: Cast, shard: Shard, now: datetime, neighbour: Any, changes: dict[str, Any]
) -> None:
    mine, other = enter(cast, now, accounts=[cast.account, neighbour])
    shard.broker(neighbour).fill_price = Decimal(101)
    spoiled = shard.broker(cast.account)
    spoil(spoiled, **changes)
    shard.run(lambda: Trade.objects.get(pk=other.pk).status == "OPEN")
    shard.settle()
    assert not Fill.objects.filter(order__intent__trade=mine).exists()
    state = AccountState.objects.get(account=cast.account, mode="LIVE")
    assert state.error_code == "UNBOOKABLE"
    assert not AccountState.objects.get(account=neighbour, mode="LIVE").error_code

    spoiled.fills[:] = [replace(fill, exchange_trade_id="T1", price=Decimal(101)) for fill in spoiled.fills]
    shard.run(lambda: Trade.objects.get(pk=mine.pk).status == "OPEN")
    assert not AccountState.objects.get(account=cast.account, mode="LIVE").error_code


def test_an_account_whose_books_stay_senseless_is_halted(
    cast: Cast, shard: Shard, now: datetime, neighbour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakers, "HALT_AFTER", 0.0)
    enter(cast, now, accounts=[cast.account])
    spoil(shard.broker(cast.account), exchange_trade_id="T" * (ID_LENGTH + 1))
    shard.run(lambda: Halt.objects.active().filter(account=cast.account).exists())
    halt = Halt.objects.active().get(account=cast.account)
    assert "cannot be booked" in halt.reason


def test_an_order_id_longer_than_any_is_looked_up_by_its_tag(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.answers.append(Outcome(Verdict.ACKNOWLEDGED, broker_order_id="9" * (ID_LENGTH + 1)))
    shard.run(lambda: statuses(trade) == ["UNKNOWN"])
    assert len(broker.placed) == 1


def test_an_order_a_book_lists_twice_is_noted_once(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal(101)
    shard.run(lambda: bool(broker.book))
    row = next(iter(broker.book.values()))
    for key in ("first", "second"):
        broker.book[key] = replace(row, broker_order_id="7", client_order_id="", symbol="X" * 200)
    shard.run(lambda: ExternalOrder.objects.filter(account=cast.account).exists())
    assert Trade.objects.get(pk=trade.pk).status == "OPEN"


def test_an_exit_goes_while_the_accounts_books_make_no_sense(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal(101)
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "OPEN")
    row = next(iter(broker.book.values()))
    broker.book["endless"] = replace(row, broker_order_id="7" * (ID_LENGTH + 1), client_order_id="")
    shard.run(lambda: AccountState.objects.get(account=cast.account, mode="LIVE").error_code == "UNBOOKABLE")
    shard.clock.ahead += POSITION_MAX_AGE * 2  # what was known of the positions is too old to size an exit by
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: [one.side for one in broker.placed] == ["BUY", "SELL"])
