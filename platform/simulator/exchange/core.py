"""The exchange: clients, their books, and the matching of their orders against the market."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain.clock import IST
from domain.orders import OrderType, Product, Side
from domain.prices import to_decimal
from domain.venues import venue_of
from simulator.exchange.book import ClientBook
from simulator.exchange.floor import Floor
from simulator.exchange.ids import Numbers
from simulator.exchange.margin import margin_of
from simulator.exchange.rules import STOPS, Terms, band_reject, check_new, check_trigger, terms_of
from simulator.exchange.switches import Switches
from simulator.exchange.types import (
    RESTING_STATES,
    ClientOrder,
    ClientPosition,
    ClientTrade,
    Margins,
    NewOrder,
    OrderEdit,
    OrderListener,
    OrderMargin,
    OrderState,
    Reason,
    Refusal,
    Settings,
    Switch,
    TicksListener,
)
from simulator.market.types import Listing, Market

BOOK_DAY_STARTS = timedelta(hours=6)  # brokers clear yesterday's order book in the early morning, IST
_S = OrderState
_MODIFYING = (_S.MODIFY_VALIDATION_PENDING, _S.MODIFY_PENDING, _S.MODIFIED)


class Exchange:
    """One exchange with per-client books.

    Not thread-safe: everything runs on one loop. ``now`` is market time, aware. The same seed, market and
    calls at the same market times give the same numbers and fills.
    """

    def __init__(self, *, market: Market, seed: int, settings: Settings = Settings()) -> None:
        self.market = market
        self.settings = settings
        self._books: dict[str, ClientBook] = {}
        self._switches = Switches(settings)
        self._order_numbers = Numbers()
        self._tick_listeners: list[TicksListener] = []
        self._floor = Floor(market=market, books=self._books, switches=self._switches, seed=seed, settings=settings)
        self._day: date | None = None

    def on_order(self, listener: OrderListener) -> None:
        """Call ``listener`` with each order state a broker would push."""
        self._floor.listeners.append(listener)

    def on_ticks(self, listener: TicksListener) -> None:
        """Call ``listener`` with the tokens each market change touched, before orders are matched."""
        self._tick_listeners.append(listener)

    def open_account(self, client: str, *, cash: Decimal) -> None:
        """Add a client with an empty book; opening twice sets the cash and keeps the book."""
        if client in self._books:
            self._books[client].cash = cash
        else:
            self._books[client] = ClientBook(client, cash=cash, market=self.market)

    def restore(self, order: ClientOrder, trades: Sequence[ClientTrade]) -> None:
        """Book a finished order of an earlier run with its executions, unannounced; oldest orders first."""
        self._roll(order.placed_at)
        book = self._book(order.client)
        book.push(order)
        for trade in trades:
            book.take(trade)

    def skip_numbers(self, *, order_id: str = "", trade_id: str = "") -> None:
        """Never hand out these numbers of an earlier run again; raises ``ValueError`` for what is none."""
        if order_id:
            self._order_numbers.skip(order_id)
        if trade_id:
            self._floor.trade_numbers.skip(trade_id)

    def clients(self) -> Sequence[str]:
        """Return the clients with an account."""
        return list(self._books)

    def place(self, client: str, order: NewOrder, *, now: datetime) -> str:
        """Accept an order and return its id (15 digits), or raise ``Refusal``.

        It may be filled or REJECTED on return.
        """
        self._roll(now)
        book = self._book(client)
        listing = self._listing(order.exchange, order.symbol)
        terms = self._checked(order, listing, is_triggered=False)
        received = self._receive(client, order, listing, terms, now)
        reject = self._reject_of(book, received)
        if reject is None:
            self._floor.accept(received, now)
        else:
            self._floor.reject(received, *reject, now=now)
        return received.order_id

    def turn_down(self, client: str, order: NewOrder, refusal: Refusal, *, now: datetime) -> str:
        """Give an order that was refused an id and REJECT it for that, as some brokers do."""
        self._roll(now)
        self._book(client)
        terms = Terms(order.order_type, order.price, order.trigger_price)
        received = self._receive(client, order, self._listing(order.exchange, order.symbol), terms, now)
        self._floor.reject(received, refusal.reason, refusal.message, now=now)
        return received.order_id

    def modify(self, client: str, order_id: str, edit: OrderEdit, *, now: datetime) -> None:
        """Change a resting order, or raise ``Refusal``."""
        self._roll(now)
        order = self._open_order(client, order_id)
        if order.modifications >= self.settings.max_modifications:
            raise Refusal(Reason.MODIFICATIONS, "Maximum allowed order modifications exceeded.")
        wanted = _edited(order, edit)
        if wanted.quantity <= order.filled_quantity:
            raise Refusal(Reason.QUANTITY, f"{order.filled_quantity} units are already filled.")
        keeps_trigger = order.triggered and wanted.trigger_price == order.trigger_price
        terms = self._checked(wanted, order.listing, is_triggered=keeps_trigger)
        changed = _applied(order, wanted, terms, triggered=keeps_trigger)
        self._check_change(changed)
        self._settle_change(order, changed, now)

    def cancel(self, client: str, order_id: str, *, now: datetime) -> None:
        """Cancel a resting order, or raise ``Refusal``."""
        self._roll(now)
        order = self._open_order(client, order_id)
        pending = self._floor.show(order, now, state=_S.CANCEL_PENDING)
        self._floor.cancel(pending, now)

    def orders(self, client: str) -> Sequence[ClientOrder]:
        """Return the day's orders, oldest first."""
        return self._book(client).orders()

    def order(self, client: str, order_id: str) -> ClientOrder:
        """Return one order, or raise ``Refusal`` with UNKNOWN_ORDER."""
        return self._book(client).history(order_id)[-1]

    def history(self, client: str, order_id: str) -> Sequence[ClientOrder]:
        """Return the order at each of its states, oldest first, or raise ``Refusal`` with UNKNOWN_ORDER."""
        return list(self._book(client).history(order_id))

    def trades(self, client: str, order_id: str = "") -> Sequence[ClientTrade]:
        """Return the day's executions, of one order when given, oldest first."""
        book = self._book(client)
        if not order_id:
            return list(book.trades)
        book.history(order_id)
        return [trade for trade in book.trades if trade.order_id == order_id]

    def positions(self, client: str, *, then: datetime | None = None) -> Sequence[ClientPosition]:
        """Return the net positions, the flat ones of the day included; as they were ``then``."""
        return self._book(client).positions(then=then)

    def convert(
        self,
        client: str,
        *,
        exchange: str,
        symbol: str,
        side: Side,
        quantity: int,
        old: Product,
        new: Product,
    ) -> None:
        """Move part of a position to another product, or raise ``Refusal``; ``side`` is the position's."""
        if quantity <= 0 or old is new:
            raise Refusal(Reason.QUANTITY, "A conversion needs a quantity above zero and another product.")
        listing = self._listing(exchange, symbol)
        self._book(client).convert(listing, quantity=side.sign * quantity, old=old, new=new)

    def margins(self, client: str) -> Margins:
        """Return what the client has and uses."""
        return self._book(client).margins()

    def required_margin(self, order: NewOrder) -> OrderMargin:
        """Return what an order needs on its own, or raise ``Refusal`` for one that could not be placed."""
        listing = self._listing(order.exchange, order.symbol)
        check_new(order, listing, tag_length=self.settings.tag_length)
        terms = terms_of(order, listing, self.market.quote(listing.token))
        return margin_of(
            listing,
            side=order.side,
            product=order.product,
            quantity=order.quantity,
            price=terms.price,
            underlying=to_decimal(self.market.underlying_price(listing.underlying)),
        )

    def step(self, now: datetime) -> Sequence[int]:
        """Advance the market to ``now``, announce ticks, match what rests; return the tokens that changed.

        Where the market has several recorded changes up to ``now``, each is announced and matched on its own.
        """
        self._roll(now)
        changed: dict[int, None] = {}
        while tokens := self.market.step(now):
            for listener in self._tick_listeners:
                listener(tokens, self.market.now)
            self._floor.match_tokens(tokens, self.market.now)
            changed.update(dict.fromkeys(tokens))
        self._floor.match_delayed(now)
        return list(changed)

    def switch(self, switch: Switch) -> None:
        """Add or replace the deviation of a client or symbol."""
        self._switches.put(switch)

    def clear_switches(self) -> None:
        """Drop all deviations."""
        self._switches.clear()

    def _book(self, client: str) -> ClientBook:
        if client not in self._books:
            raise Refusal(Reason.UNKNOWN_CLIENT, f"Unknown client {client!r}.")
        return self._books[client]

    def _listing(self, exchange: str, symbol: str) -> Listing:
        listing = self.market.find(exchange, symbol)
        if listing is None:
            raise Refusal(Reason.UNKNOWN_SYMBOL, f"The instrument {exchange}:{symbol} does not exist.")
        return listing

    def _checked(self, order: NewOrder, listing: Listing, *, is_triggered: bool) -> Terms:
        check_new(order, listing, tag_length=self.settings.tag_length)
        quote = self.market.quote(listing.token)
        if not is_triggered:
            check_trigger(order, to_decimal(quote.last_price))
        return terms_of(order, listing, quote)

    def _receive(self, client: str, order: NewOrder, listing: Listing, terms: Terms, now: datetime) -> ClientOrder:
        received = _received(client, self._order_numbers.take(now), order, listing, terms, now)
        self._floor.show(received, now)
        return self._floor.show(received, now, state=_S.VALIDATION_PENDING)

    def _reject_of(self, book: ClientBook, order: ClientOrder) -> tuple[Reason, str] | None:
        """Return why the broker or the exchange turns an accepted order down, or ``None``."""
        told = self._switches.rejection(order.client, order.listing.symbol)
        if told is not None:
            return Reason.EXCHANGE, told
        if self.market.halted:
            return Reason.HALTED, "Exchange: trading is halted."
        outside = band_reject(order.price, self.market.quote(order.listing.token))
        if outside is not None:
            return Reason.BAND, outside
        if book.opens_short_delivery(order):
            return Reason.POSITION, f"Insufficient holdings of {order.listing.symbol}."
        return self._shortfall(book, order)

    def _shortfall(self, book: ClientBook, order: ClientOrder) -> tuple[Reason, str] | None:
        required = book.order_margin(order).total
        if required <= 0:
            return None
        available = book.margins(without=order.order_id).available
        if required <= available:
            return None
        return (
            Reason.MARGIN,
            f"Insufficient funds. Required margin is {required:.2f} but available margin is {available:.2f}.",
        )

    def _open_order(self, client: str, order_id: str) -> ClientOrder:
        order = self.order(client, order_id)
        if order.state not in RESTING_STATES:
            raise Refusal(Reason.ORDER_NOT_OPEN, f"Order cannot be changed: it is {order.state.value.lower()}.")
        return order

    def _check_change(self, changed: ClientOrder) -> None:
        outside = band_reject(changed.price, self.market.quote(changed.listing.token))
        if outside is not None:
            raise Refusal(Reason.BAND, outside)
        short = self._shortfall(self._book(changed.client), changed)
        if short is not None:
            raise Refusal(*short)

    def _settle_change(self, order: ClientOrder, changed: ClientOrder, now: datetime) -> None:
        for state in _MODIFYING:
            source = changed if state is _S.MODIFIED else order
            self._floor.show(source, now, state=state)
        waits = changed.order_type in STOPS and not changed.triggered
        self._floor.rest(changed, now, state=_S.TRIGGER_PENDING if waits else _S.OPEN)

    def _roll(self, now: datetime) -> None:
        """Start a new book day when its hour has passed."""
        day = (now.astimezone(IST) - BOOK_DAY_STARTS).date()
        if self._day is not None and day > self._day:
            for book in self._books.values():
                for order in book.resting():
                    if not venue_of(order.listing.exchange).never_closes:
                        self._floor.cancel(order, now)
                book.roll()
        self._day = day if self._day is None else max(day, self._day)


def _received(
    client: str, order_id: str, order: NewOrder, listing: Listing, terms: Terms, now: datetime
) -> ClientOrder:
    return ClientOrder(
        client=client,
        order_id=order_id,
        exchange_order_id="",
        listing=listing,
        side=order.side,
        quantity=order.quantity,
        filled_quantity=0,
        cancelled_quantity=0,
        average_price=Decimal(0),
        product=order.product,
        order_type=terms.order_type,
        validity=order.validity,
        price=terms.price,
        trigger_price=terms.trigger_price,
        triggered=False,
        market_protection=order.market_protection,
        disclosed_quantity=order.disclosed_quantity,
        tag=order.tag,
        variety=order.variety,
        state=_S.RECEIVED,
        reason=None,
        message="",
        modifications=0,
        placed_at=now,
        updated_at=now,
        exchange_at=None,
    )


def _edited(order: ClientOrder, edit: OrderEdit) -> NewOrder:
    """Return the order as a new one would have been placed with the edit; ``None`` keeps what it has."""
    kind = order.order_type if edit.order_type is None else edit.order_type
    price = order.price if edit.price is None else edit.price
    trigger = order.trigger_price if edit.trigger_price is None else edit.trigger_price
    protection = order.market_protection if edit.market_protection is None else edit.market_protection
    return NewOrder(
        exchange=order.listing.exchange.value,
        symbol=order.listing.symbol,
        side=order.side,
        quantity=order.quantity if edit.quantity is None else edit.quantity,
        product=order.product,
        order_type=kind,
        validity=order.validity if edit.validity is None else edit.validity,
        price=Decimal(0) if kind in (OrderType.MARKET, OrderType.SL_M) else price,
        trigger_price=trigger if kind in STOPS else Decimal(0),
        market_protection=protection,
        disclosed_quantity=order.disclosed_quantity if edit.disclosed_quantity is None else edit.disclosed_quantity,
        tag=order.tag,
        variety=order.variety,
    )


def _applied(order: ClientOrder, wanted: NewOrder, terms: Terms, *, triggered: bool) -> ClientOrder:
    return replace(
        order,
        quantity=wanted.quantity,
        order_type=terms.order_type,
        validity=wanted.validity,
        price=terms.price,
        trigger_price=terms.trigger_price,
        triggered=triggered,
        market_protection=wanted.market_protection,
        disclosed_quantity=wanted.disclosed_quantity,
        modifications=order.modifications + 1,
    )
