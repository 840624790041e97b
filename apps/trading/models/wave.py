"""One signal's fan-out."""

from django.db import models

from bus import clock


class Wave(models.Model):
    """One signal, to all mapped accounts: made once, whoever routes it."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="waves")
    strategy = models.ForeignKey("strategies.Strategy", on_delete=models.PROTECT, related_name="waves")
    signal = models.OneToOneField("strategies.Signal", on_delete=models.PROTECT, related_name="wave")
    kind = models.CharField(max_length=5)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"wave {self.pk} ({self.kind})"


class SkipReason(models.TextChoices):
    """Why an account took no part in a wave."""

    NOT_ENTITLED = "NOT_ENTITLED", "No plan in force that allows it"
    MAP_INACTIVE = "MAP_INACTIVE", "The subscription is switched off"
    ACCOUNT_INACTIVE = "ACCOUNT_INACTIVE", "The account is switched off"
    HALTED = "HALTED", "Halted"
    DAY_STOPPED = "DAY_STOPPED", "The day's limit was reached"
    SESSION_CLOSED = "SESSION_CLOSED", "The market is closed"
    CALENDAR_UNCONFIRMED = "CALENDAR_UNCONFIRMED", "The trading calendar is not confirmed far enough"
    NO_BROKER_SESSION = "NO_BROKER_SESSION", "No broker session today"
    MARGIN = "MARGIN", "Not enough margin"
    LOTS_ROUND_TO_ZERO = "LOTS_ROUND_TO_ZERO", "The lot multiplier leaves no whole lot"
    TOO_LARGE = "TOO_LARGE", "More slices than allowed"
    NO_INSTRUMENT = "NO_INSTRUMENT", "No contract matches the leg"
    NO_PRICE = "NO_PRICE", "No fresh price"
    IN_TRADE = "IN_TRADE", "A trade of this strategy is open"
    NOT_IN_TRADE = "NOT_IN_TRADE", "No trade of this strategy is open"
    PAST_SQUARE_OFF = "PAST_SQUARE_OFF", "The square-off time has passed"


class WaveVerdict(models.Model):
    """What the wave meant for one map: taken, or skipped with the reason."""

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="verdicts")
    strategy_map = models.ForeignKey("strategies.StrategyMap", on_delete=models.CASCADE, related_name="verdicts")
    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="verdicts")
    taken = models.BooleanField()
    reason = models.CharField(max_length=20, choices=SkipReason, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["wave", "strategy_map"], name="one_verdict_per_map"),
            models.CheckConstraint(name="skip_has_a_reason", condition=models.Q(taken=True) | ~models.Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {'taken' if self.taken else self.reason}"
