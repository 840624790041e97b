"""4xx: what an answer to an order call proves."""

from dataclasses import replace

from domain.broker import Outcome, Verdict
from domain.orders import OrderStatus
from tests.brokers.contract.bench import Bench, answering, new_tag
from tests.brokers.contract.case import case
from tests.brokers.contract.cases.orders import change
from tests.brokers.contract.member import Sample

UNCLEAR = (
    "accept_then_reset",
    "accept_then_timeout",
    "empty_body",
    "html_body",
    "bad_json",
    "no_order_id",
    "placed_but_400",
)


async def proved(bench: Bench, sample: Sample) -> Outcome:
    """What the adapter makes of a documented answer to a place."""
    trader = await bench.site()
    wish = await trader.resting(await trader.liquid())
    site = await bench.stub(answering(sample.status, sample.body, sample.content_type))
    return await site.broker.place(wish)


async def check(bench: Bench, *verdicts: Verdict, is_margin: bool | None = None) -> None:
    samples = [one for one in bench.member.errors if one.verdict in verdicts and is_margin in (None, one.is_margin)]
    assert samples, f"{bench.member.slug} has no sample of {verdicts}"
    for sample in samples:
        outcome = await proved(bench, sample)
        assert outcome.verdict is sample.verdict, (sample.name, outcome)
        assert outcome.is_margin is sample.is_margin, (sample.name, outcome)
        assert outcome.code, sample.name


@case(401, "documented refusals are REJECTED")
async def _(bench: Bench) -> None:
    await check(bench, Verdict.REJECTED, is_margin=False)


@case(402, "documented refusals for want of money are REJECTED and marked so")
async def _(bench: Bench) -> None:
    await check(bench, Verdict.REJECTED, is_margin=True)


@case(403, "documented rate limits are RATE_LIMITED")
async def _(bench: Bench) -> None:
    await check(bench, Verdict.RATE_LIMITED)


@case(404, "documented ends of a session are SESSION_LOST")
async def _(bench: Bench) -> None:
    await check(bench, Verdict.SESSION_LOST)


@case(405, "answers that prove nothing are UNKNOWN, whatever they sound like")
async def _(bench: Bench) -> None:
    await check(bench, Verdict.UNKNOWN)


@case(406, "every line of the SPEC's allow-list has a documented sample")
async def _(bench: Bench) -> None:
    kinds = {rule.kind for rule in bench.member.spec.errors}
    verdicts = {(sample.verdict, sample.is_margin) for sample in bench.member.errors}
    assert len(verdicts - {(Verdict.UNKNOWN, False)}) == len(kinds)


@case(407, "an order behind an unclear answer is UNKNOWN, and the book has it once by its tag")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    hurried = site.hurried()
    for kind in UNCLEAR:
        await site.fault(kind, "orders.place")
        wish = await site.resting(row)
        outcome = await hurried.broker.place(wish)
        assert outcome.verdict is Verdict.UNKNOWN, (kind, outcome)
        assert outcome.broker_order_id == ""
        await site.reached(wish.client_order_id, OrderStatus.OPEN)


@case(408, "an order that never arrived is UNKNOWN, and the book does not have it")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    for kind in ("never_delivered", "server_error"):
        await site.fault(kind, "orders.place")
        wish = await site.resting(row)
        outcome = await site.broker.place(wish)
        assert outcome.verdict is Verdict.UNKNOWN, (kind, outcome)
        assert await site.tagged(wish.client_order_id) is None


@case(409, "an order taken long after its answer was lost is UNKNOWN, and found when it stands")
async def _(bench: Bench) -> None:
    site = await bench.site()
    await site.fault("late_accept", "orders.place", seconds=0.5)
    wish = await site.resting(await site.liquid())
    assert (await site.broker.place(wish)).verdict is Verdict.UNKNOWN
    found = await bench.until(lambda: site.tagged(wish.client_order_id))
    assert found.status is OrderStatus.OPEN


@case(410, "too many requests are RATE_LIMITED, and nothing was done")
async def _(bench: Bench) -> None:
    site = await bench.site()
    await site.fault("too_many_requests", "orders.place")
    wish = await site.resting(await site.liquid())
    assert (await site.broker.place(wish)).verdict is Verdict.RATE_LIMITED
    assert await site.tagged(wish.client_order_id) is None


@case(411, "a lost answer to a modify or cancel is UNKNOWN, and the book tells")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    hurried = site.hurried()
    wish = await site.resting(row)
    placed = await site.broker.place(wish)
    price = wish.price + row.tick_size
    for kind in UNCLEAR[:-2]:
        await site.fault(kind, "orders.modify")
        wanted = await change(site, wish, price=price)
        outcome = await hurried.broker.modify(placed.broker_order_id, wanted)
        assert outcome.verdict is Verdict.UNKNOWN, (kind, outcome)
        assert (await site.reached(wish.client_order_id, OrderStatus.OPEN)).price == price
        price += row.tick_size
    await site.fault("accept_then_reset", "orders.cancel")
    assert (await site.broker.cancel(placed.broker_order_id)).verdict is Verdict.UNKNOWN
    await site.reached(wish.client_order_id, OrderStatus.CANCELLED)


@case(412, "no order call is ever sent twice")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    for kind in ("accept_then_reset", "never_delivered", "server_error", "too_many_requests", "empty_body"):
        await site.fault(kind, "orders.place")
        wish = await site.resting(row)
        await site.broker.place(wish)
        asked = await bench.ledger(client=site.name, event="REQUEST", tag=wish.client_order_id)
        assert len(asked) == 1, (kind, asked)
    # A library may send a modify or cancel again when a kept-alive connection drops under it: it is warm here.
    placed = await site.broker.place(await site.resting(row))
    for endpoint, call in (("orders.modify", site.broker.modify), ("orders.cancel", site.broker.cancel)):
        await site.fault("accept_then_reset", endpoint)
        rest = (await change(site, wish),) if endpoint == "orders.modify" else ()
        await call(placed.broker_order_id, *rest)
        asked = await bench.ledger(client=site.name, event="REQUEST", endpoint=endpoint)
        assert len(asked) == 1, (endpoint, asked)


@case(413, "an answer about another order proves nothing")
async def _(bench: Bench) -> None:
    trader = await bench.site()
    wish = await trader.resting(await trader.liquid())
    member, other = bench.member, replace(wish, client_order_id=new_tag())
    site = await bench.stub(answering(200, member.answer("261120000000777", wish), "application/json"))
    named = member.order_id("261120000000001", other)
    assert (await site.broker.cancel(named)).verdict is Verdict.UNKNOWN
    assert (await site.broker.modify(named, await change(site, wish))).verdict is Verdict.UNKNOWN
    assert (await site.broker.place(wish)).broker_order_id == member.order_id("261120000000777", wish)
