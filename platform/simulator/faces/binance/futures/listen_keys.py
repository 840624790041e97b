"""Listen keys: what opens an account's own socket, for an hour from its last renewal."""

import secrets
import string
import time
from dataclasses import dataclass
from typing import Any

from simulator.clients import Client
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.wire import BinanceError

SECONDS = 3600.0
_LETTERS = string.ascii_letters + string.digits


@dataclass(slots=True)
class _Key:
    text: str
    client: Client
    ends_at: float


class ListenKeys:
    """One key a client: who asks again is told the same one, which then lives for another hour."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}

    async def start(self, client: Client, asked: Asked) -> dict[str, Any]:
        """POST /listenKey"""
        held = self._keys.get(client.client)
        if held is None or held.client is not client or held.ends_at <= time.time():
            held = _Key("".join(secrets.choice(_LETTERS) for _ in range(64)), client, 0.0)
        held.ends_at = time.time() + SECONDS
        self._keys[client.client] = held
        return {"listenKey": held.text}

    async def keep(self, client: Client, asked: Asked) -> dict[str, Any]:
        """PUT /listenKey"""
        held = self._held(client)
        held.ends_at = time.time() + SECONDS
        return {"listenKey": held.text}

    async def close(self, client: Client, asked: Asked) -> dict[str, Any]:
        """DELETE /listenKey"""
        self._held(client)
        del self._keys[client.client]
        return {}

    def client_of(self, text: str) -> Client | None:
        """Return whose key it is; ``None`` for one that is nobody's, or ran out."""
        found = (one for one in self._keys.values() if secrets.compare_digest(one.text, text))
        held = next(found, None)
        return held.client if held is not None and held.ends_at > time.time() else None

    def _held(self, client: Client) -> _Key:
        held = self._keys.get(client.client)
        if held is None or held.ends_at <= time.time():
            raise BinanceError(-1125, "This listenKey does not exist.")
        return held
