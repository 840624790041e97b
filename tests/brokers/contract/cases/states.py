"""3xx: what becomes of orders, told in sequence and out of it."""

from decimal import Decimal

import pytest

from domain.broker import BrokerUnavailable, InstrumentRow, OrderHistory, Quote, Verdict
from domain.broker_spec import Capability
from domain.orders import FINAL, BrokerOrder, OrderRequest, OrderStatus, OrderType, Side
from domain.prices import round_to_tick
from tests.brokers.contract.bench import Bench, Site, answering, request
from tests.brokers.contract.case import case
from tests.brokers.contract.cases.orders import STOPS, change
from tests.brokers.contract.member import Member, Shown


async def shown_as(bench: Bench, *rows: Shown) -> list[BrokerOrder]:
    site = await bench.stub(answering(200, bench.member.book(rows), "application/json"))
    return list(await site.broker.order_book())


@case(301, "every documented status has one meaning, whatever stood before")
async def _(bench: Bench) -> None:
    statuses = bench.member.statuses
    assert {one.expected for one in statuses} >= {
        OrderStatus.OPEN,
        OrderStatus.TRIGGER_PENDING,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
    }
    rows = [
        Shown(
            f"26112000000{number:04d}",
            one.raw,
            filled=one.filled,
            order_type=one.order_type,
            tag=f"VAYDA{number:015d}",
        )
        for number, one in enumerate(statuses)
    ]
    for shown in (await shown_as(bench, *rows), list(reversed(await shown_as(bench, *reversed(rows))))):
        assert [order.status for order in shown] == [one.expected for one in statuses]
        assert [order.filled_quantity for order in shown] == [one.filled for one in statuses]


@case(302, "a status nobody documented is refused with the broker's name, not guessed")
async def _(bench: Bench) -> None:
    with pytest.raises(BrokerUnavailable, match=bench.member.slug):
        await shown_as(bench, Shown("261120000000001", "SOMETHING NEW"))


@case(303, "what was filled before a cancel is kept")
async def _(bench: Bench) -> None:
    cancelled = next(one for one in bench.member.statuses if one.expected is OrderStatus.CANCELLED)
    (shown,) = await shown_as(bench, Shown("261120000000001", cancelled.raw, filled=20))
    assert (shown.status, shown.filled_quantity, shown.quantity) == (OrderStatus.CANCELLED, 20, 65)


@case(304, "more filled than ordered, or less than nothing, is refused")
async def _(bench: Bench) -> None:
    resting = next(one for one in bench.member.statuses if one.expected is OrderStatus.OPEN)
    for filled in (66, -1):
        with pytest.raises(BrokerUnavailable, match=bench.member.slug):
            await shown_as(bench, Shown("261120000000001", resting.raw, filled=filled))


@case(305, "an order filled in parts shows each part once, and they add up at every read")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    await site.deviate(partial_fill_ratio=1.0)
    wish = await site.crossing(row, quantity=10 * row.lot_size)
    await site.broker.place(wish)
    seen: list[int] = []

    async def filled() -> BrokerOrder | None:
        order = await site.tagged(wish.client_order_id)
        if order is None:
            return None
        seen.append(order.filled_quantity)
        assert order.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
        assert (order.status is OrderStatus.PARTIALLY_FILLED) == (0 < order.filled_quantity < order.quantity)
        return order if order.status is OrderStatus.FILLED else None

    order = await bench.until(filled)
    assert seen == sorted(seen)
    fills = [fill for fill in await site.broker.trade_book() if fill.broker_order_id == order.broker_order_id]
    assert len(fills) > 1
    assert sum(fill.quantity for fill in fills) == order.quantity
    assert len({fill.exchange_trade_id for fill in fills}) == len(fills)
    assert all(fill.side is wish.side and fill.symbol == row.symbol for fill in fills)


@case(306, "a fill that comes late is shown when it comes")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    await site.deviate(fill_delay_seconds=0.5)
    wish = await site.crossing(row)
    placed = await site.broker.place(wish)
    assert placed.verdict is Verdict.ACKNOWLEDGED
    order = await site.reached(wish.client_order_id, OrderStatus.FILLED)
    assert order.broker_order_id == placed.broker_order_id
    (fill,) = [one for one in await site.broker.trade_book() if one.broker_order_id == order.broker_order_id]
    assert fill.filled_at.tzinfo is not None


@case(307, "a cancel or modify that loses the race is refused, provably, and the fill stands")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    wish = await site.crossing(row)
    placed = await site.broker.place(wish)
    await site.reached(wish.client_order_id, OrderStatus.FILLED)
    cancelled = await site.broker.cancel(placed.broker_order_id)
    assert cancelled.verdict is Verdict.REJECTED, cancelled
    changed = await site.broker.modify(placed.broker_order_id, await change(site, wish))
    assert changed.verdict is Verdict.REJECTED, changed
    assert (await site.reached(wish.client_order_id, OrderStatus.FILLED)).filled_quantity == row.lot_size


@case(308, "an order the exchange refuses after an id was given is REJECTED with its reason")
async def _(bench: Bench) -> None:
    site = await bench.site()
    await site.deviate(reject_after_accept="16283 : The order was rejected by the exchange.")
    wish = await site.resting(await site.liquid())
    placed = await site.broker.place(wish)
    assert placed.verdict is Verdict.ACKNOWLEDGED
    shown = await site.reached(wish.client_order_id, OrderStatus.REJECTED)
    assert "16283" in shown.reason
    assert shown.filled_quantity == 0


@case(309, "an order beyond the account's money is refused or REJECTED, and says so")
async def _(bench: Bench) -> None:
    site = await bench.site(cash=0)
    wish = await site.resting(await site.liquid())
    placed = await site.broker.place(wish)
    if placed.verdict is Verdict.REJECTED:
        assert placed.is_margin, placed
        return
    shown = await site.reached(wish.client_order_id, OrderStatus.REJECTED)
    assert "fund" in shown.reason.lower() or "margin" in shown.reason.lower(), shown.reason


@case(310, "an order's history is its states, oldest first, ending as the book shows it", Capability.ORDER_HISTORY)
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    placed = await site.broker.place(wish)
    await site.reached(wish.client_order_id, OrderStatus.OPEN)
    await site.broker.cancel(placed.broker_order_id)
    booked = await site.reached(wish.client_order_id, OrderStatus.CANCELLED)
    assert isinstance(site.broker, OrderHistory)
    states = await site.broker.order_history(placed.broker_order_id)
    assert len(states) > 1
    assert states[-1] == booked
    assert {one.broker_order_id for one in states} == {placed.broker_order_id}
    times = [one.updated_at for one in states if one.updated_at]
    assert times == sorted(times)
    assert not any(one.status in FINAL for one in states[:-1])
    with pytest.raises(BrokerUnavailable):
        await site.broker.order_history("9" * len(placed.broker_order_id))


PUSH = Decimal("0.003")
"""How far the market is moved at once, as a fraction."""


def no_stops(member: Member) -> str:
    exchange = member.stage.stopped[0]
    return "" if any(member.spec.takes(exchange, one) for one in STOPS) else "no orders that wait for a trigger"


@case(311, "a stop waits for its trigger, then trades", unless=no_stops)
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.pick(*bench.member.stage.stopped)
    kind = OrderType.SL if bench.member.spec.takes(row.exchange, OrderType.SL) else OrderType.SL_M
    quote = await site.quote(row)
    stop = _stop(row, quote, kind)
    await site.broker.place(stop)
    shown = await site.reached(stop.client_order_id, OrderStatus.TRIGGER_PENDING)
    assert (shown.trigger_price, shown.price, shown.order_type) == (
        stop.trigger_price,
        stop.price if kind is OrderType.SL else 0,
        kind,
    )
    seen: set[Decimal] = set()

    async def pushed() -> BrokerOrder | None:
        """Push the market towards the trigger a little, once per price it shows, until the stop has traded."""
        order = await site.tagged(stop.client_order_id)
        price = (await site.quote(row)).last_price
        if (stop.trigger_price - price) * stop.side.sign > 0 and price not in seen:
            seen.add(price)
            await shock(bench, row.underlying, 1 + stop.side.sign * PUSH)
        return order if order is not None and order.status is OrderStatus.FILLED else None

    try:
        assert (await bench.until(pushed)).trigger_price == stop.trigger_price
    finally:
        away = (1 + stop.side.sign * PUSH) ** len(seen)
        await _put_back(site, row, quote.last_price, away)


def _stop(row: InstrumentRow, quote: Quote, kind: OrderType) -> OrderRequest:
    """Return a stop 1 % from the market with its limit at 4 %, both within the day's band: near its top, to sell."""
    side = Side.BUY
    if quote.upper_band and quote.lower_band and quote.last_price > (quote.lower_band + 3 * quote.upper_band) / 4:
        side = Side.SELL
    trigger, limit = (
        round_to_tick(quote.last_price * (1 + side.sign * Decimal(by)), row.tick_size, up=side is Side.BUY)
        for by in ("0.01", "0.04")
    )
    return request(row, side=side, price=limit, trigger_price=trigger, order_type=kind)


async def _put_back(site: Site, row: InstrumentRow, stood: Decimal, away: Decimal) -> None:
    """Put the market back where it stood, and wait until that is seen.

    The next broker's case would start from the price before, and end farther off: one after the other, at the day's
    band.
    """
    await shock(site.bench, row.underlying, 1 / away)

    async def back() -> bool | None:
        moved = (await site.quote(row)).last_price / stood - 1
        return abs(moved) <= abs(away - 1) / 2 or None

    if away != 1:
        await site.bench.until(back)


async def shock(bench: Bench, underlying: str, factor: Decimal) -> None:
    """Move the market for everybody."""
    percent = f"{100 * (factor - 1):.6f}"
    await bench.control("market", {"action": "shock", "underlying": underlying, "percent": percent})
