"""Making orders out of intents: sliced by the freeze quantity, priced, tagged; nothing is sent here."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from django.conf import settings
from django.db.models import Max

from apps.markets.models import Instrument
from apps.trading.models import Intent, Order
from brokers.catalog import spec_of
from domain.orders import IntentKind, OrderStatus, OrderType, Side
from domain.pricing import Touch, protected_price, touch_price
from domain.sizing import slices
from domain.tags import ENTROPY_BYTES, tag_of


def new_client_order_id(broker: str) -> str:
    """Return a tag the broker takes, from chance alone, never from time; raises ``UnknownBroker``."""
    return tag_of(secrets.token_bytes(ENTROPY_BYTES), digits_only=spec_of(broker).tag_digits_only)


def limit_price(intent: Intent, touch: Touch, *, aggressive: bool) -> Decimal:
    """Return the price of an intent's next order, protected (``aggressive``) or at the touch."""
    tick_size = intent.leg.instrument.tick_size
    side = Side(intent.side)
    if not aggressive:
        return touch_price(side=side, touch=touch, tick_size=tick_size)
    is_exit = intent.kind == IntentKind.EXIT
    percent = settings.EXIT_PROTECTION_PERCENT if is_exit else settings.ENTRY_PROTECTION_PERCENT
    return protected_price(side=side, touch=touch, tick_size=tick_size, percent=percent)


def parts_of(instrument: Instrument, quantity: int) -> tuple[int, ...]:
    """Return the units of each order a quantity of a contract needs; raises ``SizeError`` where that cannot be."""
    return slices(quantity=quantity, lot_size=instrument.lot_size, freeze_quantity=instrument.freeze_quantity)


def build_orders(intent: Intent, *, quantity: int, price: Decimal, attempt: int) -> list[Order]:
    """Return unsaved PENDING orders for a quantity, one per slice; raises ``SizeError`` where that cannot be."""
    instrument = intent.leg.instrument
    return [
        Order(
            account_id=intent.account_id,
            intent=intent,
            instrument=instrument,
            slice_number=number,
            attempt=attempt,
            client_order_id=new_client_order_id(intent.trade.account.broker),
            side=intent.side,
            quantity=part,
            product=intent.trade.product,
            order_type=OrderType.LIMIT,
            price=price,
            status=OrderStatus.PENDING,
        )
        for number, part in enumerate(parts_of(instrument, quantity))
    ]


def next_attempts(intents: Iterable[Intent]) -> dict[int, int]:
    """Return each intent's next attempt number: one above the highest ever used."""
    ids = [intent.pk for intent in intents]
    used = (
        Order.objects.filter(intent_id__in=ids)
        .values("intent_id")
        .annotate(last=Max("attempt"))
        .values_list("intent_id", "last")
    )
    return dict.fromkeys(ids, 0) | {pk: last + 1 for pk, last in used}


def reserved_by_leg(leg_ids: Sequence[int]) -> Mapping[int, int]:
    """Return, per leg, the units its unresolved exit orders may still take."""
    rows = Order.objects.unresolved().filter(intent__kind=IntentKind.EXIT, intent__leg_id__in=leg_ids)
    reserved: dict[int, int] = dict.fromkeys(leg_ids, 0)
    for leg_id, quantity, filled in rows.values_list("intent__leg_id", "quantity", "filled_quantity"):
        reserved[leg_id] += quantity - filled
    return reserved
