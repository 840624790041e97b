"""What a client has paid for."""

from django.db import models
from django.db.models import F, Q

from apps.plans.querysets import SubscriptionQuerySet


class Plan(models.Model):
    """An offer of a tenant."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="plans")
    name = models.CharField(max_length=60)
    max_accounts = models.PositiveSmallIntegerField(default=5)
    allows_live = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="plan_name_unique")]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """A client's plan from one day to another, both included; an open end runs on."""

    user = models.ForeignKey("users.User", on_delete=models.CASCADE, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.CheckConstraint(
                name="subscription_ends_after_start", condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.plan}"
