"""Asking for square-offs."""

from typing import Any

from rest_framework import serializers


def _identity(about: str) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False, help_text=about)


class SquareOffIn(serializers.Serializer[Any]):
    """Exactly one of: a trade, all of an account, everything the key's owner may see."""

    trade = _identity("A trade's id.")
    account = _identity("An account's id: all of its live trades.")
    all = serializers.BooleanField(required=False, help_text="true: every live trade the key's owner may see.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none, two, ``all: false`` and names nobody reads: a typing error must not leave everything."""
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "There is no such field."))
        if len(attrs) != 1 or attrs.get("all") is False:
            raise serializers.ValidationError("Send exactly one of trade, account and all: true.")
        if "all" in attrs and self.initial_data["all"] is not True:
            raise serializers.ValidationError({"all": "Send true."})
        return attrs


class SquareOffOut(serializers.Serializer[Any]):
    """The trades that were asked to be left; follow them at ``trades/``."""

    requested_at = serializers.DateTimeField()
    trades = serializers.ListField(child=serializers.IntegerField())
