"""A browser's end of the live socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.conf import settings
from django.test import Client

from apps.markets.models import Instrument
from apps.users.models import User
from config.asgi import application
from tests.cast import publish_price

ORIGIN = b"http://127.0.0.1:8800"
Message = dict[str, Any]


class Socket:
    """One browser's socket."""

    def __init__(self, user: User | None, *, origin: bytes | None = ORIGIN) -> None:
        self.user = user
        self.origin = origin
        self.client = Client()
        self.wire: ApplicationCommunicator

    async def open(self) -> str:
        """Connect; return the type of the server's answer."""
        headers = [(b"origin", self.origin)] if self.origin is not None else []
        if self.user is not None:
            await in_thread(self.client.force_login, self.user)
            value = self.client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={value}".encode()))
        scope = {"type": "websocket", "path": "/ws/live/", "query_string": b"", "headers": headers, "subprotocols": []}
        self.wire = ApplicationCommunicator(application, scope)
        await self.wire.send_input({"type": "websocket.connect"})
        return str((await self.wire.receive_output(timeout=8))["type"])

    async def say(self, text: str) -> None:
        """Send a text."""
        await self.wire.send_input({"type": "websocket.receive", "text": text})

    async def leave(self) -> None:
        """Go away."""
        await self.wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wire.wait(timeout=8)

    async def next(self) -> Message:
        """Return the next message."""
        sent = await self.wire.receive_output(timeout=8)
        assert sent["type"] == "websocket.send", sent
        return dict(json.loads(sent["text"]))

    async def until(self, found: Callable[[Message], bool]) -> Message:
        """Return the first message of a kind, skipping others."""
        async with asyncio.timeout(8):
            while True:
                message = await self.next()
                if found(message):
                    return message

    async def closed_with(self) -> int:
        """Return the code the server closes with, skipping messages."""
        async with asyncio.timeout(8):
            while True:
                sent = await self.wire.receive_output(timeout=8)
                if sent["type"] == "websocket.close":
                    return int(sent["code"])


@asynccontextmanager
async def connected(socket: Socket) -> AsyncIterator[tuple[Socket, Message]]:
    """Connect and read the snapshot."""
    assert await socket.open() == "websocket.accept"
    try:
        yield socket, await socket.next()
    finally:
        await socket.leave()


def tick(instrument: Instrument, price: str) -> None:
    publish_price(instrument, price)


async def in_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await database_sync_to_async(function)(*args, **kwargs)


def has_price(instrument: Instrument, price: str) -> Callable[[Message], bool]:
    return lambda message: message.get("prices", {}).get(str(instrument.pk), {}).get("last_price") == price
