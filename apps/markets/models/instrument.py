"""Contracts, and each broker's names for them."""

from decimal import Decimal

from django.db import models

from apps.markets.fields import PriceField
from apps.markets.querysets import InstrumentQuerySet
from bus import clock
from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.prices import decimals_of

EXCHANGES = [(value.value, value.value) for value in Exchange]
KINDS = [(value.value, value.name.title()) for value in Kind]
RIGHTS = [("", "-"), ("CE", "Call"), ("PE", "Put")]


class Instrument(models.Model):
    """A contract. The key is exchange, underlying, expiry, kind, strike, right; the symbol is a view of it.

    ``lot_size`` and ``freeze_quantity`` are units and belong to the contract; ``multiplier`` is money per unit per
    1 of price: rupees, or the currency of ``domain.venues`` where the exchange is not Indian.
    """

    exchange = models.CharField(max_length=10, choices=EXCHANGES)
    underlying = models.CharField(max_length=30)
    kind = models.CharField(max_length=5, choices=KINDS)
    expiry = models.DateField(null=True, blank=True)
    strike = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    right = models.CharField(max_length=2, choices=RIGHTS, blank=True)
    symbol = models.CharField(max_length=50)
    name = models.CharField(max_length=100, blank=True)
    lot_size = models.PositiveIntegerField(default=1)
    tick_size = PriceField(default=Decimal("0.05"))
    freeze_quantity = models.PositiveIntegerField(null=True, blank=True)
    multiplier = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(1))
    is_active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = InstrumentQuerySet.as_manager()

    class Meta:
        ordering = ["exchange", "underlying", "expiry", "strike", "right"]
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "underlying", "expiry", "kind", "strike", "right"],
                name="instrument_key",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(fields=["exchange", "symbol"], name="instrument_symbol"),
            models.CheckConstraint(
                name="instrument_sizes", condition=models.Q(lot_size__gt=0, tick_size__gt=0, multiplier__gt=0)
            ),
        ]
        indexes = [models.Index(fields=["underlying", "kind", "expiry", "right", "strike"])]

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}"

    @property
    def decimals(self) -> int:
        """How many decimals its prices are written with."""
        return decimals_of(self.tick_size)

    @property
    def key(self) -> InstrumentKey:
        """The contract's identity."""
        return InstrumentKey(
            exchange=Exchange(self.exchange),
            underlying=self.underlying,
            kind=Kind(self.kind),
            expiry=self.expiry,
            strike=self.strike,
            right=Right(self.right),
        )


LONGEST_NAME = 80
"""Characters of a broker's symbol or token: an index at Upstox is named by its words."""


class BrokerInstrument(models.Model):
    """What one broker calls the contract."""

    broker = models.SlugField(max_length=30)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="broker_names")
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=LONGEST_NAME)
    token = models.CharField(max_length=LONGEST_NAME)
    seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["broker", "instrument"], name="one_name_per_broker"),
            models.UniqueConstraint(fields=["broker", "exchange", "symbol"], name="broker_symbol_once"),
        ]
        indexes = [models.Index(fields=["broker", "token"])]

    def __str__(self) -> str:
        return f"{self.broker}:{self.symbol}"


class InstrumentSync(models.Model):
    """One reading of a broker's instrument master."""

    broker = models.SlugField(max_length=30)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    retired = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.broker} {self.started_at:%Y-%m-%d %H:%M}"
