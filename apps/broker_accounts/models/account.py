"""Clients' accounts at brokers, their sealed credentials and the day's sessions."""

from django.db import models
from django.db.models import Q

from apps.broker_accounts.querysets import BrokerAccountQuerySet, BrokerSessionQuerySet
from brokers.catalog import SPECS
from bus import clock
from domain.venues import RUPEES


class AccountMode(models.TextChoices):
    """Whether orders of the account move money."""

    PAPER = "PAPER", "Paper"
    LIVE = "LIVE", "Live"


class ModeReason(models.TextChoices):
    """Why the account is in the mode it is in."""

    CHOSEN = "CHOSEN", "Chosen by the client"
    NO_SESSION = "NO_SESSION", "No broker session today"
    SESSION_LOST = "SESSION_LOST", "The broker session was lost"
    OPERATOR = "OPERATOR", "Set by the operator"


class BrokerAccount(models.Model):
    """One client's account at one broker.

    ``wanted_mode`` is what the client chose; ``mode`` is what is in force (LIVE needs today's session). ``shard`` names
    the execution process that owns the account's broker I/O.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="accounts")
    user = models.ForeignKey("users.User", on_delete=models.PROTECT, related_name="accounts")
    broker = models.SlugField(max_length=30)
    client_id = models.CharField(max_length=40, help_text="The broker's own user id.")
    label = models.CharField(max_length=60, blank=True)
    wanted_mode = models.CharField(max_length=5, choices=AccountMode, default=AccountMode.PAPER)
    mode = models.CharField(max_length=5, choices=AccountMode, default=AccountMode.PAPER)
    mode_reason = models.CharField(max_length=20, choices=ModeReason, default=ModeReason.CHOSEN)
    is_active = models.BooleanField(default=True)
    is_feed = models.BooleanField(default=False, help_text="Lends its login to the platform's market feed.")
    shard = models.PositiveSmallIntegerField(default=0)
    sealed_credentials = models.BinaryField(blank=True, default=b"", editable=False)
    credentials_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    flatten_flips = models.BooleanField(
        default=True,
        help_text="Live: bring a position to nothing that an order outside the platform turned to the other side.",
    )
    paper_cash = models.DecimalField(max_digits=16, decimal_places=2, default=1_000_000)
    created_at = models.DateTimeField(default=clock.now)

    objects = BrokerAccountQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "broker", "client_id"], name="broker_client_once_per_tenant"),
            models.CheckConstraint(name="paper_broker_is_paper", condition=~Q(broker="paper") | Q(mode="PAPER")),
        ]

    def __str__(self) -> str:
        return f"{self.label or self.client_id} ({self.broker})"

    @property
    def currency(self) -> str:
        """What the account's money is in; rupees where its broker is not known any more."""
        return SPECS[self.broker].currency if self.broker in SPECS else RUPEES

    @property
    def unit(self) -> str:
        """The currency to write behind an amount: nothing behind rupees, which everything else is in."""
        return "" if self.currency == RUPEES else self.currency


class BrokerSession(models.Model):
    """One sign-in at the broker; the newest usable one of the trading date counts."""

    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="sessions")
    trading_date = models.DateField()
    sealed_token = models.BinaryField(editable=False)
    opened_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    lost_at = models.DateTimeField(null=True, blank=True)
    lost_reason = models.CharField(max_length=200, blank=True)

    objects = BrokerSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["account", "trading_date"])]

    def __str__(self) -> str:
        return f"{self.account} {self.trading_date}"


class LoginAttempt(models.Model):
    """A sign-in that was tried, with what became of it; the readiness board reads it."""

    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="login_attempts")
    at = models.DateTimeField(default=clock.now)
    ok = models.BooleanField()
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.account} {self.code or 'signed in'}"
