"""Orders and fills."""

from rest_framework import serializers

from apps.api.fields import MoneyField, PriceField
from apps.trading.models import Fill, Order


class OrderOut(serializers.ModelSerializer[Order]):
    """One request to a broker and what became of it.

    ``reason`` is the broker's or the platform's own words, ``reason_code`` the same for programs; ``kind`` tells
    entries from exits.
    """

    account = serializers.IntegerField(source="account_id", read_only=True)
    trade = serializers.IntegerField(source="intent.trade_id", read_only=True)
    strategy = serializers.IntegerField(source="intent.trade.strategy_id", read_only=True)
    kind = serializers.CharField(source="intent.kind", read_only=True)
    mode = serializers.CharField(source="intent.mode", read_only=True)
    instrument = serializers.CharField(source="instrument.symbol", read_only=True)
    exchange = serializers.CharField(source="instrument.exchange", read_only=True)
    price = PriceField(read_only=True)
    trigger_price = PriceField(read_only=True)
    average_price = PriceField(read_only=True)
    charges = MoneyField(read_only=True)

    class Meta:
        model = Order
        fields = [
            "id",
            "account",
            "trade",
            "strategy",
            "kind",
            "mode",
            "client_order_id",
            "broker_order_id",
            "instrument",
            "exchange",
            "side",
            "quantity",
            "filled_quantity",
            "product",
            "order_type",
            "validity",
            "price",
            "trigger_price",
            "average_price",
            "charges",
            "status",
            "reason_code",
            "reason",
            "slice_number",
            "attempt",
            "created_at",
            "submitted_at",
            "acknowledged_at",
            "finished_at",
        ]
        read_only_fields = fields


class FillOut(serializers.ModelSerializer[Fill]):
    """One execution; ``exchange_trade_id`` is the exchange's."""

    account = serializers.IntegerField(source="account_id", read_only=True)
    order = serializers.IntegerField(source="order_id", read_only=True)
    client_order_id = serializers.CharField(source="order.client_order_id", read_only=True)
    trade = serializers.IntegerField(source="order.intent.trade_id", read_only=True)
    mode = serializers.CharField(source="order.intent.mode", read_only=True)
    instrument = serializers.CharField(source="order.instrument.symbol", read_only=True)
    exchange = serializers.CharField(source="order.instrument.exchange", read_only=True)
    side = serializers.CharField(source="order.side", read_only=True)
    price = PriceField(read_only=True)

    class Meta:
        model = Fill
        fields = [
            "id",
            "account",
            "order",
            "client_order_id",
            "trade",
            "mode",
            "instrument",
            "exchange",
            "side",
            "quantity",
            "price",
            "exchange_trade_id",
            "filled_at",
        ]
        read_only_fields = fields
