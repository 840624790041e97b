"""8xx: call limits at their edge, and clocks that disagree."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from domain.broker import BrokerError, Credentials, RateLimited, Verdict
from domain.broker_spec import EgressScope
from domain.orders import OrderStatus
from domain.venues import RUPEES
from tests.brokers.contract.bench import Bench, new_tag
from tests.brokers.contract.case import case
from tests.brokers.servers import serve


@asynccontextmanager
async def limited(bench: Bench) -> AsyncIterator[None]:
    """The broker's own call limits, for a while."""
    await bench.control("limits", {"enabled": True})
    try:
        yield
    finally:
        await bench.control("limits", {"enabled": False})


@case(801, "at the order limit's edge an order stands or is RATE_LIMITED, never both")
async def _(bench: Bench) -> None:
    site = await bench.site()
    first = await site.resting(await site.liquid())
    taken: set[str] = set()
    refused: set[str] = set()
    async with limited(bench):
        while not refused:
            wishes = [replace(first, client_order_id=new_tag()) for _ in range(bench.member.spec.limits.orders + 1)]
            outcomes = await asyncio.gather(*(site.broker.place(wish) for wish in wishes))
            for wish, outcome in zip(wishes, outcomes, strict=True):
                assert outcome.verdict in (Verdict.ACKNOWLEDGED, Verdict.RATE_LIMITED), outcome
                (taken if outcome.verdict is Verdict.ACKNOWLEDGED else refused).add(wish.client_order_id)
            if bench.member.spec.open_orders is not None:  # more may be sent than may rest
                placed = [one for one in outcomes if one.verdict is Verdict.ACKNOWLEDGED]
                await asyncio.gather(*(site.broker.cancel(one.broker_order_id) for one in placed))
    assert {order.client_order_id for order in await site.broker.order_book()} == taken


@case(802, "at the read limit's edge a book is whole or RateLimited")
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    await site.broker.place(wish)
    limits = 0
    async with limited(bench):
        while not limits:
            reads = [site.broker.order_book() for _ in range(bench.member.spec.limits.reads + 1)]
            for result in await asyncio.gather(*reads, return_exceptions=True):
                if isinstance(result, RateLimited):
                    limits += 1
                    continue
                assert not isinstance(result, BaseException), result
                assert [order.client_order_id for order in result] == [wish.client_order_id]


@case(803, "more quotes at once than the SPEC's limit are refused unsent")
async def _(bench: Bench) -> None:
    site = await bench.site()
    keys = [("NFO", f"NIFTY{number}") for number in range(bench.member.spec.quote_batch + 1)]
    with pytest.raises(BrokerError, match="LIMIT"):
        await site.market.quotes(keys)
    assert list(await site.market.quotes([])) == []


@case(811, "a broker whose clock is hours ahead is traded with, and its times are told as its own")
async def _(bench: Bench) -> None:
    base = await bench.start_exchange("ahead")
    site = await bench.site(base=base)
    wish = await site.resting(await site.liquid())
    assert (await site.broker.place(wish)).verdict is Verdict.ACKNOWLEDGED
    shown = await site.reached(wish.client_order_id, OrderStatus.OPEN)
    assert shown.updated_at is not None
    ahead = shown.updated_at - datetime.now(UTC)
    assert timedelta(hours=2) < ahead < timedelta(hours=4)


@case(821, "the SPEC's limits leave room for ours")
async def _(bench: Bench) -> None:
    spec = bench.member.spec
    # Ours is eight orders a second per account; a venue elsewhere may be slower, and is called as slowly.
    assert spec.limits.orders >= (8 if spec.currency == RUPEES else 4)
    assert spec.resend_wait_seconds >= 30
    assert spec.tag_length >= 18
    assert spec.tag_field
    assert spec.tag_shown_as
    assert spec.egress.scope in EgressScope
    assert spec.sign_in.user_must
    assert spec.errors


@case(831, "an account with a way out of its own uses it for orders, reads, masters and sign-ins")
async def _(bench: Bench) -> None:
    trader = await bench.site()
    wish = await trader.resting(await trader.liquid())
    passed: list[str] = []

    async def proxy(http: web.Request) -> web.StreamResponse:
        await http.read()
        passed.append(http.raw_path)
        return web.Response(body=bench.member.answer("261120000000001", wish), content_type="application/json")

    way_out = await bench.stack.enter_async_context(serve(proxy))
    fields = {**bench.member.fields("STUB01"), "proxy": way_out}
    # A host that does not exist: whatever does not go through the proxy goes nowhere.
    nowhere = "http://broker.invalid"
    credentials = Credentials("STUB01", fields, access_token=bench.member.token(nowhere))
    site = bench.opened(credentials, bench.member.endpoint(nowhere))
    assert (await site.broker.place(wish)).broker_order_id == bench.member.order_id("261120000000001", wish)
    reads = (site.broker.order_book, site.broker.funds, site.market.instruments)
    for count, read in enumerate((*reads, lambda: site.login.exchange(request_token="x", now=datetime.now(UTC))), 2):
        with pytest.raises(BrokerError):
            await read()
        assert len(passed) >= count
    assert all(path.startswith("http://broker.invalid") for path in passed), passed
