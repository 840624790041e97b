"""The append-only record of everything that reached the brokers.

One JSON object per line, on disk before the reply.

It is what order safety is proved against, so it is written by a path of its own: entries are queued in
arrival order and one thread writes and fsyncs whatever is queued. A wave of concurrent requests shares a
handful of fsyncs.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import orjson


class Event(StrEnum):
    """What a ledger line says happened."""

    REQUEST = "REQUEST"  # an order-changing request arrived; its decision follows
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"  # refused before an order id, or by the exchange afterwards
    MODIFIED = "MODIFIED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"  # a modify or cancel that was not allowed
    FILL = "FILL"
    DROPPED = "DROPPED"  # a fault lost the request before the broker saw it
    FAULT = "FAULT"  # the decision stands, but a fault spoiled the reply
    SESSION = "SESSION"  # a token was issued or died


class Entry(msgspec.Struct, kw_only=True):
    """One ledger line. Quantities are units (also where the broker counts lots), prices rupees as text.

    ``at`` is wall time, ``market_at`` the market clock's; both ISO in UTC. ``request`` joins a request to
    its decision. ``trade_id`` is the exchange's, ``execution`` what the broker calls the same. ``variety`` is what a
    face keeps with an order besides, in its own words.
    """

    event: Event
    broker: str
    client: str
    endpoint: str = ""
    tag: str = ""
    order_id: str = ""
    exchange: str = ""
    symbol: str = ""
    side: str = ""
    quantity: int = 0
    price: str = ""
    order_type: str = ""
    product: str = ""
    trigger_price: str = ""
    variety: str = ""
    trade_id: str = ""
    execution: str = ""
    status: str = ""
    message: str = ""
    fault: str = ""
    request: int = 0
    sequence: int = 0
    at: str = ""
    market_at: str = ""


class LedgerClosed(RuntimeError):
    """The ledger cannot be written any more; nothing may be accepted."""


class Ledger:
    """Appends entries and makes them durable in groups.

    ``sync`` is ``os.fdatasync`` outside tests. ``append`` never blocks; ``durable`` returns once everything
    appended before the call is on disk, and raises ``LedgerClosed`` when the disk refused.
    """

    def __init__(
        self, path: Path, *, market_now: Callable[[], datetime], sync: Callable[[int], None] = os.fdatasync
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.syncs = 0
        self._market_now = market_now
        self._sync = sync
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._finish_torn_line()
        self._queued: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._flushing: asyncio.Task[None] | None = None
        self._failure: OSError | None = None
        self._encode = msgspec.json.Encoder().encode
        self.sequence = 0

    def append(self, entry: Entry) -> None:
        """Queue an entry; its times and sequence are set here."""
        if self._failure is not None:
            raise LedgerClosed(f"the ledger at {self.path} failed: {self._failure}")
        self.sequence += 1
        entry.sequence = self.sequence
        entry.at = datetime.now(UTC).isoformat()
        entry.market_at = self._market_now().isoformat()
        self._queued.append(self._encode(entry) + b"\n")
        self._wake()

    async def durable(self) -> None:
        """Wait until everything appended so far is on disk."""
        if not self._queued and self._flushing is None:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake()
        await done

    async def aclose(self) -> None:
        """Write what is queued and close the file."""
        await self.durable()
        if self._flushing is not None:
            await self._flushing
        self._writer.shutdown()
        os.close(self._file)

    def _wake(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._queued or self._waiting:
                lines, waiting = self._queued, self._waiting
                self._queued, self._waiting = [], []
                await self._settle(loop.run_in_executor(self._writer, self._write, lines), waiting)
        finally:
            self._flushing = None

    async def _settle(self, written: "asyncio.Future[None]", waiting: list[asyncio.Future[None]]) -> None:
        try:
            await written
        except OSError as error:
            self._failure = error
        for done in waiting:
            if done.done():
                continue
            if self._failure is None:
                done.set_result(None)
            else:
                done.set_exception(LedgerClosed(f"the ledger at {self.path} failed: {self._failure}"))

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        data = memoryview(b"".join(lines))
        while data:
            data = data[os.write(self._file, data) :]
        self._sync(self._file)
        self.syncs += 1

    def _finish_torn_line(self) -> None:
        size = os.fstat(self._file).st_size
        if size == 0:
            return
        with self.path.open("rb") as file:
            file.seek(size - 1)
            torn = file.read(1) != b"\n"
        if torn:
            os.write(self._file, b"\n")


def read_entries(path: Path, *, wanted: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """Return the last ``limit`` entries whose fields equal ``wanted``.

    Torn lines of an earlier crash are passed over.
    """
    found = [entry for entry in _entries(path) if all(str(entry.get(key)) == value for key, value in wanted.items())]
    return found[-limit:]


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
