"""What the paper broker refuses, as a real one would. Pure."""

from datetime import datetime
from decimal import Decimal

from brokers.paper.market import PaperSettings, Snapshot, is_usable
from brokers.paper.spec import SPEC
from domain.orders import OrderType, Side

_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})


class Refused(Exception):
    """The order, modification or cancellation is not accepted; ``code`` says which rule.

    ``order_id`` names the order that stands in the way, where one does.
    """

    def __init__(self, code: str, message: str, *, order_id: str = "") -> None:
        super().__init__(message)
        self.order_id = order_id
        self.code = code
        self.message = message


def check_tag(tag: str) -> None:
    """Raise ``Refused`` unless the tag is 1 to 20 letters and digits."""
    if not (0 < len(tag) <= SPEC.tag_length and tag.isascii() and tag.isalnum()):
        raise Refused("TAG", f"client_order_id must be 1 to {SPEC.tag_length} letters and digits")


def check_market(snapshot: Snapshot | None, symbol: str, *, now: datetime, settings: PaperSettings) -> Snapshot:
    """Return the market, or raise ``Refused`` where there is none to fill against."""
    if snapshot is None:
        raise Refused("UNKNOWN_SYMBOL", f"no instrument is called {symbol}")
    if snapshot.last_price <= 0:
        raise Refused("NO_PRICE", f"{symbol} has no price yet")
    if not is_usable(snapshot, now=now, settings=settings):
        raise Refused("STALE_PRICE", f"the last price of {symbol} is of {snapshot.at.isoformat()}")
    return snapshot


def check_quantity(quantity: int, snapshot: Snapshot) -> None:
    """Raise ``Refused`` unless the quantity is whole lots within the freeze quantity."""
    if quantity <= 0 or quantity % snapshot.lot_size:
        raise Refused("LOT", f"quantity {quantity} is not a positive multiple of the lot size {snapshot.lot_size}")
    if snapshot.freeze_quantity is not None and quantity > snapshot.freeze_quantity:
        raise Refused("FREEZE", f"quantity {quantity} exceeds the freeze quantity {snapshot.freeze_quantity}")


def check_prices(
    order_type: OrderType, side: Side, *, price: Decimal, trigger_price: Decimal, snapshot: Snapshot
) -> None:
    """Raise ``Refused`` unless the prices the order type needs are there, on tick, within the day's band."""
    if order_type in _PRICED:
        _check_price(price, "price", snapshot)
    if order_type in _TRIGGERED:
        _check_price(trigger_price, "trigger_price", snapshot)
    if order_type is OrderType.SL and (price - trigger_price) * side.sign < 0:
        raise Refused("TRIGGER", f"a stop to {side} cannot have its limit {price} before its trigger {trigger_price}")


def check_untriggered(order_type: OrderType, side: Side, *, trigger_price: Decimal, snapshot: Snapshot) -> None:
    """Raise ``Refused`` for a stop whose level the market has passed already, as exchanges do."""
    if order_type in _TRIGGERED and (trigger_price - snapshot.last_price) * side.sign < 0:
        raise Refused("TRIGGER", f"the trigger {trigger_price} was passed: the last price is {snapshot.last_price}")


def _check_price(value: Decimal, name: str, snapshot: Snapshot) -> None:
    if not value.is_finite() or value <= 0:
        raise Refused("PRICE", f"{name} {value} is not a price")
    if value % snapshot.tick_size:
        raise Refused("OFF_TICK", f"{name} {value} is not a multiple of the tick size {snapshot.tick_size}")
    if snapshot.lower_band is not None and value < snapshot.lower_band:
        raise Refused("BAND", f"{name} {value} is below the day's band {snapshot.lower_band}")
    if snapshot.upper_band is not None and value > snapshot.upper_band:
        raise Refused("BAND", f"{name} {value} is above the day's band {snapshot.upper_band}")
