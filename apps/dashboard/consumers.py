"""The live socket: who may open it, what may be said on it. What it shows is decided here, never by the client."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
from channels.db import database_sync_to_async
from django.conf import settings

from apps.dashboard.hub import SIGNED_OUT, Hub, Seat, hub
from apps.dashboard.mailbox import Send
from apps.dashboard.people import may_sign_in
from apps.users.models import User

log = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]

MOST_BYTES = 1024
MOST_MESSAGES = 20
PER_SECONDS = 10.0
POLICY = 1008
TOO_BIG = 1009


def allowed_origins() -> frozenset[str]:
    """Return the origins whose pages may open the socket: the installation's own address under each of its names."""
    base = urlsplit(settings.BASE_URL)
    port = f":{base.port}" if base.port else ""
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS if "*" not in name]
    own = [f"{base.scheme}://{name}{port}" for name in names]
    return frozenset([f"{base.scheme}://{base.netloc}", *own, *getattr(settings, "CSRF_TRUSTED_ORIGINS", [])])


def origin_of(scope: Message) -> str:
    """Return the handshake's Origin, "" when there is none."""
    found: list[bytes] = [value for name, value in scope.get("headers", []) if name == b"origin"]
    return found[0].decode("latin-1").rstrip("/").lower() if len(found) == 1 else ""


async def live_socket(scope: Message, receive: Receive, send: Send) -> None:
    """Serve one socket (an ASGI application)."""
    if (await receive())["type"] != "websocket.connect":
        return
    if origin_of(scope) not in allowed_origins():
        await send({"type": "websocket.close", "code": 4403})  # before the accept: the handshake is answered 403
        return
    await send({"type": "websocket.accept"})
    user = await database_sync_to_async(_person)(scope.get("user"))
    if user is None:
        await send({"type": "websocket.close", "code": SIGNED_OUT})
        return
    switchboard = await hub()
    seat = await switchboard.join(user, str(scope["session"].session_key))
    await _serve(switchboard, seat, receive, bare(send))


def bare(send: Send) -> Send:
    """Return the server's own ``send``: the session middleware's would look at the session for every frame."""
    wrapper = getattr(send, "__self__", None)
    return cast(Send, getattr(wrapper, "real_send", send))


def _person(user: Any) -> User | None:
    """Return who asks; the session's user is read from the database here."""
    if user is None or not user.is_authenticated:
        return None
    fresh = User.objects.select_related("tenant").filter(pk=user.pk).first()
    return fresh if fresh is not None and may_sign_in(fresh) else None


async def _serve(switchboard: Hub, seat: Seat, receive: Receive, send: Send) -> None:
    """Send and listen until either ends."""
    seat.sender = asyncio.create_task(seat.mailbox.pump(send), name="live-send")
    listener = asyncio.create_task(_listen(seat, receive), name="live-receive")
    try:
        await asyncio.wait({seat.sender, listener}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        switchboard.leave(seat)
        for task in (seat.sender, listener):
            task.cancel()
        with contextlib.suppress(OSError):
            await _settle(seat.sender, listener)


async def _settle(*tasks: "asyncio.Task[None]") -> None:
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, OSError):
            raise result


async def _listen(seat: Seat, receive: Receive) -> None:
    """Read what the client says: only ``ping`` means anything. Large or many messages end the socket."""
    clock = asyncio.get_running_loop().time
    heard, since = 0, clock()
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text") or message.get("bytes") or ""
        if clock() - since > PER_SECONDS:
            heard, since = 0, clock()
        heard += 1
        if len(text) > MOST_BYTES or heard > MOST_MESSAGES:
            seat.mailbox.close(TOO_BIG if len(text) > MOST_BYTES else POLICY)
            return await _until_gone(receive)
        seat.mailbox.put_event(_answer(text))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


def _answer(text: str | bytes) -> str:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        said = None
    if isinstance(said, dict) and said.get("type") == "ping":
        return '{"type":"pong"}'
    return '{"type":"error","code":"NOT_UNDERSTOOD","message":"This socket only sends; it understands ping."}'
