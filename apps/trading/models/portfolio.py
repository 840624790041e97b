"""What brokers last showed of an account's delivered securities."""

from decimal import Decimal

from django.conf import settings
from django.db import models

from apps.markets.fields import PriceField
from apps.trading.querysets import HoldingQuerySet
from bus import clock


class PortfolioRead(models.Model):
    """When an account's holdings were last read, what went wrong at the last try, and who asked for a new one.

    Times are the wall clock's.
    """

    account = models.OneToOneField("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="portfolio")
    read_at = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"portfolio of {self.account}"


class Holding(models.Model):
    """Delivered securities of one account in one symbol of its broker's; units, ``pledged`` of them as collateral."""

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="holdings")
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    quantity = models.IntegerField()
    pledged = models.IntegerField(default=0)
    average_price = PriceField(default=Decimal(0))
    last_price = PriceField(default=Decimal(0))
    read_at = models.DateTimeField(default=clock.now)

    objects = HoldingQuerySet.as_manager()

    class Meta:
        ordering = ["account", "symbol"]
        constraints = [
            models.UniqueConstraint(fields=["account", "exchange", "symbol"], name="one_holding_per_symbol"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol}"
