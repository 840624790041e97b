"""The exchange: clients, their books, and the matching of their orders against the market."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from domain.orders import Product, Side
from simulator.exchange.types import (
    ClientOrder,
    ClientPosition,
    ClientTrade,
    Margins,
    NewOrder,
    OrderEdit,
    OrderListener,
    OrderMargin,
    Settings,
    Switch,
    TicksListener,
)
from simulator.market.types import Market


class Exchange:
    """One exchange with per-client books. Not thread-safe: everything runs on one loop. ``now`` is market
    time.
    """

    def __init__(self, *, market: Market, seed: int, settings: Settings = Settings()) -> None:
        self.market = market
        self.settings = settings

    def on_order(self, listener: OrderListener) -> None:
        """Call ``listener`` with each order state a broker would push."""
        raise NotImplementedError

    def on_ticks(self, listener: TicksListener) -> None:
        """Call ``listener`` with the tokens each market change touched, before orders are matched against
        it.
        """
        raise NotImplementedError

    def open_account(self, client: str, *, cash: Decimal) -> None:
        """Add a client with an empty book; opening twice sets the cash and keeps the book."""
        raise NotImplementedError

    def clients(self) -> Sequence[str]:
        """Return the clients with an account."""
        raise NotImplementedError

    def place(self, client: str, order: NewOrder, *, now: datetime) -> str:
        """Accept an order and return its id (15 digits), or raise ``Refusal``. It may be filled or REJECTED
        on return.
        """
        raise NotImplementedError

    def modify(self, client: str, order_id: str, edit: OrderEdit, *, now: datetime) -> None:
        """Change a resting order, or raise ``Refusal``."""
        raise NotImplementedError

    def cancel(self, client: str, order_id: str, *, now: datetime) -> None:
        """Cancel a resting order, or raise ``Refusal``."""
        raise NotImplementedError

    def orders(self, client: str) -> Sequence[ClientOrder]:
        """Return the day's orders, oldest first."""
        raise NotImplementedError

    def order(self, client: str, order_id: str) -> ClientOrder:
        """Return one order, or raise ``Refusal`` with UNKNOWN_ORDER."""
        raise NotImplementedError

    def history(self, client: str, order_id: str) -> Sequence[ClientOrder]:
        """Return the order at each of its states, oldest first, or raise ``Refusal`` with UNKNOWN_ORDER."""
        raise NotImplementedError

    def trades(self, client: str, order_id: str = "") -> Sequence[ClientTrade]:
        """Return the day's executions, of one order when given, oldest first."""
        raise NotImplementedError

    def positions(self, client: str) -> Sequence[ClientPosition]:
        """Return the net positions, the flat ones of the day included."""
        raise NotImplementedError

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
        """Move part of a position to another product, or raise ``Refusal``."""
        raise NotImplementedError

    def margins(self, client: str) -> Margins:
        """Return what the client has and uses."""
        raise NotImplementedError

    def required_margin(self, order: NewOrder) -> OrderMargin:
        """Return what an order needs on its own, or raise ``Refusal`` for one that could not be placed."""
        raise NotImplementedError

    def step(self, now: datetime) -> Sequence[int]:
        """Advance the market to ``now``, announce ticks, match what rests; return the tokens that changed."""
        raise NotImplementedError

    def switch(self, switch: Switch) -> None:
        """Add or replace the deviation of a client or symbol."""
        raise NotImplementedError

    def clear_switches(self) -> None:
        """Drop all deviations."""
        raise NotImplementedError
