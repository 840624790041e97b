"""The paper broker's book: what a real broker keeps on its side, so that a crash loses nothing.

The rows mirror ``brokers.paper.book``; only the store in ``apps.trading.services.paper_book`` writes them.
"""

from decimal import Decimal

from django.db import models

from apps.markets.fields import PriceField


class PaperAccount(models.Model):
    """The head of one account's paper book; ``version`` counts the changes applied to it."""

    account = models.OneToOneField("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="paper")
    cash = models.DecimalField(max_digits=18, decimal_places=4)
    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"paper book of {self.account}"


class PaperOrder(models.Model):
    """An order in the paper broker's book. ``symbol`` and ``exchange`` are the paper broker's, which are ours."""

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="paper_orders")
    order_id = models.CharField(max_length=40)
    client_order_id = models.CharField(max_length=20)
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=4)
    quantity = models.PositiveIntegerField()
    product = models.CharField(max_length=4)
    order_type = models.CharField(max_length=6)
    validity = models.CharField(max_length=3)
    price = PriceField()
    trigger_price = PriceField()
    status = models.CharField(max_length=16)
    placed_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    filled_quantity = models.PositiveIntegerField(default=0)
    filled_value = PriceField(max_digits=26, default=Decimal(0))
    is_triggered = models.BooleanField(default=False)
    matched_at = models.DateTimeField(null=True, blank=True)
    modifications = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "order_id"], name="paper_order_once"),
            models.UniqueConstraint(fields=["account", "client_order_id"], name="paper_tag_once"),
        ]
        indexes = [models.Index(fields=["account", "placed_at"])]

    def __str__(self) -> str:
        return self.order_id


class PaperFill(models.Model):
    """An execution in the paper broker's book."""

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="paper_fills")
    trade_id = models.CharField(max_length=40)
    order_id = models.CharField(max_length=40)
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    side = models.CharField(max_length=4)
    quantity = models.PositiveIntegerField()
    price = PriceField()
    filled_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["account", "trade_id"], name="paper_fill_once")]

    def __str__(self) -> str:
        return self.trade_id


class PaperPosition(models.Model):
    """Net position in the paper broker's book."""

    account = models.ForeignKey(
        "broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="paper_positions"
    )
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    product = models.CharField(max_length=4)
    quantity = models.IntegerField()
    average_price = PriceField()
    last_price = PriceField()
    multiplier = models.DecimalField(max_digits=12, decimal_places=6)
    realized = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "exchange", "symbol", "product"], name="paper_position_once")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol}"
