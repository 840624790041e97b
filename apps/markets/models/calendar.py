"""When each market trades."""

from django.db import models
from django.db.models import F, Q


class SessionKind(models.TextChoices):
    """What sort of session."""

    REGULAR = "REGULAR", "Regular"
    SPECIAL = "SPECIAL", "Special"
    MUHURAT = "MUHURAT", "Muhurat"
    EVENING = "EVENING", "Evening"
    DEMO = "DEMO", "Demo market"


class TradingSession(models.Model):
    """One stretch of trading on one exchange; a date without a row is closed. Operators may edit any row."""

    exchange = models.CharField(max_length=10)
    trading_date = models.DateField()
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=SessionKind, default=SessionKind.REGULAR)
    source = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["exchange", "opens_at"]
        constraints = [
            models.UniqueConstraint(fields=["exchange", "opens_at"], name="one_session_per_opening"),
            models.CheckConstraint(name="session_closes_after_open", condition=Q(closes_at__gt=F("opens_at"))),
        ]
        indexes = [models.Index(fields=["exchange", "closes_at"])]

    def __str__(self) -> str:
        return f"{self.exchange} {self.trading_date} {self.get_kind_display()}"


class CalendarHorizon(models.Model):
    """How far an exchange's calendar has been confirmed; near its end the platform fails closed."""

    exchange = models.CharField(max_length=10, primary_key=True)
    confirmed_through = models.DateField()
    source = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"{self.exchange} through {self.confirmed_through}"
