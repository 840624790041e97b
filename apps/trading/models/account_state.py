"""What the broker last showed of an account."""

from decimal import Decimal

from django.db import models

from apps.markets.fields import PriceField
from apps.trading.models.trade import MODES
from apps.trading.querysets import ExternalOrderQuerySet, PositionQuerySet
from bus import clock
from domain.orders import ID_LENGTH

SYMBOL_LENGTH = 60
"""What is kept of the name of a contract nobody here ordered."""


class AccountState(models.Model):
    """When an account's books were last read, and what it can spend. Times are the wall clock's.

    ``reconciled_epoch`` is the lease epoch under which the account was reconciled: no entry is sent before that.
    """

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="states")
    mode = models.CharField(max_length=5, choices=MODES)
    reconciled_epoch = models.PositiveBigIntegerField(default=0)
    orders_read_at = models.DateTimeField(null=True, blank=True)
    positions_read_at = models.DateTimeField(null=True, blank=True)
    fills_applied_at = models.DateTimeField(null=True, blank=True)
    funds_read_at = models.DateTimeField(null=True, blank=True)
    available_funds = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    used_funds = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    total_funds = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "mode"], name="one_state_per_mode")]

    def __str__(self) -> str:
        return f"{self.account} {self.mode}"


class Position(models.Model):
    """Net position of one account in one contract as the broker sees it; signed units. Paper and live never mix."""

    account = models.ForeignKey("broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="positions")
    mode = models.CharField(max_length=5, choices=MODES)
    instrument = models.ForeignKey("markets.Instrument", on_delete=models.PROTECT, related_name="+")
    product = models.CharField(max_length=4)
    quantity = models.IntegerField()
    average_price = PriceField(default=Decimal(0))
    last_price = PriceField(null=True, blank=True)
    read_at = models.DateTimeField()

    objects = PositionQuerySet.as_manager()

    class Meta:
        ordering = ["account", "instrument"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "mode", "instrument", "product"], name="one_position_per_product"
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.instrument}"


class ExternalOrder(models.Model):
    """An order in the broker's book that carries none of our tags: shown, counted in the clamp, never touched.

    ``taken_over``: units of it that turned one of our positions round, and that we hold as a trade of their own.
    """

    account = models.ForeignKey(
        "broker_accounts.BrokerAccount", on_delete=models.CASCADE, related_name="external_orders"
    )
    broker_order_id = models.CharField(max_length=ID_LENGTH)
    symbol = models.CharField(max_length=SYMBOL_LENGTH)
    side = models.CharField(max_length=4)
    quantity = models.PositiveIntegerField()
    filled_quantity = models.PositiveIntegerField(default=0)
    taken_over = models.PositiveIntegerField(default=0)
    average_price = PriceField(default=Decimal(0))
    status = models.CharField(max_length=16)
    seen_at = models.DateTimeField(default=clock.now)

    objects = ExternalOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["account", "broker_order_id"], name="external_order_once")]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.symbol}"

    @property
    def theirs(self) -> int:
        """Units filled that are not ours now."""
        return self.filled_quantity - self.taken_over
