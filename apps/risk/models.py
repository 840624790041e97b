"""Halts, flattenings and the day's limits."""

from django.db import models
from django.db.models import F, Q

from apps.risk.querysets import FlattenRequestQuerySet, HaltQuerySet
from bus import clock


class HaltScope(models.TextChoices):
    """How far a halt reaches."""

    PLATFORM = "PLATFORM", "Platform"
    TENANT = "TENANT", "Tenant"
    STRATEGY = "STRATEGY", "Strategy"
    ACCOUNT = "ACCOUNT", "Account"


_SCOPE_HAS_ITS_TARGET = (
    Q(scope="PLATFORM", tenant__isnull=True, strategy__isnull=True, account__isnull=True)
    | Q(scope="TENANT", tenant__isnull=False, strategy__isnull=True, account__isnull=True)
    | Q(scope="STRATEGY", strategy__isnull=False, account__isnull=True)
    | Q(scope="ACCOUNT", account__isnull=False, strategy__isnull=True)
)


class Halt(models.Model):
    """Stops orders that increase risk; exits go on. Released, never deleted."""

    scope = models.CharField(max_length=10, choices=HaltScope)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, null=True, blank=True, related_name="halts")
    strategy = models.ForeignKey(
        "strategies.Strategy", on_delete=models.CASCADE, null=True, blank=True, related_name="halts"
    )
    account = models.ForeignKey(
        "broker_accounts.BrokerAccount", on_delete=models.CASCADE, null=True, blank=True, related_name="halts"
    )
    reason_code = models.CharField(max_length=40, default="OPERATOR")
    reason = models.CharField(max_length=200)
    created_by = models.ForeignKey("users.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    released_by = models.ForeignKey("users.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)

    objects = HaltQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="halt_scope_has_its_target",
                condition=_SCOPE_HAS_ITS_TARGET,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} halt: {self.reason}"


class FlattenRequest(models.Model):
    """Somebody asked for everything of a target to be left. It is done once confirmed: by whoever asked, or for the
    whole platform by a second person within ten minutes. ``trades`` counts those that were asked to leave."""

    scope = models.CharField(max_length=10, choices=HaltScope)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    strategy = models.ForeignKey(
        "strategies.Strategy", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    account = models.ForeignKey(
        "broker_accounts.BrokerAccount", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=200)
    with_halt = models.BooleanField(default=False, help_text="Its entries are halted, too.")
    asked_by = models.ForeignKey("users.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    confirmed_by = models.ForeignKey("users.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    trades = models.PositiveIntegerField(null=True, blank=True)

    objects = FlattenRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(name="flatten_scope_has_its_target", condition=_SCOPE_HAS_ITS_TARGET),
            models.CheckConstraint(
                name="platform_flatten_takes_two",
                condition=~Q(scope="PLATFORM") | Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("asked_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} flatten: {self.reason}"


class DayStop(models.Model):
    """A map's day limit was reached: no entry of that map until the next trading date."""

    strategy_map = models.ForeignKey("strategies.StrategyMap", on_delete=models.CASCADE, related_name="day_stops")
    trading_date = models.DateField()
    reason = models.CharField(max_length=20)
    net_pnl = models.DecimalField(max_digits=16, decimal_places=2)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["strategy_map", "trading_date"], name="one_day_stop_a_day")]

    def __str__(self) -> str:
        return f"{self.trading_date} {self.reason}"
