"""Accounts and positions."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from apps.api.fields import MoneyField, PriceField
from apps.broker_accounts.models import BrokerAccount
from apps.trading.models import Position
from domain.pnl import unrealized_pnl


class AccountOut(serializers.ModelSerializer[BrokerAccount]):
    """A client's account at a broker. ``mode`` is in force, ``wanted_mode`` what the client chose."""

    user = serializers.EmailField(source="user.email", read_only=True)
    wanted_mode = serializers.CharField(read_only=True, help_text="PAPER or LIVE.")
    available_funds = serializers.SerializerMethodField(help_text="Rupees last seen free in the mode in force.")

    class Meta:
        model = BrokerAccount
        fields = [
            "id",
            "label",
            "broker",
            "client_id",
            "user",
            "mode",
            "wanted_mode",
            "mode_reason",
            "is_active",
            "available_funds",
        ]
        read_only_fields = fields

    def get_available_funds(self, account: BrokerAccount) -> str | None:
        """Return the funds of the mode in force; ``None`` when they were never read."""
        for state in account.states.all():
            if state.mode == account.mode and state.available_funds is not None:
                return MoneyField().to_representation(state.available_funds)
        return None


class PositionOut(serializers.ModelSerializer[Position]):
    """A net position as the broker last showed it; ``quantity`` is signed units."""

    account = serializers.IntegerField(source="account_id", read_only=True)
    instrument = serializers.CharField(source="instrument.symbol", read_only=True)
    exchange = serializers.CharField(source="instrument.exchange", read_only=True)
    average_price = PriceField(read_only=True)
    last_price = serializers.SerializerMethodField()
    unrealized_pnl = serializers.SerializerMethodField(help_text="Rupees; null while there is no price.")

    class Meta:
        model = Position
        fields = [
            "id",
            "account",
            "mode",
            "instrument",
            "exchange",
            "product",
            "quantity",
            "average_price",
            "last_price",
            "unrealized_pnl",
            "read_at",
        ]
        read_only_fields = fields

    def get_last_price(self, position: Position) -> str | None:
        """Return where the contract stands."""
        price = self._price(position)
        return None if price is None else PriceField().to_representation(price)

    def get_unrealized_pnl(self, position: Position) -> str | None:
        """Return the open profit."""
        price = self._price(position)
        if price is None:
            return None
        pnl = unrealized_pnl(
            quantity=position.quantity,
            average_price=position.average_price,
            last_price=price,
            multiplier=position.instrument.multiplier,
        )
        return MoneyField().to_representation(pnl)

    def _price(self, position: Position) -> Decimal | None:
        prices: dict[int, Any] = self.context["prices"]
        return prices.get(position.instrument_id)
