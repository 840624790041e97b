"""One wave's entry-to-exit life in one account."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from apps.markets.fields import PriceField
from apps.trading.querysets import TradeQuerySet
from bus import clock
from domain.orders import ExitReason, Mode, TradeStatus
from domain.pnl import net_shown

SIDES = [("BUY", "Buy"), ("SELL", "Sell")]
MODES = [(mode.value, mode.value.title()) for mode in Mode]
STATUSES = [(status.value, status.value.replace("_", " ").title()) for status in TradeStatus]
REASONS = [(reason.value, reason.value.replace("_", " ").title()) for reason in ExitReason]


class Trade(models.Model):
    """A position an account took for a strategy, with the rules it is left by.

    ``exit_plan`` is ``domain.exit_plan.ExitPlan`` as JSON, fixed at entry. Money is of the account's
    currency; ``gross_pnl`` and ``charges`` are final once the trade is closed and follow the fills before that.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="trades")
    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.PROTECT, related_name="trades")
    strategy = models.ForeignKey("strategies.Strategy", on_delete=models.PROTECT, related_name="trades")
    strategy_map = models.ForeignKey(
        "strategies.StrategyMap", on_delete=models.SET_NULL, null=True, related_name="trades"
    )
    wave = models.ForeignKey("trading.Wave", on_delete=models.PROTECT, related_name="trades")
    mode = models.CharField(max_length=5, choices=MODES)
    product = models.CharField(max_length=4)
    status = models.CharField(max_length=12, choices=STATUSES, default=TradeStatus.PENDING)
    exit_plan = models.JSONField(default=dict)
    square_off_at = models.DateTimeField(null=True, blank=True)
    entry_deadline_at = models.DateTimeField()
    trading_date = models.DateField()
    gross_pnl = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    charges = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    close_reason = models.CharField(max_length=20, choices=REASONS, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    flip_of = models.ForeignKey(
        "trading.TradeLeg",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="flips",
        help_text="The leg whose position somebody else's order turned round; this trade brings it back to nothing.",
    )
    version = models.PositiveIntegerField(default=0)
    touched_at = models.DateTimeField(default=clock.now, db_index=True, help_text="Wall clock of the last change.")

    objects = TradeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["wave", "strategy_map"], name="one_trade_per_map_and_wave")]
        indexes = [
            models.Index(fields=["account", "status"]),
            models.Index(fields=["strategy_map", "trading_date"]),
            models.Index(fields=["status"], condition=~Q(status__in=["CLOSED", "ENTRY_FAILED"]), name="trade_live"),
        ]

    def __str__(self) -> str:
        return f"trade {self.pk}"

    @property
    def net_pnl(self) -> Decimal:
        """Gross less charges, as shown: to the paisa."""
        return net_shown(gross=self.gross_pnl, charges=self.charges)


class TradeLeg(models.Model):
    """One contract of a trade. Quantities are unsigned units; ``side`` is the entry's side.

    ``entry_value`` and ``exit_value`` are sums of price x quantity over the fills. ``stop_price``, ``target_price`` and
    ``trail_price`` are the levels in force, computed from the actual average entry.
    """

    trade = models.ForeignKey(Trade, on_delete=models.CASCADE, related_name="legs")
    position = models.PositiveSmallIntegerField()
    instrument = models.ForeignKey("markets.Instrument", on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=4, choices=SIDES)
    quantity = models.PositiveIntegerField()
    entry_quantity = models.PositiveIntegerField(default=0)
    entry_value = PriceField(max_digits=26, default=Decimal(0))
    exit_quantity = models.PositiveIntegerField(default=0)
    exit_value = PriceField(max_digits=26, default=Decimal(0))
    stop_price = PriceField(null=True, blank=True)
    target_price = PriceField(null=True, blank=True)
    trail_price = PriceField(null=True, blank=True)
    best_price = PriceField(null=True, blank=True)
    exit_reason = models.CharField(max_length=20, choices=REASONS, blank=True, help_text="Set: this leg must go flat.")
    handed_over = models.BooleanField(default=False, help_text="Closed outside the platform: it is the client's now.")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["trade", "position"], name="leg_once_per_trade"),
            models.CheckConstraint(name="leg_quantity_positive", condition=Q(quantity__gt=0)),
            # The ledger itself refuses to cross zero: no exit can be booked beyond what was entered.
            models.CheckConstraint(name="leg_never_flips", condition=Q(exit_quantity__lte=F("entry_quantity"))),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.instrument}"

    @property
    def open_quantity(self) -> int:
        """Units still held for the platform to leave: none once the leg was handed over."""
        return 0 if self.handed_over else self.unsold_quantity

    @property
    def unsold_quantity(self) -> int:
        """Units entered that no exit of ours took, whoever closed them."""
        return self.entry_quantity - self.exit_quantity

    @property
    def entry_price(self) -> Decimal | None:
        """Average entry price; ``None`` before the first fill."""
        return self.entry_value / self.entry_quantity if self.entry_quantity else None

    @property
    def exit_price(self) -> Decimal | None:
        """Average exit price; ``None`` before the first exit fill."""
        return self.exit_value / self.exit_quantity if self.exit_quantity else None
