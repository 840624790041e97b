"""What every broker wants of an order before it is sent. Pure; ``ValueError`` says what it could not take."""

from decimal import Decimal

from brokers.lots import wire_quantity
from domain.broker import BrokerSpec
from domain.orders import OrderChange, OrderRequest, OrderType, Product, Validity

LONGEST_ID = 64


def check_placeable(spec: BrokerSpec, request: OrderRequest) -> None:
    """Raise ``ValueError`` for a tag, a symbol or words the SPEC does not take."""
    if not spec.is_tag(request.client_order_id):
        raise ValueError(f"client_order_id must fit {spec.tag_length} characters, not {request.client_order_id!r}")
    if not request.symbol:
        raise ValueError("the order has no symbol")
    check_words(spec, request.exchange, request.product, request.order_type, request.validity)


def check_words(spec: BrokerSpec, exchange: str, *words: Product | OrderType | Validity) -> None:
    """Raise ``ValueError`` for an exchange the broker does not have, or words it does not take there."""
    if not spec.takes(exchange, *words):
        raise ValueError(f"{spec.name} takes no {' '.join(words)} orders on {exchange!r}")


def counted(spec: BrokerSpec, order: OrderRequest | OrderChange) -> int:
    """Return the quantity as the broker counts it; raises ``ValueError`` unless it is whole lots."""
    return wire_quantity(spec, exchange=order.exchange, quantity=order.quantity, lot_size=order.lot_size)


def checked_price(value: Decimal, name: str) -> Decimal:
    """Return the price; raises ``ValueError`` for what is none."""
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{name} {value} is not a price")
    return value


def is_order_id(text: str) -> bool:
    """Say whether a broker may have given this id: it goes into paths and bodies as it is."""
    return 0 < len(text) <= LONGEST_ID and text.isascii() and text.isalnum()


def checked_order_id(spec: BrokerSpec, text: str) -> str:
    """Return the id; raises ``ValueError`` for one the broker cannot have given."""
    if not is_order_id(text):
        raise ValueError(f"{text!r} is not an order id of {spec.name}")
    return text
