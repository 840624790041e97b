"""The bare wave: warm connections that POST order forms, and nothing else; the floor of every wave."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from time import perf_counter

import aiohttp

from apps.trading.models import Order
from tests.bench.installation import Installation


def raw_wave(installation: Installation, tokens: Mapping[str, str], *, each: int = 1) -> tuple[float, float]:
    """Return the milliseconds to the last arrival and to the last reply.

    Every client sends the newest order's form, ``each`` times one after the other.
    """
    ledger = installation.ledger()
    started_at, spent = asyncio.run(_post_all(installation.simulator_url, tokens, _form(), each))
    last = max(datetime.fromisoformat(row["at"]) for row in ledger.placed("REQUEST"))
    return (last - started_at).total_seconds() * 1000, spent


def _form() -> dict[str, str]:
    found = Order.objects.select_related("instrument").order_by("-pk")[0]
    name = found.instrument.broker_names.get(broker="zerodha")
    return {
        "exchange": name.exchange,
        "tradingsymbol": name.symbol,
        "transaction_type": found.side,
        "quantity": str(found.quantity),
        "price": f"{found.price:.2f}",
        "product": found.product,
        "order_type": found.order_type,
        "validity": "DAY",
    }


async def _post_all(url: str, tokens: Mapping[str, str], form: Mapping[str, str], each: int) -> tuple[datetime, float]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        headers = [{"X-Kite-Version": "3", "Authorization": f"token {name}key:{tokens[name]}"} for name in tokens]

        async def call(path: str, header: Mapping[str, str], data: Mapping[str, str] | None) -> None:
            async with session.request(
                "POST" if data else "GET", f"{url}/zerodha{path}", headers=header, data=data
            ) as answer:
                await answer.read()
                answer.raise_for_status()

        async def client(header: Mapping[str, str]) -> None:
            for _ in range(each):
                await call("/orders/regular", header, form)

        await asyncio.gather(*(call("/user/margins", header, None) for header in headers))
        started_at, started = datetime.now(tz=UTC), perf_counter()
        await asyncio.gather(*(client(header) for header in headers))
        return started_at, (perf_counter() - started) * 1000
