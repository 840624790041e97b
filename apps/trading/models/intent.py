"""What one account will trade."""

from django.db import models
from django.db.models import Q

from apps.trading.models.trade import MODES, REASONS, SIDES
from apps.trading.querysets import IntentQuerySet
from bus import clock
from domain.orders import IntentKind, IntentStatus

KINDS = [(kind.value, kind.value.title()) for kind in IntentKind]
STATUSES = [(status.value, status.value.title()) for status in IntentStatus]


class Intent(models.Model):
    """One entry or exit of one leg. Postgres keeps it unique: N deliveries of a signal are one entry, and a leg has one
    open exit, into which every further trigger merges (``urgency``: smaller is more urgent)."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.PROTECT, related_name="intents")
    signal = models.ForeignKey("strategies.Signal", on_delete=models.PROTECT, null=True, related_name="intents")
    wave = models.ForeignKey("trading.Wave", on_delete=models.PROTECT, null=True, related_name="intents")
    trade = models.ForeignKey("trading.Trade", on_delete=models.PROTECT, related_name="intents")
    leg = models.ForeignKey("trading.TradeLeg", on_delete=models.PROTECT, related_name="intents")
    kind = models.CharField(max_length=5, choices=KINDS)
    side = models.CharField(max_length=4, choices=SIDES)
    quantity = models.PositiveIntegerField()
    mode = models.CharField(max_length=5, choices=MODES)
    status = models.CharField(max_length=8, choices=STATUSES, default=IntentStatus.NEW)
    reason = models.CharField(max_length=20, choices=REASONS, blank=True)
    urgency = models.PositiveSmallIntegerField(default=99)
    filled_quantity = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="Not before this, on the wall clock.")
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = IntentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "signal", "leg"], condition=Q(kind="ENTRY"), name="one_entry_per_signal_and_leg"
            ),
            models.UniqueConstraint(
                fields=["leg"],
                condition=Q(kind="EXIT", status__in=["NEW", "WORKING", "BLOCKED"]),
                name="one_open_exit_per_leg",
            ),
            models.CheckConstraint(name="intent_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(name="entry_has_a_signal", condition=Q(kind="EXIT") | Q(signal__isnull=False)),
        ]
        indexes = [models.Index(fields=["account", "status"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.side} {self.quantity} #{self.pk}"
