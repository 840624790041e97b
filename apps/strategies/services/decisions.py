"""Who enters a wave and at what size, and why not: pure decisions over facts that were read before."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from apps.broker_accounts.models import AccountMode, BrokerAccount
from apps.strategies.models import Strategy, StrategyMap
from apps.strategies.services.exit_plans import exit_plan_of
from apps.strategies.services.facts import Facts
from apps.strategies.services.market import Market, ResolvedLeg
from apps.trading.models import SkipReason
from apps.trading.services.entry import PlannedLeg, PlannedTrade, Skip
from apps.trading.services.names import serving_broker
from brokers.catalog import spec_of
from domain.instruments import Kind
from domain.margin import MarginLeg, estimate
from domain.orders import Product
from domain.sizing import LotsRoundToZero, SizeError, lots_for, slices, units_of
from domain.venues import currency_of


class _Skipped(Exception):
    """This map takes no part."""

    def __init__(self, reason: SkipReason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class EntryDecisions:
    """Decides for every map of a strategy; sizes and margins are worked out once per lot multiplier."""

    def __init__(self, strategy: Strategy, facts: Facts, market: Market, *, now: datetime) -> None:
        self.strategy, self.facts, self.market, self.now = strategy, facts, market, now
        self.deadline = now + timedelta(seconds=strategy.entry_timeout_seconds)
        self._sizes: dict[Decimal, tuple[PlannedLeg, ...] | _Skipped] = {}

    def all(self) -> tuple[list[PlannedTrade], list[Skip]]:
        """Return who enters, and who does not with the first reason that applies."""
        planned: list[PlannedTrade] = []
        skips: list[Skip] = []
        for strategy_map in self.facts.maps:
            try:
                planned.append(self._plan(strategy_map))
            except _Skipped as skipped:
                skips.append(Skip(strategy_map.pk, strategy_map.account_id, skipped.reason, skipped.detail))
        return planned, skips

    def _plan(self, strategy_map: StrategyMap) -> PlannedTrade:
        account = strategy_map.account
        self._check_map(strategy_map)
        self._check_entitled(account)
        self._check_currency(account)
        self._check_stops(strategy_map)
        if self.market.reason:
            raise _Skipped(SkipReason(self.market.reason), self.market.detail)
        self._check_session(account)
        legs = self._sized(strategy_map.lot_multiplier)
        self._check_margin(account, legs)
        return PlannedTrade(
            strategy_map_id=strategy_map.pk,
            account=account,
            product=self._product(account),
            legs=legs,
            exit_plan=exit_plan_of(self.strategy, strategy_map),
            square_off_at=self.market.square_off_at,
            entry_deadline_at=self.deadline,
            trading_date=self.market.trading_date,
        )

    def _check_map(self, strategy_map: StrategyMap) -> None:
        account = strategy_map.account
        if not strategy_map.is_active:
            raise _Skipped(SkipReason.MAP_INACTIVE)
        if not self.strategy.is_active:
            raise _Skipped(SkipReason.MAP_INACTIVE, "The strategy is switched off.")
        if not account.is_active:
            raise _Skipped(SkipReason.ACCOUNT_INACTIVE)
        if not account.user.is_active:
            raise _Skipped(SkipReason.ACCOUNT_INACTIVE, "The client is switched off.")
        if not account.tenant.is_active:
            raise _Skipped(SkipReason.ACCOUNT_INACTIVE, "The platform is switched off.")

    def _check_entitled(self, account: BrokerAccount) -> None:
        """The plan must cover the account (the oldest ones first) and, where money moves, allow that."""
        if account.tenant_id != self.strategy.tenant_id:
            raise _Skipped(SkipReason.NOT_ENTITLED, "The account belongs to another platform.")
        plans = self.facts.plans.get(account.user_id, ())
        if not plans:
            raise _Skipped(SkipReason.NOT_ENTITLED, "No plan in force.")
        oldest = self.facts.accounts.get(account.user_id, ())
        covering = [plan for plan in plans if account.pk in oldest[: plan.max_accounts]]
        if not covering:
            raise _Skipped(SkipReason.NOT_ENTITLED, "More accounts than the plan allows.")
        if account.mode == AccountMode.LIVE and not any(plan.allows_live for plan in covering):
            raise _Skipped(SkipReason.NOT_ENTITLED, "The plan does not allow live trading.")

    def _check_currency(self, account: BrokerAccount) -> None:
        """An account's trades are all of its own currency, so that its sums, limits and funds mean something."""
        ours, theirs = spec_of(account.broker).currency, currency_of(self.strategy.exchange)
        if ours != theirs:
            raise _Skipped(
                SkipReason.NO_INSTRUMENT, f"The account is kept in {ours}, {self.strategy.exchange} trades in {theirs}."
            )

    def _product(self, account: BrokerAccount) -> str:
        """Return the product the account's orders go out as: where its broker has none that ends with the day, one that
        is carried, if we square it off ourselves."""
        wanted, spec = Product(self.strategy.product), spec_of(serving_broker(account.broker, account.mode))
        products = {spec.product_for(leg.instrument.exchange, wanted) for leg in self.market.legs}
        product = products.pop() if len(products) == 1 else None
        if product is None:
            raise _Skipped(SkipReason.NO_INSTRUMENT, f"{spec.name} takes no {wanted} orders in this contract.")
        if product is not wanted and self.market.square_off_at is None:
            why = f"{spec.name} has no {wanted}: positions would be carried, as the strategy has no square-off time."
            raise _Skipped(SkipReason.NO_INSTRUMENT, why)
        return product.value

    def _check_stops(self, strategy_map: StrategyMap) -> None:
        halted = self.facts.halts.reason(
            tenant_id=self.strategy.tenant_id, strategy_id=self.strategy.pk, account_id=strategy_map.account_id
        )
        if halted:
            raise _Skipped(SkipReason.HALTED, halted)
        if strategy_map.pk in self.facts.day_stops:
            raise _Skipped(SkipReason.DAY_STOPPED, self.facts.day_stops[strategy_map.pk])
        if strategy_map.pk in self.facts.in_trade:
            raise _Skipped(SkipReason.IN_TRADE)

    def _check_session(self, account: BrokerAccount) -> None:
        if account.mode == AccountMode.LIVE and account.pk not in self.facts.signed_in:
            raise _Skipped(SkipReason.NO_BROKER_SESSION)

    def _sized(self, multiplier: Decimal) -> tuple[PlannedLeg, ...]:
        if multiplier not in self._sizes:
            try:
                self._sizes[multiplier] = tuple(self._legs(multiplier))
            except _Skipped as skipped:
                self._sizes[multiplier] = skipped
        size = self._sizes[multiplier]
        if isinstance(size, _Skipped):
            raise _Skipped(size.reason, size.detail)
        return size

    def _legs(self, multiplier: Decimal) -> Iterator[PlannedLeg]:
        for leg in self.market.legs:
            yield PlannedLeg(leg.instrument, leg.side, self._quantity(leg, multiplier), leg.limit)

    def _quantity(self, leg: ResolvedLeg, multiplier: Decimal) -> int:
        """Return units that can be sent: whole lots, in no more slices than are allowed at once."""
        instrument = leg.instrument
        try:
            lots = lots_for(base_lots=leg.lots, multiplier=multiplier)
            quantity = units_of(lots, lot_size=instrument.lot_size)
            slices(quantity, instrument.lot_size, instrument.freeze_quantity)
        except LotsRoundToZero as error:
            raise _Skipped(SkipReason.LOTS_ROUND_TO_ZERO, str(error)) from error
        except SizeError as error:
            raise _Skipped(SkipReason.TOO_LARGE, f"{instrument.symbol}: {error}") from error
        return quantity

    def _check_margin(self, account: BrokerAccount, legs: tuple[PlannedLeg, ...]) -> None:
        """Only against funds the broker showed: where nothing is known, the broker's answer decides."""
        funds = self.facts.funds.get((account.pk, account.mode))
        if funds is None:
            return
        needed = estimate(_margin_leg(planned, leg) for planned, leg in zip(legs, self.market.legs, strict=True))
        if needed > funds:
            raise _Skipped(SkipReason.MARGIN, f"About {needed:.0f} is needed, {funds:.0f} is free.")


def _margin_leg(planned: PlannedLeg, leg: ResolvedLeg) -> MarginLeg:
    instrument = leg.instrument
    return MarginLeg(
        kind=Kind(instrument.kind),
        side=leg.side,
        quantity=planned.quantity,
        price=leg.last_price,
        strike=instrument.strike or Decimal(0),
        multiplier=instrument.multiplier,
    )
