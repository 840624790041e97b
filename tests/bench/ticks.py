"""Ticks a second from the feed's side of the bus to the risk engine, beside what the same work costs without a bus.

Run as ``PYTHONPATH=.:platform python -m tests.bench.ticks`` with ``REDIS_URL`` naming a Redis that may be written to. A
second process publishes batches of 64 ticks of 500 instruments; this one subscribes as the signals worker does. The
floors, decoding alone and decoding with the engine, are measured in the same rounds; medians are kept. Rates are wall
time, so the publisher and Redis share the machine's cores with the reader.
"""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from time import perf_counter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

from bus import ticks as bus
from bus.connection import redis_client
from domain.broker import RawTick
from domain.feed.ingest import Ingest, Named
from domain.feed.validation import Band, LastSeen
from domain.risk import RiskEngine
from domain.ticks import Tick
from tests.bench.engine import CASES, ENTRY, INSTRUMENTS, MILLISECONDS, PAISA, encode, walk
from tests.bench.record import Figure, record

BATCH = 64
CHUNK = 1_000  # batches between two acknowledgements: less than Redis holds for a slow reader
ROUNDS = 3
FRAME = 100
INGESTED = 300_000
RULES = CASES[1]
Use = Callable[[list[Tick]], object]


def main() -> None:
    """Measure and record."""
    payloads = encode(walk(RULES.reach))
    rounds = [one_round(payloads) for _ in range(ROUNDS)]
    decoded, judged, heard, fed, published, ingested, unpacked = (median(one) for one in zip(*rounds, strict=True))
    record(
        [
            Figure("ticks", "bus to reader, decoded", heard, "ticks/s", decoded, ">= 500,000"),
            Figure("ticks", "bus to engine, 100k legs armed", fed, "ticks/s", judged, ">= 500,000"),
            Figure("ticks", "publish: encode, last prices, channel", published, "ticks/s"),
            Figure("ticks", "ingest: join, judge, make ticks", ingested, "ticks/s", unpacked),
        ]
    )


def one_round(payloads: Sequence[bytes]) -> tuple[float, ...]:
    """Return ticks/s of: decode, decode + engine, bus + decode, bus + decode + engine, publish, ingest, bare ticks."""
    count = len(payloads) * BATCH
    return (
        rate(count, lambda: [bus._ticks.decode(payload) for payload in payloads]),
        _rate_of_engine(payloads),
        asyncio.run(over_the_bus(count, len)),
        _rate_over_bus_to_engine(count),
        _rate_of_publishing(payloads[:CHUNK]),
        *_rates_of_ingest(),
    )


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many a second, the collector quiet as in a long-running worker."""
    gc.collect()
    gc.freeze()
    started = perf_counter()
    work()
    spent = perf_counter() - started
    gc.unfreeze()
    return count / spent


def _rate_of_engine(payloads: Sequence[bytes]) -> float:
    engine = RULES.arm()
    return rate(len(payloads) * BATCH, lambda: [engine.on_ticks(bus._ticks.decode(payload)) for payload in payloads])


def _rate_over_bus_to_engine(count: int) -> float:
    engine: RiskEngine = RULES.arm()
    gc.collect()
    gc.freeze()
    try:
        return asyncio.run(over_the_bus(count, engine.on_ticks))
    finally:
        gc.unfreeze()


async def over_the_bus(count: int, use: Use) -> float:
    """Return ticks/s from the publisher's first word to the reader's last; raises when one was lost."""
    stream = bus.listen()
    await stream.ready()
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.ticks", "publish", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert publisher.stdin is not None
    assert publisher.stdout is not None
    await publisher.stdout.readline()
    seen, acknowledged = 0, 0
    started = perf_counter()
    publisher.stdin.write(b"\n\n")
    while seen < count:
        batch = await anext(stream)
        use(batch)
        seen += len(batch)
        while acknowledged < seen // (CHUNK * BATCH):
            acknowledged += 1
            publisher.stdin.write(b"\n")
    spent = perf_counter() - started
    publisher.stdin.close()
    await publisher.wait()
    await stream.aclose()
    if (seen, stream.gaps, stream.lost) != (count, 0, 0):
        raise RuntimeError(f"{seen} of {count} ticks arrived, {stream.gaps} gaps, {stream.lost} lost")
    return count / spent


def publish() -> None:
    """The other process: send every batch, two acknowledgements ahead of the reader at most."""
    payloads, client = encode(walk(RULES.reach)), redis_client()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for start in range(0, len(payloads), CHUNK):
        sys.stdin.readline()
        for first in range(start, min(start + CHUNK, len(payloads)), 50):
            with client.pipeline(transaction=False) as pipe:
                for payload in payloads[first : min(first + 50, start + CHUNK)]:
                    pipe.publish(bus.CHANNEL, payload)
                pipe.execute()


def _rate_of_publishing(payloads: Sequence[bytes]) -> float:
    client, batches = redis_client(), [bus._ticks.decode(payload) for payload in payloads]
    found = rate(len(batches) * BATCH, lambda: [bus.publish(client, batch) for batch in batches])
    client.delete(bus.LAST)
    return found


def _rates_of_ingest() -> tuple[float, float]:
    """Return ticks/s of the feed's own work on decoded packets, and of only making the ticks."""
    ingest, chance = Ingest(), Random(5)
    for number in range(INSTRUMENTS):
        seen = LastSeen(band=Band(ENTRY // 2, ENTRY * 2))
        ingest.add(Named(number, "NFO", "OPT", "NFO", f"N{number}", str(number), seen=seen))
    packets = [_packet(chance.randrange(INSTRUMENTS), number) for number in range(INGESTED)]
    frames = [packets[start : start + FRAME] for start in range(0, INGESTED, FRAME)]

    def take() -> None:
        for frame in frames:
            ingest.take_packets(frame, received_at=MILLISECONDS, latest=MILLISECONDS * 2)
            ingest.take_pending()

    return rate(INGESTED, take), rate(INGESTED, lambda: [_bare(packet) for packet in packets])


def _bare(packet: RawTick) -> Tick:
    return Tick(
        1,
        packet.last_price,
        packet.bid,
        packet.ask,
        packet.bid_quantity,
        packet.ask_quantity,
        packet.volume,
        packet.open_interest,
        packet.close,
        packet.exchange_at,
        MILLISECONDS,
    )


def _packet(instrument: int, number: int) -> RawTick:
    price = ENTRY + (number % 200) * PAISA
    at = MILLISECONDS + number
    return RawTick(str(instrument), price, price - PAISA, price + PAISA, 65, 65, number, 1_000, ENTRY, at)


if __name__ == "__main__":
    if sys.argv[1:] == ["publish"]:
        publish()
    else:
        main()
