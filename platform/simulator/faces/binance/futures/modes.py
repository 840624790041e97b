"""Whether accounts keep long and short apart: ``/positionSide/dual``."""

from typing import Any

from simulator.clients import Client
from simulator.exchange.types import RESTING_STATES
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.futures.listings import EXCHANGE
from simulator.faces.binance.wire import BinanceError, illegal
from simulator.faces.desk import Desk


class Modes:
    """One-way mode until somebody chooses the other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._hedged: set[str] = set()

    def is_hedged(self, client: Client) -> bool:
        """Say whether a client's account is in hedge mode."""
        return client.client in self._hedged

    async def shown(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /positionSide/dual"""
        return {"dualSidePosition": self.is_hedged(client)}

    async def chosen(self, client: Client, asked: Asked) -> dict[str, Any]:
        """POST /positionSide/dual"""
        wanted = asked.text("dualSidePosition").lower()
        if wanted not in ("true", "false"):
            raise illegal("dualSidePosition", "true|false")
        if (wanted == "true") == self.is_hedged(client):
            raise BinanceError(-4059, "No need to change position side.")
        self._check_idle(client)
        (self._hedged.add if wanted == "true" else self._hedged.discard)(client.client)
        return {"code": 200, "msg": "success"}

    def _check_idle(self, client: Client) -> None:
        exchange = self._desk.exchange
        orders = [one for one in exchange.orders(client.client) if one.listing.exchange is EXCHANGE]
        if any(one.state in RESTING_STATES for one in orders):
            raise BinanceError(-4067, "Position side cannot be changed if there exists open orders.")
        held = [one for one in exchange.positions(client.client) if one.listing.exchange is EXCHANGE]
        if any(one.quantity for one in held):
            raise BinanceError(-4068, "Position side cannot be changed if there exists position.")
