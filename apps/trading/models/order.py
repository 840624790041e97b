"""One wire request and the broker's side of it, and the executions it gained."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from apps.markets.fields import PriceField
from apps.trading.models.trade import SIDES
from apps.trading.querysets import FillQuerySet, OrderQuerySet
from bus import clock
from domain.orders import ID_LENGTH, UNRESOLVED, OrderStatus, OrderType

STATUSES = [(status.value, status.value.replace("_", " ").title()) for status in OrderStatus]
TYPES = [(kind.value, kind.value) for kind in OrderType]
UNRESOLVED_VALUES = sorted(status.value for status in UNRESOLVED)


class Order(models.Model):
    """One slice of an intent on the wire. ``client_order_id`` is random, stored before the send, and is the tag the
    broker gives back. Prices are rupees, quantities units; ``epoch`` is the lease under which it was claimed."""

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.PROTECT, related_name="orders")
    intent = models.ForeignKey("trading.Intent", on_delete=models.PROTECT, related_name="orders")
    instrument = models.ForeignKey("markets.Instrument", on_delete=models.PROTECT, related_name="+")
    slice_number = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    client_order_id = models.CharField(max_length=20, unique=True)
    broker_order_id = models.CharField(max_length=ID_LENGTH, blank=True)
    side = models.CharField(max_length=4, choices=SIDES)
    quantity = models.PositiveIntegerField()
    product = models.CharField(max_length=4)
    order_type = models.CharField(max_length=6, choices=TYPES)
    validity = models.CharField(max_length=3, default="DAY")
    price = PriceField(default=Decimal(0))
    trigger_price = PriceField(default=Decimal(0))
    status = models.CharField(max_length=16, choices=STATUSES, default=OrderStatus.PENDING)
    filled_quantity = models.PositiveIntegerField(default=0)
    average_price = PriceField(default=Decimal(0))
    charges = models.DecimalField(max_digits=14, decimal_places=4, default=Decimal(0))
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    epoch = models.PositiveBigIntegerField(default=0)
    modifications = models.PositiveSmallIntegerField(default=0)
    changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When its price was last set, on the wall clock."
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    absent_reads = models.PositiveSmallIntegerField(default=0)
    last_absent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True, help_text="When it was claimed, on the wall clock.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["intent", "slice_number", "attempt"], name="attempt_once"),
            models.UniqueConstraint(
                fields=["intent", "slice_number"],
                condition=Q(status__in=UNRESOLVED_VALUES),
                name="one_unresolved_order_per_slice",
            ),
            models.UniqueConstraint(
                fields=["account", "broker_order_id"], condition=~Q(broker_order_id=""), name="broker_order_once"
            ),
            models.CheckConstraint(name="order_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(name="order_never_overfilled", condition=Q(filled_quantity__lte=F("quantity"))),
        ]
        indexes = [
            models.Index(fields=["account", "status"]),
            models.Index(fields=["status"], condition=Q(status__in=UNRESOLVED_VALUES), name="order_unresolved"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.client_order_id}"

    @property
    def remaining(self) -> int:
        """Units not filled."""
        return self.quantity - self.filled_quantity


class Fill(models.Model):
    """One execution; the exchange's trade id makes it count once per account."""

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.PROTECT, related_name="fills")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    exchange_trade_id = models.CharField(max_length=ID_LENGTH)
    quantity = models.PositiveIntegerField()
    price = PriceField()
    filled_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)

    objects = FillQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "exchange_trade_id"], name="fill_once"),
            models.CheckConstraint(name="fill_quantity_positive", condition=Q(quantity__gt=0)),
        ]
        indexes = [models.Index(fields=["account", "recorded_at"], name="fill_by_time")]

    def __str__(self) -> str:
        return f"{self.quantity} @ {self.price}"
