"""What is told of orders: on a socket of their own, and by webhook.

https://upstox.com/developer/api-documentation/get-portfolio-stream-feed/ and /webhook/. Both say the same; neither
proves who says it.
"""

from dataclasses import dataclass

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.calls import FaceError
from simulator.faces.postbacks import Body, Postbacks
from simulator.faces.sockets import Socket, Sockets, opened
from simulator.faces.upstox.calls import UpstoxCounter
from simulator.faces.upstox.gates import Gate
from simulator.faces.upstox.mapping import order_update
from simulator.faces.upstox.wire import dumps, failure

PING_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class UpdateSocket(Socket):
    """One connection, and whether it asked for orders."""

    wants_orders: bool = True


class Updates(Sockets[UpdateSocket]):
    """The order sockets of the face; positions and holdings are not told."""

    heartbeat = PING_SECONDS

    def __init__(self, counter: UpstoxCounter) -> None:
        super().__init__(counter.desk)
        self.gate = Gate(counter, "/upstox-developer-api/order-updates/feed")

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET of the gate's address, with an upgrade."""
        try:
            client, asked = self.gate.admit(request)
        except FaceError as error:
            return failure(error)
        wanted = asked.get("update_types", "order").split(",")
        socket = UpdateSocket(request=request, stream=await opened(request), wants_orders="order" in wanted)
        self.enter(socket, client)
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: UpdateSocket, text: str | bytes) -> None:
        """Nothing can be asked for here."""

    async def flush(self, socket: UpdateSocket) -> None:
        """Send the updates that wait, or a ping where none does."""
        if socket.texts:
            await socket.tell()
        else:
            await socket.stream.ping()

    def tell_order(self, socket: UpdateSocket, order: ClientOrder) -> None:
        """Queue the order's state."""
        if socket.wants_orders:
            socket.queue(dumps(order_update(order)))


class Webhooks(Postbacks):
    """The same by POST."""

    def body(self, order: ClientOrder, client: Client) -> Body:
        """Return the order's state."""
        return order_update(order)

    def forged(self, body: Body) -> Body:
        """Return a lie, which nothing tells from the truth."""
        return {**body, "status": "rejected" if body["status"] == "complete" else "complete"}

    def encoded(self, body: Body) -> bytes:
        """Return the JSON, with Decimals as numbers."""
        return dumps(body)
