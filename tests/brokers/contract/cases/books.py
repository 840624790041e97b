"""5xx: books and other reads: whole, or an error; never empty for want of an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers import postbacks
from brokers.connect import adapter_of
from domain.broker import (
    BROKER_PROTOCOLS,
    LOGIN_PROTOCOLS,
    MARKET_PROTOCOLS,
    BrokerError,
    BrokerUnavailable,
    CandleSource,
    HoldingsBook,
    MarginCalculator,
    OrderHistory,
    RateLimited,
    Verdict,
)
from domain.broker_spec import Capability
from domain.orders import OrderStatus, Side
from tests.brokers.contract.bench import Bench, Site
from tests.brokers.contract.case import case

ORDERS = 500
AT_ONCE = 10  # few enough for a busy machine to answer each in time
SPOILT = ("empty_body", "html_body", "bad_json", "server_error", "accept_then_reset", "accept_then_timeout")


def reads(site: Site) -> Sequence[Callable[[], Awaitable[object]]]:
    broker = site.broker
    return (broker.order_book, broker.trade_book, broker.positions, broker.funds)


@case(501, "a client who did nothing has empty books, and that is an answer")
async def _(bench: Bench) -> None:
    site = await bench.site()
    for read in (site.broker.order_book, site.broker.trade_book, site.broker.positions):
        assert list(await read()) == []


@case(502, "a book of 500 orders is read whole, every tag once")
async def _(bench: Bench) -> None:
    site = await bench.site(cash=10_000_000_000)
    first = await site.resting(await site.liquid())
    wishes = [replace(first, client_order_id=f"{10**17 + number}") for number in range(1, ORDERS + 1)]
    room = bench.member.spec.open_orders  # where fewer may rest at once, each lot is cancelled before the next
    for start in range(0, ORDERS, AT_ONCE):
        outcomes = await asyncio.gather(*(site.broker.place(wish) for wish in wishes[start : start + AT_ONCE]))
        assert {outcome.verdict for outcome in outcomes} == {Verdict.ACKNOWLEDGED}, outcomes
        if room is not None:
            await asyncio.gather(*(site.broker.cancel(outcome.broker_order_id) for outcome in outcomes))
    book = await site.broker.order_book()
    assert len(book) == ORDERS
    assert {order.client_order_id for order in book} == {wish.client_order_id for wish in wishes}
    stand = OrderStatus.OPEN if room is None else OrderStatus.CANCELLED
    assert {(order.status, order.reason) for order in book} == {(stand, "")}


@case(503, "a spoilt answer to a read is an error with the broker's name, never an empty book")
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.crossing(await site.liquid())
    await site.broker.place(wish)
    await site.reached(wish.client_order_id, OrderStatus.FILLED)
    hurried = site.hurried()
    for kind in SPOILT:
        for read in reads(hurried):
            await site.fault(kind)
            with pytest.raises(BrokerUnavailable, match=bench.member.slug):
                await read()
    for read in reads(site):
        assert await read()


@case(504, "a read too many is RateLimited")
async def _(bench: Bench) -> None:
    site = await bench.site()
    for read in reads(site):
        await site.fault("too_many_requests")
        with pytest.raises(RateLimited):
            await read()


@case(505, "fills, position and funds agree")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    before = await site.broker.funds()
    assert before.total == before.available + before.used
    wish = await site.crossing(row, quantity=2 * row.lot_size)
    await site.broker.place(wish)
    order = await site.reached(wish.client_order_id, OrderStatus.FILLED)
    fills = await site.broker.trade_book()
    worth = sum((fill.quantity * fill.price for fill in fills), Decimal(0))
    assert abs(worth / order.filled_quantity - order.average_price) < Decimal("0.01")
    (position,) = await site.broker.positions()
    assert (position.symbol, position.exchange, position.quantity) == (row.symbol, row.exchange, 2 * row.lot_size)
    assert abs(position.average_price - order.average_price) < Decimal("0.01")
    after = await site.broker.funds()
    assert after.available < before.available
    assert after.used > before.used


@case(506, "holdings are read", Capability.HOLDINGS)
async def _(bench: Bench) -> None:
    site = await bench.site()
    assert isinstance(site.broker, HoldingsBook)
    assert list(await site.broker.holdings()) == []
    await site.fault("bad_json")
    with pytest.raises(BrokerUnavailable, match=bench.member.slug):
        await site.broker.holdings()


@case(507, "the margin of a basket is known before it is sent", Capability.BASKET_MARGIN)
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    legs = [await site.resting(row), await site.crossing(row, Side.SELL)]
    assert isinstance(site.broker, MarginCalculator)
    margin = await site.broker.basket_margin(legs)
    assert margin.required > 0
    assert len(margin.separate) in (0, len(legs))
    assert all(one >= 0 for one in margin.separate)
    await site.fault("bad_json")
    with pytest.raises(BrokerUnavailable, match=bench.member.slug):
        await site.broker.basket_margin(legs)


@case(508, "quotes are rupees and units, with the day's band, and leave out what nobody lists", Capability.QUOTES)
async def _(bench: Bench) -> None:
    site = await bench.site()
    liquid, second = await site.liquid(), await site.pick(*bench.member.stage.second)
    keys = [(row.exchange, row.symbol) for row in (liquid, second)]
    quotes = {quote.symbol: quote for quote in await site.market.quotes([*keys, (liquid.exchange, "NOSUCHTHING")])}
    assert set(quotes) == {liquid.symbol, second.symbol}
    for row in (liquid, second):
        quote = quotes[row.symbol]
        assert 0 < quote.bid <= quote.ask
        assert quote.token == row.token
        assert quote.bid_quantity % row.lot_size == quote.ask_quantity % row.lot_size == 0
        if quote.lower_band and quote.upper_band:
            assert quote.lower_band <= quote.last_price <= quote.upper_band
        assert quote.exchange_at is None or quote.exchange_at.tzinfo is not None


@case(509, "candles are oldest first, in rupees and units, within the span asked for", Capability.CANDLES)
async def _(bench: Bench) -> None:
    site = await bench.site()
    watched = await site.pick(*bench.member.stage.watched)
    assert isinstance(site.market, CandleSource)
    until = datetime.now(UTC) - timedelta(days=1)
    since = until - timedelta(days=6)
    for rule in bench.member.spec.candles:
        if rule.longest < until - since:
            continue
        bars = await site.market.candles(watched, interval=rule.interval, since=since, until=until)
        assert bars, rule
        starts = [bar.start for bar in bars]
        assert starts == sorted(set(starts))
        assert since <= starts[0] <= starts[-1] <= until
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


@case(510, "an interval or span the SPEC does not have is refused unsent", Capability.CANDLES)
async def _(bench: Bench) -> None:
    site = await bench.site()
    watched = await site.pick(*bench.member.stage.watched)
    rule = bench.member.spec.candles[0]
    assert isinstance(site.market, CandleSource)
    now = datetime.now(UTC)
    wrong = ((timedelta(seconds=7), timedelta(days=1)), (rule.interval, rule.longest + timedelta(days=1)))
    for interval, span in wrong:
        with pytest.raises(BrokerError, match="LIMIT"):
            await site.market.candles(watched, interval=interval, since=now - span, until=now)


@case(511, "an order of an id nobody gave has no history", Capability.ORDER_HISTORY)
async def _(bench: Bench) -> None:
    site = await bench.site()
    assert isinstance(site.broker, OrderHistory)
    for odd in ("", "../trades", "a b"):
        with pytest.raises(BrokerError, match=bench.member.slug):
            await site.broker.order_history(odd)


@case(512, "the SPEC offers exactly what the adapter has")
async def _(bench: Bench) -> None:
    site = await bench.site()
    held = ((BROKER_PROTOCOLS, site.broker), (MARKET_PROTOCOLS, site.market), (LOGIN_PROTOCOLS, site.login))
    for protocols, thing in held:
        for capability, protocol in protocols.items():
            assert isinstance(thing, protocol) == (capability in bench.member.spec.offers), capability
    adapter, offers = adapter_of(bench.member.slug), bench.member.spec.offers
    made = {Capability.MARKET_FEED: adapter.feed, Capability.ORDER_STREAM: adapter.order_stream}
    for capability, maker in made.items():
        assert (maker is not None) == (capability in offers), capability
    assert (bench.member.slug in postbacks.VERIFIERS) == (Capability.POSTBACK in offers)
    assert bool(bench.member.spec.candles) == (Capability.CANDLES in offers)
