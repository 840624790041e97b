"""What the process keeps of a broker's face, and the application its routes are on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulator.faces.calls import Counter, Handler
from simulator.faces.postbacks import Postbacks
from simulator.faces.sockets import Sockets


@dataclass(frozen=True, slots=True)
class Face:
    """One broker's face: an application that is mounted under the broker's slug, its sockets and its postbacks.

    ``begin`` starts what goes on without being asked.
    """

    app: web.Application
    sockets: Sequence[Sockets[Any]]
    postbacks: Postbacks | None = None
    begin: Callable[[], None] = field(default=lambda: None)

    def start(self) -> None:
        """Begin what goes on by itself; needs the running loop."""
        self.begin()
        if self.postbacks is not None:
            self.postbacks.start()

    async def close_sockets(self) -> None:
        """Say goodbye to everybody."""
        for sockets in self.sockets:
            await sockets.aclose()

    async def aclose(self) -> None:
        """Stop posting."""
        if self.postbacks is not None:
            await self.postbacks.aclose()


def application(counter: Counter[Any]) -> web.Application:
    """Return an empty application that answers unknown addresses and methods as the broker words them."""

    @web.middleware
    async def in_own_words(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            return counter.failure(counter.unknown_path(error.status))

    return web.Application(middlewares=[in_own_words])
