"""What IBKR wants confirmed before it transmits an order, unless the session suppressed it."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.orders import OrderType
from domain.prices import to_decimal
from simulator.clients import Client
from simulator.exchange.types import NewOrder
from simulator.faces.ibkr.calls import Question
from simulator.faces.ibkr.names import VENUE, symbol_of
from simulator.market.types import Listing, MarketQuote

_PERCENT = 3
_LARGE = Decimal(5_000_000)
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})


@dataclass(frozen=True, slots=True)
class Open:
    """A ticket that waits for an answer; ``confirmed`` are the questions it has been through."""

    client: str
    name: str
    ticket: dict[str, Any]
    order_id: str
    confirmed: frozenset[str]
    kind: str


class Questions:
    """The questions that are open, by their id. A new order makes its client's older ones void."""

    def __init__(self) -> None:
        self._open: dict[str, Open] = {}

    def take(self, question_id: str, client: Client) -> Open | None:
        """Return an open question, which then is answered; ``None`` for one this client was not asked."""
        found = self._open.get(question_id)
        if found is None or found.client != client.client:
            return None
        return self._open.pop(question_id)

    def ask(self, waiting: Open, message: str) -> Question:
        """Return the question as an answer."""
        self.forget(waiting.client)
        question_id = str(uuid.uuid4())
        self._open[question_id] = waiting
        body = {"id": question_id, "message": [message], "isSuppressed": False, "messageIds": [waiting.kind]}
        return Question([body], waiting.kind)

    def forget(self, client: str) -> None:
        """Void what a client was asked before."""
        self._open = {key: one for key, one in self._open.items() if one.client != client}


def raised(order: NewOrder, listing: Listing, quote: MarketQuote) -> Iterator[tuple[str, str]]:
    """Yield what an order gives reason to ask, with the text."""
    for kind, concerns, message in _REASONS:
        if concerns(order, to_decimal(quote.last_price)):
            what = f"{order.side} {order.quantity} {symbol_of(listing)} {VENUE}"
            yield kind, message.format(order=what, price=order.price)


def _is_far(order: NewOrder, last: Decimal) -> bool:
    return bool(order.price and last) and abs(order.price - last) * 100 > last * _PERCENT


def _is_large(order: NewOrder, last: Decimal) -> bool:
    return max(order.price, last) * order.quantity > _LARGE


def _is_stop(order: NewOrder, last: Decimal) -> bool:
    return order.order_type in _STOPS


_REASONS: tuple[tuple[str, Callable[[NewOrder, Decimal], bool], str], ...] = (
    (
        "o163",
        _is_far,
        'The following order "{order} @ {price}" price exceeds \nthe Percentage constraint of 3%.\n'
        "Are you sure you want to submit this order?",
    ),
    (
        "o451",
        _is_large,
        "The following order {order} value estimate exceeds \nthe Total Value Limit of 5,000,000 INR.\n"
        "Are you sure you want to submit this order?",
    ),
    (
        "o10331",
        _is_stop,
        "You are about to submit a stop order. Please be aware of the various stop order types available and the "
        "risks associated with each one.\nAre you sure you want to submit this order?",
    ),
)
