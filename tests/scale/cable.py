"""A network cable: TCP on one side, a server of this machine on the other, and it can go dead without a word."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 65536
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Reach = Callable[[], Coroutine[None, None, Ends]]


def unix(path: str) -> Reach:
    """Return how to reach a server at a Unix socket."""
    return lambda: asyncio.open_unix_connection(path)


def tcp(host: str, port: int) -> Reach:
    """Return how to reach a server at a port."""
    return lambda: asyncio.open_connection(host, port)


@dataclass
class Cable:
    """Carries bytes both ways while it is whole. Cut, it keeps them: both ends believe the connection lives."""

    reach: Reach
    address: tuple[str, int] = ("", 0)
    _whole: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def cut(self) -> None:
        """Let nothing through from now on, and answer nobody."""
        self._soon(self._whole.clear)

    def mend(self) -> None:
        """Deliver what was kept, and go on."""
        self._soon(self._whole.set)

    def _soon(self, what: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(what)

    async def serve(self, listening: socket.socket) -> None:
        """Carry until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._whole.set()
        async with await asyncio.start_server(self._join, sock=listening) as server:
            await server.serve_forever()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # the end of the test; the stream's own callback cannot take it
            await self._connect(reader, writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            there, back = await self.reach()
        except OSError:
            writer.close()
            return
        with closing(writer), closing(back):
            await asyncio.wait(
                {asyncio.create_task(self._carry(reader, back)), asyncio.create_task(self._carry(there, writer))},
                return_when=asyncio.FIRST_COMPLETED,
            )

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()


@contextmanager
def laid(cables: dict[str, Cable], *, host: str) -> Iterator[None]:
    """Let every cable listen at a port of `host`, in one thread, while the block runs."""
    sockets = {name: socket.create_server((host, 0)) for name in cables}
    for name, cable in cables.items():
        cable.address = sockets[name].getsockname()[:2]
    started, loop = threading.Event(), asyncio.new_event_loop()

    def run() -> None:
        tasks = [loop.create_task(cable.serve(sockets[name])) for name, cable in cables.items()]
        loop.call_soon(started.set)
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run, name="cables", daemon=True)
    thread.start()
    started.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
