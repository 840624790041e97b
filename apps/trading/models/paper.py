"""The paper broker's book: what a real broker keeps on its side, so that a crash loses nothing."""

from decimal import Decimal

from django.db import models


class PaperOrder(models.Model):
    """An order in the paper broker's book. ``symbol`` and ``exchange`` are the paper broker's, which are ours."""

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="paper_orders")
    broker_order_id = models.CharField(max_length=40, unique=True)
    client_order_id = models.CharField(max_length=20, unique=True)
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    token = models.CharField(max_length=40)
    side = models.CharField(max_length=4)
    quantity = models.PositiveIntegerField()
    filled_quantity = models.PositiveIntegerField(default=0)
    value = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    product = models.CharField(max_length=4)
    order_type = models.CharField(max_length=6)
    validity = models.CharField(max_length=3)
    price = models.DecimalField(max_digits=14, decimal_places=4)
    trigger_price = models.DecimalField(max_digits=14, decimal_places=4)
    triggered = models.BooleanField(default=False)
    status = models.CharField(max_length=16)
    reason = models.CharField(max_length=200, blank=True)
    modifications = models.PositiveSmallIntegerField(default=0)
    trading_date = models.DateField()
    placed_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["account", "trading_date"])]

    def __str__(self) -> str:
        return self.broker_order_id


class PaperFill(models.Model):
    """An execution in the paper broker's book."""

    order = models.ForeignKey(PaperOrder, on_delete=models.CASCADE, related_name="fills")
    exchange_trade_id = models.CharField(max_length=40, unique=True)
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=14, decimal_places=4)
    filled_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.exchange_trade_id
