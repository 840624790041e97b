"""Postbacks: a POST to the client's URL at every order update it should hear of, in a queue of its own per client."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.desk import Desk
from simulator.faults import POSTBACK_FAULTS, Fault, FaultKind

KEPT = 1000
TIMEOUT = ClientTimeout(total=5)
HELD_SECONDS = 2.0

log = logging.getLogger(__name__)

Body = dict[str, Any]


@dataclass(slots=True)
class Outbox:
    """What one client has still to be sent."""

    client: Client
    bodies: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT))
    held: bytes | None = None
    sender: "asyncio.Task[None] | None" = None


class Postbacks(ABC):
    """Sends a broker's order updates; a receiver that fails is not asked twice, as at Kite."""

    def __init__(self, desk: Desk, broker: str) -> None:
        self._desk = desk
        self._broker = broker
        self._outboxes: dict[str, Outbox] = {}
        self._session: ClientSession | None = None
        self.sent = 0
        self.failed = 0
        desk.recorder.subscribe(self._updated)

    @abstractmethod
    def body(self, order: ClientOrder, client: Client) -> Body:
        """Return what the broker posts of an order's state."""

    @abstractmethod
    def forged(self, body: Body) -> Body:
        """Return a lie that a receiver must recognise."""

    def encoded(self, body: Body) -> bytes:
        """Return the JSON that is posted."""
        return orjson.dumps(body)

    def start(self) -> None:
        """Open the HTTP session; needs the running loop."""
        self._session = ClientSession(timeout=TIMEOUT)

    async def aclose(self) -> None:
        """Stop sending."""
        senders = [box.sender for box in self._outboxes.values() if box.sender is not None]
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _updated(self, order: ClientOrder) -> None:
        client = self._desk.clients.named(order.client)
        if client is None or client.broker != self._broker or not client.postback_url:
            return
        box = self._outboxes.setdefault(client.client, Outbox(client=client))
        box.client = client
        fault = self._desk.faults.draw(
            POSTBACK_FAULTS, client=client.client, endpoint="postback", symbol=order.listing.symbol
        )
        self._queue(box, self.body(order, client), fault)
        if box.sender is None or box.sender.done():
            box.sender = asyncio.get_running_loop().create_task(self._drain(box))

    def _queue(self, box: Outbox, body: Body, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        if kind is FaultKind.OUT_OF_ORDER_POSTBACK and box.held is None:
            box.held = self.encoded(body)
            asyncio.get_running_loop().call_later(HELD_SECONDS, self._release, box)
            return
        copies = fault.copies if fault and kind is FaultKind.DUPLICATE_POSTBACK else 1
        box.bodies.extend([self.encoded(body)] * copies)
        if kind is FaultKind.FORGED_POSTBACK:
            box.bodies.append(self.encoded(self.forged(body)))
        self._let_go(box)

    def _release(self, box: Outbox) -> None:
        """Send what was held back although nothing overtook it."""
        self._let_go(box)
        if box.bodies and (box.sender is None or box.sender.done()):
            box.sender = asyncio.get_running_loop().create_task(self._drain(box))

    def _let_go(self, box: Outbox) -> None:
        if box.held is not None:
            box.bodies.append(box.held)
            box.held = None

    async def _drain(self, box: Outbox) -> None:
        while box.bodies:
            await self._post(box.client, box.bodies.popleft())

    async def _post(self, client: Client, body: bytes) -> None:
        if self._session is None:
            return
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(client.postback_url, data=body, headers=headers) as response:
                await response.read()
        except (ClientError, TimeoutError) as error:
            self.failed += 1
            log.warning("postback to %s failed: %s", client.client, error)
        else:
            self.sent += 1
