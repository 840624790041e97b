"""Trades and their legs."""

from decimal import Decimal

from rest_framework import serializers

from apps.api.fields import MoneyField, PriceField
from apps.api.pnl import Prices, gross_pnl, net_pnl
from apps.trading.models import Trade, TradeLeg


class LegOut(serializers.ModelSerializer[TradeLeg]):
    """One contract of a trade. ``quantity`` is the units ordered, ``open_quantity`` those held now.

    ``entry_price`` and ``exit_price`` are averages over the fills, null before the first.
    """

    instrument = serializers.CharField(source="instrument.symbol", read_only=True)
    exchange = serializers.CharField(source="instrument.exchange", read_only=True)
    open_quantity = serializers.IntegerField(read_only=True)
    entry_price = PriceField(read_only=True)
    exit_price = PriceField(read_only=True)
    last_price = serializers.SerializerMethodField(help_text="Where the contract stands; null without a price.")
    stop_price = PriceField(read_only=True)
    target_price = PriceField(read_only=True)
    trail_price = PriceField(read_only=True)

    class Meta:
        model = TradeLeg
        fields = [
            "instrument",
            "exchange",
            "side",
            "quantity",
            "entry_quantity",
            "exit_quantity",
            "open_quantity",
            "entry_price",
            "exit_price",
            "last_price",
            "stop_price",
            "target_price",
            "trail_price",
        ]
        read_only_fields = fields

    def get_last_price(self, leg: TradeLeg) -> str | None:
        """Return the last price."""
        price = self.context["prices"].get(leg.instrument_id)
        return None if price is None else PriceField().to_representation(price)


class TradeOut(serializers.ModelSerializer[Trade]):
    """One signal's entry-to-exit life in one account.

    ``gross_pnl`` and ``net_pnl`` of a trade that is not over include the unrealised part at the last prices, and are
    null while a contract it holds has none; ``charges`` are those of the fills so far.
    """

    account = serializers.IntegerField(source="account_id", read_only=True)
    strategy = serializers.IntegerField(source="strategy_id", read_only=True)
    strategy_slug = serializers.CharField(source="strategy.slug", read_only=True)
    signal = serializers.IntegerField(source="wave.signal_id", read_only=True)
    legs = LegOut(many=True, read_only=True)
    gross_pnl = serializers.SerializerMethodField()
    charges = MoneyField(read_only=True)
    currency = serializers.CharField(source="account.currency", read_only=True, help_text="Of the amounts: INR, USDT.")
    net_pnl = serializers.SerializerMethodField()

    class Meta:
        model = Trade
        fields = [
            "id",
            "account",
            "strategy",
            "strategy_slug",
            "signal",
            "status",
            "mode",
            "product",
            "legs",
            "gross_pnl",
            "charges",
            "net_pnl",
            "currency",
            "created_at",
            "opened_at",
            "closed_at",
            "square_off_at",
            "close_reason",
        ]
        read_only_fields = fields

    def get_gross_pnl(self, trade: Trade) -> str | None:
        """Return the profit before charges."""
        return _money(gross_pnl(trade, self._prices))

    def get_net_pnl(self, trade: Trade) -> str | None:
        """Return the profit after charges."""
        return _money(net_pnl(trade, self._prices))

    @property
    def _prices(self) -> Prices:
        prices: Prices = self.context["prices"]
        return prices


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else MoneyField().to_representation(amount)
