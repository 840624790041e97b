"""The ledger is on disk before anybody is answered, and a wave shares its fsyncs."""

import asyncio
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from simulator.ledger import Entry, Event, Ledger, LedgerClosed, read_entries

MARKET_NOW = datetime(2026, 8, 18, 5, 15, tzinfo=UTC)


def entry(tag: str = "t", event: Event = Event.REQUEST) -> Entry:
    return Entry(event=event, broker="zerodha", client="DEMO01", tag=tag, symbol="NIFTY", side="BUY", quantity=75)


def ledger(path: Path, *, sync=os.fdatasync) -> Ledger:
    return Ledger(path, market_now=lambda: MARKET_NOW, sync=sync)


def lines(path: Path) -> list[dict]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_an_entry_is_synced_to_disk_before_durable_returns(tmp_path):
    synced: list[int] = []
    path = tmp_path / "simulator" / "ledger.jsonl"

    async def scene() -> None:
        book = ledger(path, sync=lambda _: synced.append(len(lines(path))))
        book.append(entry())
        await book.durable()
        assert synced == [1]
        await book.aclose()

    asyncio.run(scene())


def test_a_line_carries_the_agreed_fields(tmp_path):
    path = tmp_path / "ledger.jsonl"

    async def scene() -> None:
        book = ledger(path)
        book.append(entry())
        await book.aclose()

    asyncio.run(scene())
    [line] = lines(path)
    agreed = {
        "at",
        "broker",
        "client",
        "endpoint",
        "tag",
        "order_id",
        "symbol",
        "side",
        "quantity",
        "price",
        "event",
    }
    assert agreed <= set(line)
    assert datetime.fromisoformat(line["at"]).tzinfo is not None
    assert datetime.fromisoformat(line["market_at"]) == MARKET_NOW


def test_two_hundred_concurrent_requests_share_a_few_syncs_and_keep_their_order(tmp_path):
    """The first sync is held until the whole wave is queued: one more sync must then cover all of it."""
    path = tmp_path / "ledger.jsonl"
    all_queued = threading.Event()

    def sync(file: int) -> None:
        assert all_queued.wait(timeout=60)
        os.fdatasync(file)

    async def request(book: Ledger, number: int) -> None:
        book.append(entry(tag=str(number)))
        await book.durable()

    async def scene() -> int:
        book = ledger(path, sync=sync)
        first = asyncio.create_task(request(book, 0))
        await asyncio.sleep(0)
        wave = [asyncio.create_task(request(book, number)) for number in range(1, 200)]
        await asyncio.sleep(0)
        all_queued.set()
        await asyncio.gather(first, *wave)
        await book.aclose()
        return book.syncs

    assert asyncio.run(scene()) <= 3
    assert [line["tag"] for line in lines(path)] == [str(number) for number in range(200)]
    assert [line["sequence"] for line in lines(path)] == list(range(1, 201))


def test_nobody_is_answered_when_the_disk_refuses(tmp_path):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    async def scene() -> None:
        book = ledger(tmp_path / "ledger.jsonl", sync=full)
        book.append(entry())
        with pytest.raises(LedgerClosed, match="No space left"):
            await book.durable()
        with pytest.raises(LedgerClosed):
            book.append(entry())

    asyncio.run(scene())


def test_a_line_torn_by_a_crash_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"event":"REQUEST","tag":"old"}\n{"event":"ACC')

    async def scene() -> None:
        book = ledger(path)
        book.append(entry(tag="new"))
        await book.aclose()

    asyncio.run(scene())
    assert [found["tag"] for found in read_entries(path, wanted={}, limit=10)] == ["old", "new"]


def test_entries_are_found_by_field_newest_last(tmp_path):
    path = tmp_path / "ledger.jsonl"

    async def scene() -> None:
        book = ledger(path)
        for event in (Event.REQUEST, Event.ACCEPTED, Event.FILL):
            book.append(entry(tag="wanted", event=event))
        book.append(entry(tag="other"))
        await book.aclose()

    asyncio.run(scene())
    found = read_entries(path, wanted={"tag": "wanted"}, limit=2)
    assert [line["event"] for line in found] == ["ACCEPTED", "FILL"]
