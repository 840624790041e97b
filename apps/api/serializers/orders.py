"""Orders and fills."""

from datetime import datetime

from rest_framework import serializers

from apps.api.fields import MoneyField, PriceField
from apps.trading.models import ExternalOrder, Fill, Order
from apps.trading.wording import CHECKING, OUTSIDE, advice, status_text
from domain.orders import Mode


class OrderOut(serializers.ModelSerializer[Order]):
    """One request to a broker and what became of it.

    ``reason`` is the broker's or the platform's own words, ``reason_code`` the same for programs; ``kind`` tells
    entries from exits. UNKNOWN and PARKED are no failures: the platform is checking with the broker what became of the
    order, ``checking_since`` says since when. Such an order may still be filled; do not place it again.
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
    status_text = serializers.SerializerMethodField(help_text="The state as people read it.")
    status_advice = serializers.SerializerMethodField(help_text="What happens while it is checked; else empty.")
    checking_since = serializers.SerializerMethodField(help_text="Null unless UNKNOWN or PARKED.")

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
            "status_text",
            "status_advice",
            "checking_since",
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

    def get_status_text(self, order: Order) -> str:
        """Return the state in words."""
        return status_text(order.status)

    def get_status_advice(self, order: Order) -> str:
        """Return what happens and what the person can do."""
        return advice(order.status)

    def get_checking_since(self, order: Order) -> datetime | None:
        """Return since when nobody knows, on the wall clock."""
        return (order.claimed_at or order.submitted_at) if order.status in CHECKING else None


class ExternalOrderOut(serializers.ModelSerializer[ExternalOrder]):
    """An order in the account's book at the broker that the platform did not place. It is never touched, and counted
    when exits are sized. ``instrument`` is null where the platform does not know the contract; ``symbol`` is the
    broker's own name of it.
    """

    account = serializers.IntegerField(source="account_id", read_only=True)
    mode = serializers.SerializerMethodField(help_text="Always LIVE: paper has no outside.")
    origin = serializers.SerializerMethodField(help_text="Says in words that it was placed outside the platform.")
    instrument = serializers.SerializerMethodField(help_text="The platform's symbol.")
    average_price = PriceField(read_only=True)

    class Meta:
        model = ExternalOrder
        fields = [
            "id",
            "account",
            "mode",
            "origin",
            "broker_order_id",
            "symbol",
            "instrument",
            "side",
            "quantity",
            "filled_quantity",
            "average_price",
            "status",
            "seen_at",
        ]
        read_only_fields = fields

    def get_mode(self, row: ExternalOrder) -> str:
        """Return the mode."""
        return Mode.LIVE.value

    def get_origin(self, row: ExternalOrder) -> str:
        """Return where it comes from."""
        return OUTSIDE

    def get_instrument(self, row: ExternalOrder) -> str | None:
        """Return our name of the contract."""
        instrument = self.context["instruments"].get((row.account.broker, row.symbol))
        return None if instrument is None else str(instrument.symbol)


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
