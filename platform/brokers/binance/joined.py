"""Several streams read as one: each in a task of its own, and the first that ends ends all."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Joined(Generic[_Item]):
    """Made inside the running loop, and read once. What came waits until it is read."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[_Item | asyncio.Task[None]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, stream: AsyncGenerator[_Item, None]) -> None:
        """Begin to read a stream, now or while the others are read."""
        task = asyncio.get_running_loop().create_task(self._read(stream))
        task.add_done_callback(self._items.put_nowait)
        self._tasks.append(task)

    async def read(self) -> AsyncIterator[_Item]:
        """Yield what comes from any of them; raises what the first that ended ended with."""
        while True:
            item = await self._items.get()
            if isinstance(item, asyncio.Task):
                item.result()
                return
            yield item

    async def aclose(self) -> None:
        """Stop reading and close the streams."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, stream: AsyncGenerator[_Item, None]) -> None:
        async with aclosing(stream) as items:
            async for item in items:
                self._items.put_nowait(item)
