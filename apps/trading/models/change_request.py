"""What people asked of orders."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.markets.fields import PriceField
from apps.trading.querysets import ChangeRequestQuerySet
from bus import clock
from domain.order_changes import OPEN_REQUESTS, RequestKind, RequestStatus

KINDS = [(kind.value, kind.value.title()) for kind in RequestKind]
STATUSES = [(status.value, status.value.title()) for status in RequestStatus]


class ChangeRequest(models.Model):
    """One press of a button: to cancel an order or to change it. ``key`` makes a repeated press the same request.

    ``price``, ``trigger_price`` (rupees) and ``quantity`` (the new total, units) are what is wished; null leaves one as
    it is. The times are the wall clock's; ``epoch`` is the lease under which a change was claimed.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(
        "broker_accounts.BrokerAccount", on_delete=models.PROTECT, related_name="change_requests"
    )
    order = models.ForeignKey("trading.Order", on_delete=models.PROTECT, related_name="change_requests")
    kind = models.CharField(max_length=6, choices=KINDS)
    price = PriceField(null=True, blank=True)
    trigger_price = PriceField(null=True, blank=True)
    quantity = models.PositiveIntegerField(null=True, blank=True)
    status = models.CharField(max_length=9, choices=STATUSES, default=RequestStatus.WAITING)
    code = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=300, blank=True)
    key = models.UUIDField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    epoch = models.PositiveBigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ChangeRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["asked_by", "key"], name="request_once_per_key"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(kind=RequestKind.CHANGE, status__in=sorted(OPEN_REQUESTS)),
                name="one_open_change_per_order",
            ),
            models.CheckConstraint(
                name="cancel_wishes_nothing_else",
                condition=~Q(kind=RequestKind.CANCEL)
                | Q(price__isnull=True, trigger_price__isnull=True, quantity__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["account"], condition=Q(status__in=sorted(OPEN_REQUESTS)), name="request_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of order {self.order_id}"
