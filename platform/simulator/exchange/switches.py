"""Deviations per client and symbol, for provoking what a real exchange does on bad days."""

from datetime import timedelta

from simulator.exchange.types import Settings, Switch


class Switches:
    """The set of switches; for each question the most specific switch that answers it wins."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._switches: dict[tuple[str, str], Switch] = {}

    def put(self, switch: Switch) -> None:
        """Add a switch, or replace the one of the same client and symbol."""
        self._switches[switch.client, switch.symbol] = switch

    def clear(self) -> None:
        """Drop all of them."""
        self._switches.clear()

    def rejection(self, client: str, symbol: str) -> str | None:
        """Return the message to reject with after acceptance, or ``None``."""
        found = (switch.reject_after_accept for switch in self._matching(client, symbol))
        return next((message for message in found if message is not None), None)

    def partial_fill_ratio(self, client: str, symbol: str) -> float:
        """Return the chance that a match fills only a part."""
        found = (switch.partial_fill_ratio for switch in self._matching(client, symbol))
        return next((ratio for ratio in found if ratio is not None), self._settings.partial_fill_ratio)

    def fill_delay(self, client: str, symbol: str) -> timedelta:
        """Return the market time between acceptance and the first match."""
        found = (switch.fill_delay for switch in self._matching(client, symbol))
        return next((delay for delay in found if delay is not None), timedelta(0))

    def _matching(self, client: str, symbol: str) -> list[Switch]:
        if not self._switches:
            return []
        keys = ((client, symbol), (client, ""), ("", symbol), ("", ""))
        return [self._switches[key] for key in keys if key in self._switches]
