"""9xx: what no broker should send, and some do: a clear error with the broker's name, and nothing done."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from aiohttp import web

from domain.broker import BrokerUnavailable, Verdict
from tests.brokers.contract.bench import Bench, answering
from tests.brokers.contract.case import case
from tests.brokers.contract.cases.books import reads
from tests.brokers.servers import serve

MEGABYTE = 1 << 20
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def refuses(bench: Bench, answer: Answer, *, orders: bool = True, books: bool = True, code: str = "") -> None:
    """An order call behind this answer is UNKNOWN, a read an error with the broker's name; ``code`` "" is any."""
    trader = await bench.site()
    wish = await trader.resting(await trader.liquid())
    site = await bench.stub(answer)
    if orders:
        outcome = await site.broker.place(wish)
        assert outcome.verdict is Verdict.UNKNOWN, outcome
        assert outcome.code == (code or outcome.code) != "", outcome
    if books:
        # Together: a terminal whose answers are refused is waited for in vain, and a case has a minute.
        for error in await asyncio.gather(*(read() for read in reads(site)), return_exceptions=True):
            assert isinstance(error, BrokerUnavailable), error
            assert bench.member.slug in str(error)
            assert error.code == (code or error.code) != ""


@case(901, "a redirect to another host is not followed, by orders, reads, masters or sign-ins")
async def _(bench: Bench) -> None:
    visited: list[str] = []

    async def elsewhere(http: web.Request) -> web.StreamResponse:
        visited.append(f"{http.method} {http.path}")
        return web.Response(body=bench.member.placed("261120000000001"), content_type="application/json")

    other = await bench.stack.enter_async_context(serve(elsewhere))
    for status in (301, 302, 303, 307, 308):
        await refuses(bench, answering(status, b"", "text/html", headers={"Location": f"{other}/elsewhere"}))
    site = await bench.stub(answering(302, b"", "text/html", headers={"Location": f"{other}/elsewhere"}))
    with pytest.raises(BrokerUnavailable, match=bench.member.slug):
        await site.market.instruments()
    with pytest.raises(BrokerUnavailable, match=bench.member.slug):
        await site.login.exchange(request_token="once", now=datetime.now(UTC))
    assert visited == []


@case(902, "another type of content is refused")
async def _(bench: Bench) -> None:
    page = b"<html><head><title>Sign in to the network</title></head></html>"
    for content_type in ("text/html", "application/json", "application/octet-stream", ""):
        await refuses(bench, answering(200, page, content_type))


@case(903, "a body longer than any honest one is refused before it fills the memory")
async def _(bench: Bench) -> None:
    def flood(megabytes: int) -> Answer:
        async def answer(http: web.Request) -> web.StreamResponse:
            await http.read()
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(http)
            for _ in range(megabytes):
                try:
                    await response.write(b" " * MEGABYTE)
                except ConnectionError:
                    break
            return response

        return answer

    await refuses(bench, flood(2), books=False, code="OVERSIZE")
    await refuses(bench, flood(40), orders=False, code="OVERSIZE")


@case(904, "invalid UTF-8 is refused")
async def _(bench: Bench) -> None:
    for body in (
        b"\xff\xfe",
        b'{"status":"success","data":"\xff"}',
        bench.member.placed("26112000000000").replace(b"26", b"\xff", 1),
    ):
        await refuses(bench, answering(200, body, "application/json"))


@case(905, "a body that ends early is refused")
async def _(bench: Bench) -> None:
    async def answer(http: web.Request) -> web.StreamResponse:
        await http.read()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = 1000
        await response.prepare(http)
        await response.write(bench.member.placed("261120000000001")[:20])
        await asyncio.sleep(0)
        assert http.transport is not None
        http.transport.abort()
        return response

    await refuses(bench, answer)


@case(906, "every prefix of an answer is refused")
async def _(bench: Bench) -> None:
    trader = await bench.site()
    wish = await trader.resting(await trader.liquid())
    whole = bench.member.answer("261120000000001", wish)
    for length in range(0, len(whole), 7):
        site = await bench.stub(answering(200, whole[:length], "application/json"))
        outcome = await site.broker.place(wish)
        assert outcome.verdict is Verdict.UNKNOWN, (whole[:length], outcome)


@case(907, "an order id that is none proves nothing")
async def _(bench: Bench) -> None:
    trader = await bench.site()
    wish = await trader.resting(await trader.liquid())
    for odd in ("", " ", "../../etc", "x" * 100, "12\\n34"):
        site = await bench.stub(answering(200, bench.member.placed(odd), "application/json"))
        outcome = await site.broker.place(wish)
        assert (outcome.verdict, outcome.broker_order_id) == (Verdict.UNKNOWN, ""), (odd, outcome)


@case(908, "nobody at the address is UNKNOWN to orders and unavailable to reads")
async def _(bench: Bench) -> None:
    async def gone(http: web.Request) -> web.StreamResponse:
        assert http.transport is not None
        http.transport.abort()
        return web.Response()

    await refuses(bench, gone)
