"""2xx: orders as they are asked for, in every type, product and unit the SPEC claims."""

from dataclasses import replace
from decimal import Decimal

from aiohttp import web

from domain.broker import NOTHING_AT_BROKER, InstrumentRow, TagLookup, Verdict
from domain.broker_spec import Capability
from domain.orders import OrderChange, OrderRequest, OrderStatus, OrderType, Product, Side, Validity
from domain.prices import round_to_tick
from domain.venues import venue_of
from tests.brokers.contract.bench import Bench, Site, new_tag, request
from tests.brokers.contract.case import case
from tests.brokers.contract.member import Member

STOPS = frozenset({OrderType.SL, OrderType.SL_M})


async def offered(site: Site) -> list[InstrumentRow]:
    """One contract per segment of the exchange that the broker trades."""
    spec = site.bench.member.spec
    return [await site.pick(*wanted) for wanted in site.bench.member.stage.segments if wanted[0] in spec.exchanges]


async def typed(site: Site, row: InstrumentRow, order_type: OrderType, product: Product) -> OrderRequest:
    """A buy order of the type: stops above the market, limits below it."""
    quote = await site.quote(row)
    above = round_to_tick(quote.last_price * Decimal("1.02"), row.tick_size, up=True)
    if order_type in STOPS:
        return request(row, price=above, trigger_price=above, order_type=order_type, product=product)
    return replace(await site.resting(row), order_type=order_type, product=product)


async def change(site: Site, wish: OrderRequest, **how: object) -> OrderChange:
    base = OrderChange(
        order_type=wish.order_type,
        quantity=wish.quantity,
        lot_size=wish.lot_size,
        exchange=wish.exchange,
        price=wish.price,
        symbol=wish.symbol,
        token=wish.token,
        side=wish.side,
        product=wish.product,
    )
    return replace(base, **how)  # type: ignore[arg-type]


@case(201, "every order type goes with every product the SPEC claims, segment by segment")
async def _(bench: Bench) -> None:
    site, spec = await bench.site(), bench.member.spec
    tried, rows = 0, await offered(site)
    for row in rows:
        for order_type in sorted(spec.order_types):
            for product in sorted(spec.products):
                if not spec.takes(row.exchange, order_type, product):
                    continue
                wish = await typed(site, row, order_type, product)
                outcome = await site.broker.place(wish)
                assert outcome.verdict is Verdict.ACKNOWLEDGED, (row.symbol, order_type, product, outcome)
                shown = await site.bench.until(lambda tag=wish.client_order_id: site.tagged(tag))
                assert shown.status is not OrderStatus.REJECTED, (row.symbol, order_type, product, shown.reason)
                assert shown.quantity == row.lot_size
                await site.broker.cancel(outcome.broker_order_id)
                tried += 1
    assert tried >= sum(any(spec.takes(row.exchange, one) for row in rows) for one in spec.order_types)


@case(202, "what the SPEC says a segment refuses is refused, provably")
async def _(bench: Bench) -> None:
    site, spec = await bench.site(), bench.member.spec
    for row in await offered(site):
        refused = [word for exchange, word in spec.refuses if exchange == row.exchange]
        for word in sorted(refused):
            wish = await site.resting(row)
            name = {Product: "product", OrderType: "order_type", Validity: "validity"}[type(word)]
            outcome = await site.broker.place(replace(wish, **{name: word}))
            assert outcome.verdict is Verdict.REJECTED, (row.symbol, word, outcome)
            assert await site.tagged(wish.client_order_id) is None


@case(203, "quantities are units to us and the broker's own count on the wire, commodities included")
async def _(bench: Bench) -> None:
    site = await bench.site()
    for row in await offered(site):
        wish = await site.crossing(row, quantity=3 * row.lot_size, client_order_id=new_tag())
        assert (await site.broker.place(wish)).verdict is Verdict.ACKNOWLEDGED
        filled = await site.reached(wish.client_order_id, OrderStatus.FILLED)
        assert (filled.quantity, filled.filled_quantity) == (3 * row.lot_size, 3 * row.lot_size)
        (asked,) = await bench.ledger(client=site.name, event="REQUEST", tag=wish.client_order_id)
        assert asked["quantity"] == 3 * row.lot_size
        fills = [fill for fill in await site.broker.trade_book() if fill.broker_order_id == filled.broker_order_id]
        assert sum(fill.quantity for fill in fills) == 3 * row.lot_size
        assert (asked["exchange"], asked["symbol"]) == (row.exchange, row.symbol)
        told = await bench.ledger(client=site.name, event="FILL", tag=wish.client_order_id)
        named = {fill.exchange_trade_id.removeprefix(f"{filled.broker_order_id}:") for fill in fills}
        assert {line["execution"] for line in told} == named  # what is proved later is proved by these names
        (position,) = [one for one in await site.broker.positions() if one.symbol == row.symbol]
        assert (position.quantity, position.multiplier) == (3 * row.lot_size, row.multiplier)


@case(204, "part of a lot is refused before anything is sent")
async def _(bench: Bench) -> None:
    site = await bench.site()
    for row in await offered(site):
        for quantity in (0, -row.lot_size, *((row.lot_size + 1,) if row.lot_size > 1 else ())):
            wish = await site.resting(row, quantity=quantity)
            assert (await site.broker.place(wish)).verdict is Verdict.REJECTED
            assert await bench.ledger(client=site.name, tag=wish.client_order_id) == []


@case(205, "a price reaches the book to the last tick, and one off tick is refused, provably")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    wish = await site.resting(row)
    for ticks in (0, 1, 3):
        exact = replace(wish, price=wish.price + ticks * row.tick_size, client_order_id=new_tag())
        await site.broker.place(exact)
        shown = await site.reached(exact.client_order_id, OrderStatus.OPEN)
        assert shown.price == exact.price
    off = replace(wish, price=wish.price + row.tick_size / 2, client_order_id=new_tag())
    outcome = await site.broker.place(off)
    if 205 not in bench.member.late_refusals:
        assert outcome.verdict is Verdict.REJECTED, outcome
        return
    assert outcome.verdict is Verdict.ACKNOWLEDGED, outcome
    assert (await site.reached(off.client_order_id, OrderStatus.REJECTED)).reason


@case(206, "a quantity above the freeze is refused, provably")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    wish = await site.resting(row, quantity=max(1000 * row.lot_size, (row.freeze_quantity or 0) + row.lot_size))
    outcome = await site.broker.place(wish)
    assert outcome.verdict is Verdict.REJECTED, outcome
    assert outcome.message


@case(207, "our tag comes back in the book, the shortest and the longest")
async def _(bench: Bench) -> None:
    site, spec = await bench.site(), bench.member.spec
    row = await site.liquid()
    longest = (new_tag() * 3)[: min(spec.tag_length, 40)]
    for tag in ("7", longest):
        wish = await site.resting(row, client_order_id=tag)
        placed = await site.broker.place(wish)
        shown = await bench.until(lambda tag=tag: site.tagged(tag))
        assert shown.broker_order_id == placed.broker_order_id
    (asked,) = await bench.ledger(client=site.name, event="REQUEST", tag=longest)
    assert asked["tag"] == longest


@case(208, "a tag the broker would mangle is refused before anything is sent")
async def _(bench: Bench) -> None:
    site, spec = await bench.site(), bench.member.spec
    wish = await site.resting(await site.liquid())
    for tag in ("", "9" * (spec.tag_length + 1), "a b", "ä1", "x\n"):
        assert not spec.is_tag(tag)
        outcome = await site.broker.place(replace(wish, client_order_id=tag))
        assert (outcome.verdict, bool(outcome.message)) == (Verdict.REJECTED, True)
    assert await bench.ledger(client=site.name) == [] or not await bench.ledger(client=site.name, event="REQUEST")


@case(209, "a query by tag finds the orders that bear it", Capability.TAG_LOOKUP)
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    other = await site.resting(await site.liquid())
    placed = await site.broker.place(wish)
    await site.broker.place(other)
    assert isinstance(site.broker, TagLookup)
    (found,) = await site.broker.orders_tagged(wish.client_order_id)
    assert found.broker_order_id == placed.broker_order_id
    assert list(await site.broker.orders_tagged(new_tag())) == []


@case(210, "a resting order takes a new price and quantity, and the book follows")
async def _(bench: Bench) -> None:
    site = await bench.site()
    for row in (await offered(site))[:2]:
        wish = await site.resting(row)
        placed = await site.broker.place(wish)
        await site.reached(wish.client_order_id, OrderStatus.OPEN)
        price = wish.price + row.tick_size
        wanted = await change(site, wish, price=price, quantity=2 * row.lot_size)
        assert (await site.broker.modify(placed.broker_order_id, wanted)).verdict is Verdict.ACKNOWLEDGED
        shown = await site.reached(wish.client_order_id, OrderStatus.OPEN)
        assert (shown.price, shown.quantity) == (price, 2 * row.lot_size)
        assert shown.broker_order_id == placed.broker_order_id


@case(211, "one modification more than the SPEC allows is refused, provably")
async def _(bench: Bench) -> None:
    site, spec = await bench.site(), bench.member.spec
    row = await site.liquid()
    wish = await site.resting(row)
    placed = await site.broker.place(wish)
    for number in range(spec.max_modifications):
        wanted = await change(site, wish, price=wish.price + (1 - number % 2) * row.tick_size)
        assert (await site.broker.modify(placed.broker_order_id, wanted)).verdict is Verdict.ACKNOWLEDGED
    outcome = await site.broker.modify(placed.broker_order_id, await change(site, wish, price=wish.price))
    assert outcome.verdict is Verdict.REJECTED, outcome


@case(212, "a cancelled order stays cancelled, and a second cancel is refused, provably")
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    placed = await site.broker.place(wish)
    assert (await site.broker.cancel(placed.broker_order_id)).verdict is Verdict.ACKNOWLEDGED
    await site.reached(wish.client_order_id, OrderStatus.CANCELLED)
    again = await site.broker.cancel(placed.broker_order_id)
    assert again.verdict is Verdict.REJECTED, again
    nobody = await site.broker.cancel("9" * len(placed.broker_order_id))
    assert nobody.verdict in (Verdict.REJECTED, Verdict.UNKNOWN), nobody
    for odd in ("", "../orders", "x y"):
        assert (await site.broker.cancel(odd)).verdict is Verdict.REJECTED


@case(213, "an order of immediate or no fill leaves nothing behind")
async def _(bench: Bench) -> None:
    site, spec = await bench.site(), bench.member.spec
    row = await site.liquid()
    assert spec.takes(row.exchange, Validity.IOC), "an option exchange without IOC"
    wish = await site.resting(row, validity=Validity.IOC)
    await site.broker.place(wish)
    shown = await site.reached(wish.client_order_id, bench.member.unfilled)
    assert shown.filled_quantity == 0


def no_shorts(member: Member) -> str:
    stage = member.stage
    liquid = stage.liquid or stage.segments[0]
    return "" if venue_of(liquid[0]).can_short else "what is not held cannot be sold"


@case(214, "a short sale and its buy-back end flat", unless=no_shorts)
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    for side, expected in ((Side.SELL, -row.lot_size), (Side.BUY, 0)):
        wish = await site.crossing(row, side)
        await site.broker.place(wish)
        await site.reached(wish.client_order_id, OrderStatus.FILLED)
        shown = [one.quantity for one in await site.broker.positions() if one.symbol == row.symbol]
        # What is flat need not be shown.
        assert shown == [expected] or (not shown and not expected)


@case(215, "a contract nobody lists is refused, provably")
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    unlisted = replace(wish, symbol="NOSUCHTHING26DECFUT", token="99999999")
    outcome = await site.broker.place(unlisted)
    assert outcome.verdict is Verdict.REJECTED, outcome
    assert await site.tagged(wish.client_order_id) is None


@case(216, "an order for a segment the SPEC does not list is refused before anything is sent")
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    for exchange in ("", "XNAS", "NSE_INDEX"):
        outcome = await site.broker.place(replace(wish, exchange=exchange))
        assert (outcome.verdict, bool(outcome.message)) == (Verdict.REJECTED, True)
    assert await bench.ledger(client=site.name, event="REQUEST") == []


@case(217, "the algo id travels with the order exactly where the SPEC says the broker takes one")
async def _(bench: Bench) -> None:
    trader = await bench.site()
    wish = await trader.resting(await trader.liquid(), algo_id="987654321")
    sent: list[bytes] = []

    async def listen(http: web.Request) -> web.StreamResponse:
        sent.append(http.query_string.encode() + await http.read())
        return web.Response(body=bench.member.answer("261120000000001", wish), content_type="application/json")

    site = await bench.stub(listen)
    assert (await site.broker.place(wish)).verdict is Verdict.ACKNOWLEDGED
    field = bench.member.spec.algo_field.encode()
    whole = b"\n".join(sent)
    assert wish.client_order_id.encode() in whole
    assert (wish.algo_id.encode() in whole) == bool(field)
    assert field in whole
    assert (await trader.broker.place(wish)).verdict is Verdict.ACKNOWLEDGED


def no_reduce_only(member: Member) -> str:
    return "" if member.spec.reduces_only else "an exit is an order like any other there"


async def _held(site: Site, row: InstrumentRow) -> int:
    return sum(one.quantity for one in await site.broker.positions() if one.symbol == row.symbol)


@case(218, "an order that only reduces leaves what is held, part by part, and nothing is held then")
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    entry = await site.crossing(row, quantity=3 * row.lot_size)
    await site.broker.place(entry)
    await site.reached(entry.client_order_id, OrderStatus.FILLED)
    for lots, left in ((1, 2), (2, 0)):
        leave = await site.crossing(row, Side.SELL, quantity=lots * row.lot_size, reduce_only=True)
        outcome = await site.broker.place(leave)
        assert outcome.verdict is Verdict.ACKNOWLEDGED, outcome
        shown = await site.reached(leave.client_order_id, OrderStatus.FILLED)
        assert (shown.side, shown.filled_quantity) == (Side.SELL, lots * row.lot_size)
        assert await _held(site, row) == left * row.lot_size


@case(219, "an order that only reduces opens nothing: where nothing is held it is refused", unless=no_reduce_only)
async def _(bench: Bench) -> None:
    site = await bench.site()
    row = await site.liquid()
    for side in Side:
        wish = await site.crossing(row, side, reduce_only=True)
        outcome = await site.broker.place(wish)
        assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, NOTHING_AT_BROKER), outcome
        assert bench.member.slug in outcome.message
        assert await site.tagged(wish.client_order_id) is None
    entry = await site.crossing(row)
    await site.broker.place(entry)
    await site.reached(entry.client_order_id, OrderStatus.FILLED)
    more = await site.crossing(row, reduce_only=True)
    outcome = await site.broker.place(more)
    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, NOTHING_AT_BROKER), outcome
    assert await _held(site, row) == row.lot_size
