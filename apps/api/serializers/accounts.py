"""Accounts and positions."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.api.fields import MoneyField, PriceField
from apps.broker_accounts.models import BrokerAccount
from apps.risk.wording import words_of
from apps.trading.models import Holding, Position
from apps.trading.services.outside import Share, Shares
from domain.pnl import unrealized_pnl


class HaltOut(serializers.Serializer[Any]):
    """Why an account takes no new entries; exits go on. ``scope`` is how far the halt reaches."""

    scope = serializers.CharField()
    reason_code = serializers.CharField()
    reason = serializers.CharField(help_text="In words.")
    advice = serializers.CharField(help_text="What the account's owner can do.")
    since = serializers.DateTimeField()


class AccountOut(serializers.ModelSerializer[BrokerAccount]):
    """A client's account at a broker. ``mode`` is in force, ``wanted_mode`` what the client chose.

    ``halt`` is null while new entries are taken; where several halts reach the account it is the narrowest.
    """

    user = serializers.EmailField(source="user.email", read_only=True)
    wanted_mode = serializers.CharField(read_only=True, help_text="PAPER or LIVE.")
    available_funds = serializers.SerializerMethodField(help_text="Last seen free in the mode in force.")
    currency = serializers.CharField(read_only=True, help_text="What the account's amounts are in: INR, USDT.")
    halt = serializers.SerializerMethodField()

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
            "currency",
            "halt",
        ]
        read_only_fields = fields

    @extend_schema_field(HaltOut(allow_null=True))
    def get_halt(self, account: BrokerAccount) -> dict[str, Any] | None:
        """Return what stops the account's entries."""
        halts = self.context["halts"].of_account(tenant_id=account.tenant_id, account_id=account.pk)
        if not halts:
            return None
        halt, words = halts[0], words_of(halts[0])
        told = f"{words.why}: {halt.reason}" if halt.created_by_id is not None and halt.reason else words.why
        found = {"scope": halt.scope, "reason_code": halt.reason_code, "reason": told}
        return {**HaltOut({**found, "advice": words.advice, "since": halt.created_at}).data}

    def get_available_funds(self, account: BrokerAccount) -> str | None:
        """Return the funds of the mode in force; ``None`` when they were never read."""
        for state in account.states.all():
            if state.mode == account.mode and state.available_funds is not None:
                return MoneyField().to_representation(state.available_funds)
        return None


class PositionOut(serializers.ModelSerializer[Position]):
    """A net position as the broker last showed it; ``quantity`` is signed units.

    ``ledger_quantity`` is what the platform's own trades hold of the contract, ``outside_quantity`` what orders placed
    outside the platform left (all products of the contract together); both are null while the position was read before
    the last fill. ``differs`` tells that the two do not explain what the broker shows.
    """

    account = serializers.IntegerField(source="account_id", read_only=True)
    instrument = serializers.CharField(source="instrument.symbol", read_only=True)
    exchange = serializers.CharField(source="instrument.exchange", read_only=True)
    average_price = PriceField(read_only=True)
    last_price = serializers.SerializerMethodField()
    unrealized_pnl = serializers.SerializerMethodField(help_text="Null while there is no price.")
    currency = serializers.CharField(source="account.currency", read_only=True)
    ledger_quantity = serializers.SerializerMethodField()
    outside_quantity = serializers.SerializerMethodField()
    differs = serializers.SerializerMethodField()

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
            "currency",
            "ledger_quantity",
            "outside_quantity",
            "differs",
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

    def get_ledger_quantity(self, position: Position) -> int | None:
        """Return what our trades hold."""
        share = self._share(position)
        return None if share is None else share.ledger

    def get_outside_quantity(self, position: Position) -> int | None:
        """Return what was traded outside."""
        share = self._share(position)
        return None if share is None else share.outside

    def get_differs(self, position: Position) -> bool:
        """Tell whether the broker shows something neither explains."""
        share, totals = self._share(position), self.context["totals"]
        key = (position.account_id, position.mode, position.instrument_id)
        return share is not None and share.unexplained(totals[key]) != 0

    def _share(self, position: Position) -> Share | None:
        shares: Shares = self.context["shares"]
        return shares.of(position.account_id, position.mode, position.instrument_id)

    def _price(self, position: Position) -> Decimal | None:
        prices: dict[int, Any] = self.context["prices"]
        return prices.get(position.instrument_id)


class HoldingOut(serializers.ModelSerializer[Holding]):
    """A delivered security in a live account, at its broker's own symbol and last price; ``pledged`` units of it are
    collateral."""

    account = serializers.IntegerField(source="account_id", read_only=True)
    average_price = PriceField(read_only=True)
    last_price = PriceField(read_only=True)
    currency = serializers.CharField(source="account.currency", read_only=True)

    class Meta:
        model = Holding
        fields = [
            "id",
            "account",
            "exchange",
            "symbol",
            "quantity",
            "pledged",
            "average_price",
            "last_price",
            "currency",
            "read_at",
        ]
        read_only_fields = fields
