"""A terminal that knows nothing itself: what a case's server says, it brings to the bridge as it is."""

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
import orjson

SECONDS = 0.3
"""How long the case's server may take: some never answer."""

PATIENCE = aiohttp.ClientTimeout(total=20.0)
"""The bridge always answers, on a busy machine not soon: a relay that gave up would bring nothing any more."""

PAUSE = 0.05
"""Between polls: a case opens one relay after the other, and all of them poll until it ends."""

NOTHING_THERE = b"404"


class Relay:
    """Polls the bridge at ``url``; results, books and symbols are whatever the server at ``base`` answers.

    ``hello`` and ``poll`` are what it says of itself. A server that answers every path the same has no symbols of its
    own: one that knows its paths is asked for them.
    """

    def __init__(self, url: str, token: str, base: str, *, hello: bytes, poll: bytes) -> None:
        self._url = url
        self._token = token
        self._base = base
        self._own_hello = hello
        self._own_poll = poll
        self._seq = 0
        self._answer: dict[str, Any] = {}
        self.said_hello = asyncio.Event()

    async def run(self) -> None:
        """Say hello, then poll for good."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as http:
            knows_paths = await self._fetched(http, "GET", "nothing-is-here") == NOTHING_THERE
            hello = await self._fetched(http, "GET", "hello") if knows_paths else self._own_hello
            await self._say(http, "hello", hello)
            self.said_hello.set()
            while self._answer:
                if self._answer.get("resync"):
                    await self._say(http, "poll", self._filled(await self._fetched(http, "GET", "books")))
                await self._say(http, "poll", self._filled(self._own_poll))
                for command in self._answer.get("commands", []):
                    await self._carry_out(http, command)
                await asyncio.sleep(PAUSE)

    async def _carry_out(self, http: aiohttp.ClientSession, command: dict[str, Any]) -> None:
        said = await self._fetched(http, "POST", "order", orjson.dumps(command["request"]))
        if said:
            await self._say(http, "result", self._filled(said, command["cmd_id"]))

    def _filled(self, body: bytes, command: str = "") -> bytes:
        session, mark = str(self._answer.get("session", "")), str(self._answer.get("mark", 0))
        for name, value in ((b'"$mark"', mark), (b"$session", session), (b"$command", command)):
            body = body.replace(name, value.encode())
        return body

    async def _fetched(self, http: aiohttp.ClientSession, method: str, path: str, body: bytes = b"") -> bytes:
        """Return what the server says, nothing where it says nothing."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with http.request(method, f"{self._base}/{path}", data=body, allow_redirects=False) as answer:
                return NOTHING_THERE if answer.status == 404 else await answer.read()
        return b""

    async def _say(self, http: aiohttp.ClientSession, call: str, body: bytes) -> None:
        """Call the bridge; an answer that is none of it is forgotten."""
        self._seq += 1
        headers = {"Authorization": f"Bearer {self._token}", "X-Seq": str(self._seq)}
        async with http.post(f"{self._url}/mt5/v1/{call}", data=body, headers=headers, timeout=PATIENCE) as answer:
            said = orjson.loads(await answer.read())
        if "mark" in said:
            self._answer = {**said, "commands": said["commands"] if call == "poll" else []}
