"""How a socket is opened: a signed call names an address whose code opens it once.

https://upstox.com/developer/api-documentation/v3/get-market-data-feed-authorize/. A client may as well begin at the
signed address with an upgrade, and is sent on to the same place.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import FaceError
from simulator.faces.upstox.calls import BROKER, UpstoxCounter
from simulator.faces.upstox.mapping import Row
from simulator.faces.upstox.wire import failure, invalid_token


@dataclass(frozen=True, slots=True)
class Gate:
    """The way to one kind of socket, which lives at ``path``."""

    counter: UpstoxCounter
    path: str
    _codes: dict[str, tuple[Client, Mapping[str, str]]] = field(default_factory=dict)

    async def authorize(self, client: Client, request: web.Request) -> Row:
        """Answer a signed GET with the address."""
        address = self._address(client, request)
        return {"authorized_redirect_uri": address, "authorizedRedirectUri": address}

    async def redirect(self, request: web.Request) -> web.StreamResponse:
        """Send a signed upgrade on."""
        try:
            client = self.counter.client(request)
        except FaceError as error:
            return failure(error)
        return web.Response(status=302, headers={"Location": self._address(client, request)})

    def admit(self, request: web.Request) -> tuple[Client, Mapping[str, str]]:
        """Return whom a code lets in, and what the signed call asked for; raises the 401 for one that is spent."""
        if request.query.get("code", "") not in self._codes:
            raise invalid_token()
        return self._codes.pop(request.query["code"])

    def _address(self, client: Client, request: web.Request) -> str:
        code = secrets.token_urlsafe(16)
        self._codes[code] = (client, dict(request.query))
        query = urlencode({"requestId": secrets.token_hex(8), "code": code})
        return f"ws://{request.host}/{BROKER}{self.path}?{query}"
