"""Asking for orders to be cancelled or changed."""

from typing import Any

from rest_framework import serializers

from apps.api.fields import PriceField
from apps.trading.models import ChangeRequest
from domain.order_changes import Wish


class ChangeIn(serializers.Serializer[Any]):
    """The new values of a resting entry; what is left out stays as it is. ``quantity`` is the order's new total, in
    units: an order is only made smaller."""

    price = serializers.DecimalField(max_digits=14, decimal_places=4, required=False)
    trigger_price = serializers.DecimalField(max_digits=14, decimal_places=4, required=False)
    quantity = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse names nobody reads: a typing error must not change something else."""
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "There is no such field."))
        return attrs

    def wish(self) -> Wish:
        """Return what is wished."""
        return Wish(**self.validated_data)


class RequestOut(serializers.ModelSerializer[ChangeRequest]):
    """What was asked of an order, and what became of it.

    A CANCEL is DONE once the order carries the wish: follow the order itself. A CHANGE is WAITING and SENT on its way;
    UNKNOWN while nobody knows (it is never sent again, the broker's book decides), and ends DONE, REFUSED, LOST or
    OVERTAKEN; ``code`` and ``note`` say why.
    """

    account = serializers.IntegerField(source="account_id", read_only=True)
    order = serializers.IntegerField(source="order_id", read_only=True)
    price = PriceField(read_only=True)
    trigger_price = PriceField(read_only=True)

    class Meta:
        model = ChangeRequest
        fields = [
            "id",
            "account",
            "order",
            "kind",
            "price",
            "trigger_price",
            "quantity",
            "status",
            "code",
            "note",
            "asked_at",
            "sent_at",
            "finished_at",
        ]
        read_only_fields = fields
