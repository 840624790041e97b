"""Signals and what they meant for the accounts somebody may see."""

from typing import Any

from rest_framework import serializers

from apps.api.authentication import person_of
from apps.strategies.models import Signal
from apps.trading.models import WaveVerdict


class VerdictOut(serializers.ModelSerializer[WaveVerdict]):
    """Whether an account took part in the signal's wave, and why not."""

    account = serializers.IntegerField(source="account_id", read_only=True)

    class Meta:
        model = WaveVerdict
        fields = ["account", "taken", "reason", "detail"]
        read_only_fields = fields


class SignalOut(serializers.ModelSerializer[Signal]):
    """What a strategy said. ``payload`` is for operators and null for everybody else."""

    strategy = serializers.IntegerField(source="strategy_id", read_only=True)
    strategy_slug = serializers.CharField(source="strategy.slug", read_only=True)
    wave = serializers.SerializerMethodField(help_text="The wave's id; null before it was routed.")
    verdicts = serializers.SerializerMethodField()
    payload = serializers.SerializerMethodField()

    class Meta:
        model = Signal
        fields = [
            "id",
            "strategy",
            "strategy_slug",
            "kind",
            "source",
            "status",
            "reason",
            "received_at",
            "routed_at",
            "wave",
            "verdicts",
            "payload",
        ]
        read_only_fields = fields

    def get_wave(self, signal: Signal) -> int | None:
        """Return the wave's id."""
        return signal.wave.pk if hasattr(signal, "wave") else None

    def get_verdicts(self, signal: Signal) -> list[dict[str, Any]]:
        """Return the verdicts on the accounts the reader may see: the view loads no others."""
        if not hasattr(signal, "wave"):
            return []
        return list(VerdictOut(vars(signal.wave)["visible_verdicts"], many=True).data)

    def get_payload(self, signal: Signal) -> dict[str, Any] | None:
        """Return the fields as sent, secrets masked."""
        is_operator = person_of(self.context["request"]).is_operator
        payload: dict[str, Any] = signal.payload
        return payload if is_operator else None
