"""Strategies, who is subscribed to them, and what they said."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from apps.markets.fields import PriceField
from apps.strategies.querysets import SignalQuerySet, StrategyMapQuerySet, StrategyQuerySet
from bus import clock
from domain.prices import FINEST_PRICE

SIDES = [("BUY", "Buy"), ("SELL", "Sell")]
_POSITIVE = [MinValueValidator(Decimal("0.01"))]
_DISTANCE = [MinValueValidator(FINEST_PRICE)]


class LevelKind(models.TextChoices):
    """What a stop or target is measured in."""

    PERCENT = "PERCENT", "Percent of the entry price"
    POINTS = "POINTS", "Points"


class AmountKind(models.TextChoices):
    """What a trade's combined stop or target is measured in."""

    RUPEES = "RUPEES", "Money (rupees, USDT) per lot multiplier 1"
    PERCENT = "PERCENT", "Percent of the premium"


class WordMeaning(models.TextChoices):
    """What ``buy`` or ``sell`` from TradingView means to a strategy."""

    ENTRY = "ENTRY", "Enter"
    EXIT = "EXIT", "Exit"
    IGNORE = "IGNORE", "Ignore"


class Strategy(models.Model):
    """What is traded and how it is left; operators make strategies, clients subscribe accounts to them."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="strategies")
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=60)
    description = models.CharField(max_length=300, blank=True)
    underlying = models.CharField(max_length=30, help_text="What ATM is measured on, for instance NIFTY.")
    exchange = models.CharField(max_length=10, default="NFO")
    product = models.CharField(max_length=4, choices=[("MIS", "MIS"), ("NRML", "NRML"), ("CNC", "CNC")], default="MIS")
    order_type = models.CharField(
        max_length=6,
        choices=[("LIMIT", "Limit at the touch, chased"), ("MARKET", "Protected market (a limit with protection)")],
        default="MARKET",
    )
    on_buy = models.CharField(max_length=6, choices=WordMeaning, default=WordMeaning.ENTRY)
    on_sell = models.CharField(max_length=6, choices=WordMeaning, default=WordMeaning.EXIT)

    stop_kind = models.CharField(max_length=7, choices=LevelKind, default=LevelKind.PERCENT)
    stop_value = PriceField(null=True, blank=True, validators=_DISTANCE)
    target_kind = models.CharField(max_length=7, choices=LevelKind, default=LevelKind.PERCENT)
    target_value = PriceField(null=True, blank=True, validators=_DISTANCE)
    trail_kind = models.CharField(max_length=7, choices=LevelKind, default=LevelKind.PERCENT)
    trail_value = PriceField(null=True, blank=True, validators=_DISTANCE)
    trail_after = PriceField(null=True, blank=True, validators=_DISTANCE)
    trade_stop_kind = models.CharField(max_length=7, choices=AmountKind, default=AmountKind.RUPEES)
    trade_stop_value = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True, validators=_POSITIVE)
    trade_target_kind = models.CharField(max_length=7, choices=AmountKind, default=AmountKind.RUPEES)
    trade_target_value = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, validators=_POSITIVE
    )
    confirm_ticks = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Ticks beyond a level before it counts.",
    )
    buffer_percent = models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0), MaxValueValidator(50)]
    )
    entry_timeout_seconds = models.PositiveIntegerField(default=60)
    keep_partial = models.BooleanField(default=True, help_text="Keep what was filled when the entry times out.")
    square_off_at = models.TimeField(null=True, blank=True, help_text="IST. Empty: carried over.")
    allowed_ips = models.JSONField(
        default=list, blank=True, help_text="Source addresses its webhook accepts; empty: any."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = StrategyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "strategies"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "slug"], name="strategy_slug_unique")]

    def __str__(self) -> str:
        return self.name


class StrategyLeg(models.Model):
    """One leg: an exact symbol, or a strike rule on an expiry rule."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="legs")
    position = models.PositiveSmallIntegerField(default=1)
    side = models.CharField(max_length=4, choices=SIDES)
    lots = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    symbol = models.CharField(max_length=50, blank=True, help_text="Exact canonical symbol; otherwise the rules below.")
    kind = models.CharField(max_length=5, choices=[("OPT", "Option"), ("FUT", "Future")], default="OPT")
    right = models.CharField(max_length=2, choices=[("", "-"), ("CE", "Call"), ("PE", "Put")], blank=True)
    strike_rule = models.CharField(max_length=20, blank=True, help_text="ATM, ATM+2, ATM-1, OTM3, ITM1.")
    expiry_rule = models.CharField(
        max_length=10, default="WEEK0", help_text="WEEK0, WEEK1, MONTH0, FRONT, NEXT, FAR, DTE<=n."
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["strategy", "position"], name="leg_position_unique"),
            models.CheckConstraint(name="leg_has_lots", condition=Q(lots__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.lots} × {self.symbol or f'{self.strike_rule} {self.right} {self.expiry_rule}'}"


class AlgoId(models.Model):
    """The exchange's id of the strategy as an algorithm, which each broker registers for itself."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="algo_ids")
    broker = models.SlugField(max_length=30)
    algo_id = models.CharField(
        max_length=20,
        validators=[RegexValidator(r"^[A-Za-z0-9]+$", "Letters and digits only.")],
        verbose_name="algo id",
    )

    class Meta:
        ordering = ["broker"]
        constraints = [models.UniqueConstraint(fields=["strategy", "broker"], name="one_algo_id_per_broker")]

    def __str__(self) -> str:
        return f"{self.broker}: {self.algo_id}"


class WebhookToken(models.Model):
    """A strategy's secret address; only the hash is kept. A rotated token works until ``valid_until``."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="webhook_tokens")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=clock.now)
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.strategy} {self.created_at:%Y-%m-%d %H:%M}"


class StrategyMap(models.Model):
    """Subscribes one account to one strategy, at its own size and limits."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="maps")
    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="maps")
    lot_multiplier = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(1), validators=[MinValueValidator(Decimal("0.01"))]
    )
    stop_value = PriceField(null=True, blank=True, validators=_DISTANCE)
    target_value = PriceField(null=True, blank=True, validators=_DISTANCE)
    day_loss_limit = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True, validators=_POSITIVE)
    day_target = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True, validators=_POSITIVE)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = StrategyMapQuerySet.as_manager()

    class Meta:
        ordering = ["strategy", "account"]
        constraints = [
            models.UniqueConstraint(fields=["strategy", "account"], name="account_mapped_once"),
            models.CheckConstraint(name="map_multiplier_positive", condition=Q(lot_multiplier__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.account} ← {self.strategy}"


class SignalKind(models.TextChoices):
    """What the strategy wants."""

    ENTRY = "ENTRY", "Entry"
    EXIT = "EXIT", "Exit"


class SignalStatus(models.TextChoices):
    """What became of the signal."""

    ACCEPTED = "ACCEPTED", "Accepted"
    ROUTED = "ROUTED", "Routed"
    IGNORED = "IGNORED", "Ignored"
    EXPIRED = "EXPIRED", "Expired before it was routed"


class Signal(models.Model):
    """What a strategy or a webhook said, for nobody yet. One row per (strategy, dedupe key), whatever is re-sent."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="signals")
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="signals")
    kind = models.CharField(max_length=5, choices=SignalKind)
    source = models.CharField(max_length=20, default="tradingview")
    dedupe_key = models.CharField(max_length=100)
    payload = models.JSONField(default=dict)
    raw_body = models.TextField(blank=True)
    source_ip = models.GenericIPAddressField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=SignalStatus, default=SignalStatus.ACCEPTED)
    reason = models.CharField(max_length=100, blank=True)
    received_at = models.DateTimeField()
    routed_at = models.DateTimeField(null=True, blank=True)

    objects = SignalQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["strategy", "dedupe_key"], name="signal_said_once")]
        indexes = [models.Index(fields=["status"], condition=Q(status="ACCEPTED"), name="signal_waiting")]

    def __str__(self) -> str:
        return f"{self.kind} {self.strategy} #{self.pk}"
