"""Square-off as a person asks for it: what would be left, the request, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.dashboard.wording import Words, trade_words
from apps.markets import clock
from apps.trading.models import Intent, Order, Trade
from apps.trading.services.exit import request_exit_of_all, request_exit_of_trade
from apps.users.models import User
from domain.orders import OPEN_INTENTS, UNRESOLVED, ExitReason, IntentKind, TradeStatus

ALL_WORD = "EXIT"
_REMEMBER_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class AccountProgress:
    """How far one account's square-off is; ``note`` says what holds it up."""

    account_id: int
    account: str
    trades: int
    closed: int
    orders_open: int
    words: Words
    note: str

    @property
    def is_done(self) -> bool:
        """Whether every asked trade of the account is closed."""
        return self.closed == self.trades


def is_first_time(user: User, key: str) -> bool:
    """Whether this press of the button was not seen before; without the cache every press counts.

    A repeated request is harmless even then: the unique open exit of each leg decides.
    """
    try:
        return bool(cache.add(f"square-off:{user.pk}:{key}", 1, _REMEMBER_SECONDS))
    except RedisError:
        return True


def exit_trade(trade: Trade, *, user: User) -> None:
    """Ask for one trade to be left."""
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=user, now=clock.now())


def exit_all(*, user: User, account_ids: Sequence[int]) -> None:
    """Ask for every live trade of the accounts to be left, as far as the person may see them."""
    request_exit_of_all(user=user, reason=ExitReason.MANUAL, now=clock.now(), account_ids=list(account_ids))


def progress(user: User, trade_ids: Sequence[int]) -> list[AccountProgress]:
    """Return how far each account is with the trades that were asked for."""
    trades = list(
        Trade.objects.for_user(user).filter(pk__in=trade_ids).select_related("account").order_by("account_id", "pk")
    )
    by_account: dict[int, list[Trade]] = {}
    for trade in trades:
        by_account.setdefault(trade.account_id, []).append(trade)
    return [_account_progress(group) for group in by_account.values()]


def _account_progress(trades: list[Trade]) -> AccountProgress:
    ids = [trade.pk for trade in trades]
    closed = sum(1 for trade in trades if trade.status in (TradeStatus.CLOSED, TradeStatus.ENTRY_FAILED))
    last = next(
        (trade for trade in trades if trade.status not in (TradeStatus.CLOSED, TradeStatus.ENTRY_FAILED)), trades[0]
    )
    open_orders = Order.objects.filter(
        intent__trade_id__in=ids, intent__kind=IntentKind.EXIT, status__in=UNRESOLVED
    ).count()
    waiting = (
        Intent.objects.filter(trade_id__in=ids, kind=IntentKind.EXIT, status__in=OPEN_INTENTS).exclude(note="").first()
    )
    return AccountProgress(
        account_id=last.account_id,
        account=last.account.label or last.account.client_id,
        trades=len(trades),
        closed=closed,
        orders_open=open_orders,
        words=trade_words(last.status),
        note=waiting.note if waiting is not None else "",
    )
