"""One client's book: orders with their histories, executions, positions, money."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from domain.instruments import Kind
from domain.orders import Product, Side
from domain.prices import to_decimal
from domain.venues import venue_of
from simulator.exchange.margin import NOTHING, margin_of
from simulator.exchange.positions import Holding
from simulator.exchange.types import (
    RESTING_STATES,
    ClientOrder,
    ClientPosition,
    ClientTrade,
    Margins,
    OrderMargin,
    Reason,
    Refusal,
)
from simulator.market.types import Listing, Market

ZERO = Decimal(0)
_MARKED = frozenset({Kind.FUTURE, Kind.PERPETUAL})


class ClientBook:
    """The day's book of one client."""

    def __init__(self, client: str, *, cash: Decimal, market: Market) -> None:
        self.client = client
        self.cash = cash
        self.trades: list[ClientTrade] = []
        self._market = market
        self._histories: dict[str, list[ClientOrder]] = {}
        self._resting: dict[str, ClientOrder] = {}
        self._holdings: dict[tuple[int, Product], Holding] = {}

    def push(self, order: ClientOrder) -> None:
        """Add a state to an order's history."""
        self._histories.setdefault(order.order_id, []).append(order)
        if order.state in RESTING_STATES:
            self._resting[order.order_id] = order
        else:
            self._resting.pop(order.order_id, None)

    def history(self, order_id: str) -> list[ClientOrder]:
        """Return an order's states, or raise ``Refusal``."""
        if order_id not in self._histories:
            raise Refusal(Reason.UNKNOWN_ORDER, "Invalid `order_id`.")
        return self._histories[order_id]

    def orders(self) -> list[ClientOrder]:
        """Return every order's latest state, oldest order first."""
        return [history[-1] for history in self._histories.values()]

    def resting(self) -> list[ClientOrder]:
        """Return the orders that may still fill."""
        return list(self._resting.values())

    def take(self, trade: ClientTrade) -> None:
        """Book an execution."""
        self.trades.append(trade)
        holding = self.holding(trade.listing, trade.product)
        holding.remember(trade.filled_at)
        holding.fill(trade.side, trade.quantity, trade.price)

    def holding(self, listing: Listing, product: Product) -> Holding:
        """Return the position kept for a contract and product, made when new."""
        key = (listing.token, product)
        return self._holdings.setdefault(key, Holding(listing=listing, product=product))

    def positions(self, *, then: datetime | None = None) -> list[ClientPosition]:
        """Return the positions, the flat ones of the day included; as they were ``then``, at today's prices."""
        holdings: Iterable[Holding] = self._holdings.values()
        if then is not None:
            holdings = [was for one in holdings if not (was := one.as_of(then)).is_untouched]
        return [holding.shown(self._market.quote(holding.listing.token)) for holding in holdings]

    def convert(self, listing: Listing, *, quantity: int, old: Product, new: Product) -> None:
        """Move signed units between products at their average price, or raise ``Refusal``."""
        source = self.holding(listing, old)
        if quantity * source.quantity <= 0 or abs(quantity) > abs(source.quantity):
            raise Refusal(Reason.POSITION, f"Only {source.quantity} units of {listing.symbol} {old} are held.")
        price = source.average_price
        side = Side.BUY if quantity > 0 else Side.SELL
        source.fill(side.opposite, abs(quantity), price)
        self.holding(listing, new).fill(side, abs(quantity), price)

    def order_margin(self, order: ClientOrder) -> OrderMargin:
        """Return what the order's opening part ties up beyond what the book already does."""
        others = [resting for resting in self._resting.values() if resting.order_id != order.order_id]
        closeable = self._closeable(order)
        for other in others:
            if _line(other) == _line(order):
                closeable = max(closeable - other.pending_quantity, 0)
        opening = max(order.quantity - order.filled_quantity - closeable, 0)
        return self._margin(order.listing, order.side, order.product, opening, order.price)

    def opens_short_delivery(self, order: ClientOrder) -> bool:
        """Tell whether a delivery sale exceeds what is held."""
        selling = order.product is Product.CNC and order.side is Side.SELL
        return selling and order.quantity > self._closeable(order)

    def margins(self, *, without: str = "") -> Margins:
        """Return what the client has and uses; ``without`` leaves one resting order out."""
        held = [self._holding_margin(holding) for holding in self._holdings.values() if holding.quantity]
        span, exposure, premium, delivery = (
            sum((getattr(part, name) for part in held), ZERO)
            for name in ("span", "exposure", "option_premium", "delivery")
        )
        blocked = sum((margin.total for margin in self._blocked(without)), ZERO)
        realised = sum((holding.realised for holding in self._holdings.values()), ZERO)
        used = span + exposure + premium + delivery + blocked
        available = self.cash + realised + min(self._unrealised(futures_only=True), ZERO) - used
        return Margins(
            cash=self.cash,
            available=available,
            used=used,
            span=span,
            exposure=exposure,
            option_premium=premium,
            delivery=delivery,
            blocked=blocked,
            realised=realised,
            unrealised=self._unrealised(futures_only=False),
        )

    def roll(self) -> None:
        """Begin a new day: orders and executions are dropped, profits become cash, positions are carried.

        Where a market never closes, no day ends: its orders rest and stay in the book.
        """
        kept = {one: states for one, states in self._histories.items() if _outlives_days(states[-1].listing)}
        self._histories = kept
        self._resting = {one: order for one, order in self._resting.items() if one in kept}
        self.trades[:] = [trade for trade in self.trades if _outlives_days(trade.listing)]
        for key, holding in list(self._holdings.items()):
            self.cash += holding.roll()
            if holding.quantity == 0:
                del self._holdings[key]

    def _closeable(self, order: ClientOrder) -> int:
        holding = self._holdings.get((order.listing.token, order.product))
        return max(-holding.quantity * order.side.sign, 0) if holding else 0

    def _blocked(self, without: str) -> Iterator[OrderMargin]:
        """Yield what each resting order ties up; orders of one line share what there is to close."""
        closeable: dict[tuple[int, Product, Side], int] = {}
        for order in self._resting.values():
            if order.order_id == without:
                continue
            line = _line(order)
            free = closeable.setdefault(line, self._closeable(order))
            closing = min(free, order.pending_quantity)
            closeable[line] = free - closing
            opening = order.pending_quantity - closing
            yield self._margin(order.listing, order.side, order.product, opening, order.price)

    def _holding_margin(self, holding: Holding) -> OrderMargin:
        side = Side.BUY if holding.quantity > 0 else Side.SELL
        last = to_decimal(self._market.quote(holding.listing.token).last_price)
        is_future = holding.listing.kind in _MARKED and last > 0
        price = last if is_future else holding.average_price
        return self._margin(holding.listing, side, holding.product, abs(holding.quantity), price)

    def _margin(self, listing: Listing, side: Side, product: Product, quantity: int, price: Decimal) -> OrderMargin:
        if quantity == 0:
            return NOTHING
        underlying = to_decimal(self._market.underlying_price(listing.underlying))
        return margin_of(listing, side=side, product=product, quantity=quantity, price=price, underlying=underlying)

    def _unrealised(self, *, futures_only: bool) -> Decimal:
        wanted = (holding for holding in self._holdings.values() if not futures_only or holding.listing.kind in _MARKED)
        quotes = ((holding, self._market.quote(holding.listing.token)) for holding in wanted)
        return sum((holding.unrealised(to_decimal(quote.last_price)) for holding, quote in quotes), ZERO)


def _outlives_days(listing: Listing) -> bool:
    return venue_of(listing.exchange).never_closes


def _line(order: ClientOrder) -> tuple[int, Product, Side]:
    return order.listing.token, order.product, order.side
