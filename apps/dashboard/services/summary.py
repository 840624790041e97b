"""Reading one person's board from Postgres and the last prices, always through ``for_user``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount, BrokerSession, ModeReason
from apps.dashboard import marks, wording
from apps.dashboard.marks import Line
from apps.dashboard.services.board import (
    AccountLine,
    Board,
    CheckLine,
    HeldUpLine,
    LegLine,
    LimitLine,
    Total,
    TradeLine,
    WatchLine,
    purse,
)
from apps.dashboard.services.order_lines import READ, broker_name, order_lines
from apps.dashboard.services.prices import Prices
from apps.dashboard.services.recovery import checks_of, halt_lines, held_up_of
from apps.markets import clock
from apps.markets.models import WatchlistItem
from apps.risk.models import DayStop
from apps.risk.services.halts import ActiveHalts
from apps.strategies.models import StrategyMap
from apps.trading.models import Order, Trade, TradeLeg
from apps.users.models import User
from domain.orders import LIVE_TRADES, UNRESOLVED, Mode, Side
from domain.pnl import net_shown
from domain.prices import to_decimal
from domain.venues import RUPEES

MOST_ORDERS = 60
ReadPrices = Callable[[Iterable[int]], Prices]


def build_board(user: User, *, now: datetime, read_prices: ReadPrices, is_feed_stale: bool) -> Board:
    """Return the board of one person at a market time. Prices are asked for once, for all it shows."""
    today = clock.trading_date(now)
    trades, watched = (
        todays_trades(user, today),
        list(WatchlistItem.objects.filter(user=user).select_related("instrument")),
    )
    prices = read_prices({*_held_instruments(trades), *(item.instrument_id for item in watched)})
    lines = board_lines(trades, today, prices)
    live_ids = [trade.pk for trade in trades]
    view = _View(prices, lines, is_feed_stale, checks_of(live_ids), held_up_of(live_ids))
    halts, accounts = ActiveHalts.load(), visible_accounts(user, today)
    return Board(
        at=now,
        accounts=tuple(_account(account, trades, view, halts) for account in accounts),
        trades=tuple(view.trade(trade) for trade in trades),
        orders=tuple(order_lines(todays_orders(user, today)[:MOST_ORDERS])),
        watchlist=tuple(view.watch(item) for item in watched),
        totals=tuple(view.total(mode, currency, trades) for mode, currency in _purses(accounts, trades)),
        lines=lines,
    )


def _purses(accounts: Sequence[BrokerAccount], trades: Sequence[Trade]) -> list[tuple[Mode, str]]:
    """Return the sums to show: rupees always, another currency in the modes somebody has an account or a trade in."""
    others = {(one.mode, one.currency) for one in accounts} | {(one.mode, one.account.currency) for one in trades}
    foreign = sorted({currency for _, currency in others} - {RUPEES})
    return [(mode, RUPEES) for mode in Mode] + [
        (mode, currency) for currency in foreign for mode in Mode if (mode, currency) in others
    ]


def todays_trades(user: User, today: date) -> list[Trade]:
    """Return the trades a person may see that are live or of today, newest first."""
    wanted = Q(status__in=LIVE_TRADES) | Q(trading_date=today)
    legs = Prefetch("legs", TradeLeg.objects.select_related("instrument"))
    return list(
        Trade.objects.for_user(user)
        .filter(wanted)
        .select_related("account__user", "strategy")
        .prefetch_related(legs)
        .order_by("-id")
    )


def todays_orders(user: User, today: date) -> QuerySet[Order]:
    """Return the orders a person may see that may still change or are of today, newest first."""
    wanted = Q(status__in=UNRESOLVED) | Q(intent__trade__trading_date=today)
    return Order.objects.for_user(user).filter(wanted).select_related(*READ).order_by("-id")


def visible_accounts(user: User, today: date) -> list[BrokerAccount]:
    """Return the accounts in use a person may see, with their sessions and last known funds."""
    sessions = Prefetch(
        "sessions",
        BrokerSession.objects.usable(),
        to_attr="usable_sessions",
    )
    stopped = Exists(DayStop.objects.filter(strategy_map=OuterRef("pk"), trading_date=today))
    active = StrategyMap.objects.filter(is_active=True).select_related("strategy")
    limits = Prefetch("maps", active.annotate(is_stopped=stopped), to_attr="active_maps")
    found = BrokerAccount.objects.for_user(user).active().select_related("user")
    return list(found.prefetch_related(sessions, limits, "states").order_by("id"))


def board_lines(trades: Sequence[Trade], today: date, prices: Prices) -> dict[str, Line]:
    """Return every figure of the board that moves with prices, as lines by key."""
    lines: dict[str, Line] = {}
    days: dict[str, list[Line]] = {mode: [] for mode in Mode}  # by purse: no two currencies in one
    opens: dict[str, list[Line]] = {mode: [] for mode in Mode}
    accounts: dict[str, list[Line]] = {}
    for trade in trades:
        legs = {leg.pk: _leg_line(leg) for leg in trade.legs.all()}
        lines.update({f"leg:{key}": line for key, line in legs.items()})
        lines[f"trade:{trade.pk}"] = marks.add(legs.values())
        net = marks.add([_day_line(trade, today, prices), marks.money_line(-trade.charges)])
        kept = purse(trade.mode, trade.account.currency)
        days.setdefault(kept, []).append(net)
        accounts.setdefault(f"account:{trade.account_id}:{trade.mode}", []).append(net)
        if trade.strategy_map_id is not None:
            accounts.setdefault(f"map:{trade.strategy_map_id}", []).append(net)
        if trade.status in LIVE_TRADES:
            opens.setdefault(kept, []).append(lines[f"trade:{trade.pk}"])
    lines.update({f"day:{kept}": marks.add(parts) for kept, parts in days.items()})
    lines.update({f"open:{kept}": marks.add(parts) for kept, parts in opens.items()})
    lines.update({key: marks.add(parts) for key, parts in accounts.items()})
    return lines


def _held_instruments(trades: Iterable[Trade]) -> set[int]:
    return {leg.instrument_id for trade in trades if trade.status in LIVE_TRADES for leg in trade.legs.all()}


def _leg_line(leg: TradeLeg, reference: Decimal | None = None) -> Line:
    return marks.leg_line(
        instrument_id=leg.instrument_id,
        side=Side(leg.side),
        entry_quantity=leg.entry_quantity,
        entry_value=leg.entry_value,
        exit_quantity=leg.exit_quantity,
        exit_value=leg.exit_value,
        multiplier=leg.instrument.multiplier,
        reference=reference,
    )


def _day_line(trade: Trade, today: date, prices: Prices) -> Line:
    """Today's part of a trade's profit: all of it, or for one carried in, what it made since yesterday's close."""
    if trade.trading_date >= today:
        return marks.add(_leg_line(leg) for leg in trade.legs.all())
    return marks.add(_leg_line(leg, _yesterday(leg, prices)) for leg in trade.legs.all())


def _yesterday(leg: TradeLeg, prices: Prices) -> Decimal | None:
    tick = prices.ticks.get(leg.instrument_id)
    return to_decimal(tick.close) if tick is not None and tick.close > 0 else None


class _View:
    """Turns rows into lines at one set of prices."""

    def __init__(
        self,
        prices: Prices,
        lines: Mapping[str, Line],
        is_feed_stale: bool,
        checks: Mapping[int, tuple[CheckLine, ...]],
        held_up: Mapping[int, tuple[HeldUpLine, ...]],
    ) -> None:
        self.checks, self.held_up = checks, held_up
        self.prices = prices
        self.lines = lines
        self.is_feed_stale = is_feed_stale
        self._scaled = prices.scaled

    def money(self, key: str) -> Decimal | None:
        line = self.lines.get(key)
        return Decimal(0) if line is None else marks.rupees(line.paise(self._scaled))

    def watch(self, item: WatchlistItem) -> WatchLine:
        mark = self.prices.mark(item.instrument_id, is_feed_stale=self.is_feed_stale)
        name, detail = wording.contract_words(item.instrument)
        return WatchLine(
            id=item.pk,
            instrument_id=item.instrument_id,
            symbol=item.instrument.symbol,
            exchange=item.instrument.exchange,
            name=name,
            detail=detail,
            mark=mark,
            decimals=item.instrument.decimals,
        )

    def leg(self, leg: TradeLeg) -> LegLine:
        name, detail = wording.contract_words(leg.instrument)
        return LegLine(
            id=leg.pk,
            instrument_id=leg.instrument_id,
            symbol=leg.instrument.symbol,
            exchange=leg.instrument.exchange,
            name=name,
            detail=detail,
            side=leg.side,
            quantity=leg.quantity,
            open_quantity=leg.open_quantity,
            lots=Decimal(leg.quantity) / leg.instrument.lot_size,
            entry_price=leg.entry_price,
            exit_price=leg.exit_price,
            mark=self.prices.mark(leg.instrument_id, is_feed_stale=self.is_feed_stale),
            pnl=self.money(f"leg:{leg.pk}"),
            stop_price=leg.stop_price,
            target_price=leg.target_price,
            trail_price=leg.trail_price,
            decimals=leg.instrument.decimals,
        )

    def trade(self, trade: Trade) -> TradeLine:
        legs = tuple(self.leg(leg) for leg in trade.legs.all())
        is_open, pnl = trade.status in LIVE_TRADES, self.money(f"trade:{trade.pk}")
        return TradeLine(
            id=trade.pk,
            account_id=trade.account_id,
            account=trade.account.label or trade.account.client_id,
            owner=trade.account.user.name or trade.account.user.email,
            strategy=trade.strategy.name,
            mode=trade.mode,
            status=trade.status,
            words=wording.trade_words(trade.status),
            legs=legs,
            pnl=pnl,
            charges=trade.charges,
            net_pnl=None if pnl is None else net_shown(gross=pnl, charges=trade.charges),
            is_stale=any(leg.mark.is_stale for leg in legs if leg.open_quantity),
            is_open=is_open,
            can_exit=is_open,
            close_reason=wording.close_words(trade.close_reason),
            square_off_at=trade.square_off_at,
            opened_at=trade.opened_at or trade.created_at,
            closed_at=trade.closed_at,
            unit=trade.account.unit,
            broker=broker_name(trade.account.broker),
            checks=self.checks.get(trade.pk, ()),
            held_up=self.held_up.get(trade.pk, ()),
        )

    def total(self, mode: Mode, currency: str, trades: Sequence[Trade]) -> Total:
        mine = [trade for trade in trades if (trade.mode, trade.account.currency) == (mode, currency)]
        kept = purse(mode, currency)
        live = [trade for trade in mine if trade.status in LIVE_TRADES]
        held = [leg.instrument_id for trade in live for leg in trade.legs.all() if leg.open_quantity]
        return Total(
            mode=mode.value,
            currency=currency,
            day=self.money(f"day:{kept}"),
            open=self.money(f"open:{kept}"),
            charges=sum((trade.charges for trade in mine), Decimal(0)),
            trades=len(mine),
            open_trades=len(live),
            is_stale=any(self.prices.mark(key, is_feed_stale=self.is_feed_stale).is_stale for key in held),
        )


def _account(account: BrokerAccount, trades: Sequence[Trade], view: _View, halts: ActiveHalts) -> AccountLine:
    forced = account.mode_reason in (ModeReason.NO_SESSION, ModeReason.SESSION_LOST)
    maps: list[StrategyMap] = getattr(account, "active_maps", [])
    names = {own.strategy_id: own.strategy.name for own in maps}
    state = next((state for state in account.states.all() if state.mode == account.mode), None)
    funds = state.available_funds if state is not None else None
    return AccountLine(
        id=account.pk,
        label=account.label or account.client_id,
        broker=account.broker,
        client_id=account.client_id,
        owner=account.user.name or account.user.email,
        mode=account.mode,
        wanted_mode=account.wanted_mode,
        mode_reason=account.mode_reason,
        mode_text=wording.mode_words(account.mode_reason),
        is_forced=forced,
        session_seconds=_session_left(account),
        needs_session=account.broker != "paper",
        funds=account.paper_cash if funds is None and account.mode == Mode.PAPER else funds,
        error=state.error if state is not None else "",
        open_trades=sum(1 for trade in trades if trade.account_id == account.pk and trade.status in LIVE_TRADES),
        pnl=view.money(f"account:{account.pk}:{account.mode}"),
        limits=tuple(_limit(own, view) for own in maps if own.day_loss_limit is not None),
        halts=halt_lines(
            halts.of_account(tenant_id=account.tenant_id, account_id=account.pk, strategy_ids=names), names=names
        ),
        unit=account.unit,
    )


def _limit(own: StrategyMap, view: _View) -> LimitLine:
    lost = -(view.money(f"map:{own.pk}") or Decimal(0))
    return LimitLine(
        map_id=own.pk,
        strategy=own.strategy.name,
        limit=own.day_loss_limit or Decimal(0),
        used=max(lost, Decimal(0)),
        is_stopped=bool(getattr(own, "is_stopped", False)),
    )


def _session_left(account: BrokerAccount) -> float | None:
    sessions: list[BrokerSession] = getattr(account, "usable_sessions", [])
    left = [(session.expires_at - timezone.now()).total_seconds() for session in sessions]
    usable = [seconds for seconds in left if seconds > 0]
    return max(usable, default=None)
