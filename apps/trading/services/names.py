"""What the broker that serves a lane calls a contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from apps.markets.models import BrokerInstrument, Instrument
from domain.orders import Mode

PAPER = "paper"


@dataclass(frozen=True, slots=True)
class BrokerName:
    """A contract in a broker's words."""

    exchange: str
    symbol: str
    token: str


class Listed(Protocol):
    """An order, as far as its contract's name at the serving broker goes; ``exchange`` and ``symbol`` are ours."""

    @property
    def pk(self) -> int: ...
    @property
    def broker(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def instrument_id(self) -> int: ...
    @property
    def exchange(self) -> str: ...
    @property
    def symbol(self) -> str: ...


def serving_broker(broker: str, mode: str) -> str:
    """Return the slug that serves an account in a mode: paper orders go to the paper broker, whatever the account."""
    return PAPER if mode == Mode.PAPER else broker


def names_of(orders: Sequence[Listed]) -> Mapping[int, BrokerName]:
    """Return the serving broker's name of each order's contract, by order id; unknown contracts are left out."""
    listed = BrokerInstrument.objects.filter(instrument_id__in={order.instrument_id for order in orders})
    rows = listed.values_list("broker", "instrument_id", "exchange", "symbol", "token")
    names = {(broker, pk): BrokerName(exchange, symbol, token) for broker, pk, exchange, symbol, token in rows}
    found: dict[int, BrokerName] = {}
    for order in orders:
        broker = serving_broker(order.broker, order.mode)
        name = _paper_name(order) if broker == PAPER else names.get((broker, order.instrument_id))
        if name is not None:
            found[order.pk] = name
    return found


def _paper_name(order: Listed) -> BrokerName:
    return BrokerName(order.exchange, order.symbol, str(order.instrument_id))


def instrument_ids(broker: str, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """Return our instrument for each (exchange, symbol) in a serving broker's words; unknown ones are left out."""
    symbols = {symbol for _, symbol in keys}
    if broker == PAPER:
        own = Instrument.objects.filter(symbol__in=symbols).values_list("exchange", "symbol", "pk")
        return {(exchange, symbol): pk for exchange, symbol, pk in own}
    listed = BrokerInstrument.objects.filter(broker=broker, symbol__in=symbols)
    names = listed.values_list("exchange", "symbol", "instrument_id")
    return {(exchange, symbol): pk for exchange, symbol, pk in names}
