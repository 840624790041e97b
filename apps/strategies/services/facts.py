"""Everything about a strategy's accounts that decides who enters, read in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession
from apps.plans.models import Plan, Subscription
from apps.risk.models import DayStop
from apps.risk.services.halts import ActiveHalts
from apps.strategies.models import Strategy, StrategyMap
from apps.trading.models import AccountState, Trade
from apps.trading.services.names import PAPER


@dataclass(frozen=True, slots=True)
class Facts:
    """The accounts' side of a wave.

    ``plans`` are each user's plans in force, ``accounts`` each user's active accounts, oldest first, ``funds`` the
    rupees last seen free by (account, mode).
    """

    maps: Sequence[StrategyMap]
    plans: Mapping[int, Sequence[Plan]]
    accounts: Mapping[int, Sequence[int]]
    halts: ActiveHalts
    day_stops: Mapping[int, str]
    in_trade: frozenset[int]
    signed_in: frozenset[int]
    funds: Mapping[tuple[int, str], Decimal]


def read_facts(strategy: Strategy, *, on: date) -> Facts:
    """Read the facts of every map of a strategy for a trading date."""
    maps = list(StrategyMap.objects.filter(strategy=strategy).select_related("account__user", "account__tenant"))
    for strategy_map in maps:
        strategy_map.strategy = strategy
    accounts = [strategy_map.account for strategy_map in maps]
    users = {account.user_id for account in accounts}
    return Facts(
        maps=maps,
        plans=_plans(users, strategy, on),
        accounts=_active_accounts(users),
        halts=ActiveHalts.load(),
        day_stops=dict(
            DayStop.objects.filter(strategy_map__in=maps, trading_date=on).values_list("strategy_map_id", "reason")
        ),
        in_trade=_in_trade(strategy),
        signed_in=_signed_in(accounts),
        funds=_funds(accounts),
    )


def _plans(users: Iterable[int], strategy: Strategy, on: date) -> Mapping[int, Sequence[Plan]]:
    rows = Subscription.objects.current(on).filter(user__in=users, plan__tenant_id=strategy.tenant_id)
    found: dict[int, list[Plan]] = defaultdict(list)
    for row in rows.select_related("plan"):
        found[row.user_id].append(row.plan)
    return found


def _active_accounts(users: Iterable[int]) -> Mapping[int, Sequence[int]]:
    rows = BrokerAccount.objects.filter(user__in=users, is_active=True).order_by("pk")
    found: dict[int, list[int]] = defaultdict(list)
    for user_id, account_id in rows.values_list("user_id", "pk"):
        found[user_id].append(account_id)
    return found


def _in_trade(strategy: Strategy) -> frozenset[int]:
    held = Trade.objects.live().filter(strategy=strategy, strategy_map__isnull=False)
    return frozenset(pk for pk in held.values_list("strategy_map_id", flat=True) if pk is not None)


def _signed_in(accounts: Iterable[BrokerAccount]) -> frozenset[int]:
    live = [account.pk for account in accounts if account.mode == AccountMode.LIVE and account.broker != PAPER]
    return frozenset(BrokerSession.objects.usable().filter(account__in=live).values_list("account_id", flat=True))


def _funds(accounts: Iterable[BrokerAccount]) -> Mapping[tuple[int, str], Decimal]:
    rows = AccountState.objects.filter(account__in=[account.pk for account in accounts])
    known = rows.filter(available_funds__isnull=False).values_list("account_id", "mode", "available_funds")
    return {(account_id, mode): funds for account_id, mode, funds in known if funds is not None}
