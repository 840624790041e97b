"""What people's changes mean for orders now: which are not the platform's to reprice, and how many units they keep."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from apps.trading.models import ChangeRequest
from domain.order_changes import OPEN_REQUESTS, RequestKind, RequestStatus

_COUNTED = frozenset({RequestStatus.SENT, RequestStatus.UNKNOWN, RequestStatus.DONE})
"""Changes that were made or may have been: what is sent after them must not undo them."""


@dataclass(frozen=True, slots=True)
class InForce:
    """``is_priced`` by a person, so not followed to the market; ``quantity`` the total a person left it (``None``: as
    it was placed); ``is_changing`` while nobody knows yet."""

    is_priced: bool = False
    quantity: int | None = None
    is_changing: bool = False


UNTOUCHED = InForce()


def changes_in_force(order_ids: Collection[int]) -> Mapping[int, InForce]:
    """Return what people's changes left, by order, in one query; orders nobody changed are left out."""
    return in_force_of(
        ChangeRequest.objects.filter(
            order_id__in=order_ids, kind=RequestKind.CHANGE, status__in=_COUNTED | OPEN_REQUESTS
        ).order_by("pk")
    )


def in_force_of(requests: Iterable[ChangeRequest]) -> Mapping[int, InForce]:
    """Return what requests, the oldest first, left of each order; cancels change nothing here."""
    found: dict[int, InForce] = {}
    for row in requests:
        if row.kind == RequestKind.CHANGE:
            found[row.order_id] = _with(found.get(row.order_id, UNTOUCHED), row)
    return found


def _with(before: InForce, row: ChangeRequest) -> InForce:
    is_changing = before.is_changing or row.status in OPEN_REQUESTS
    if row.status not in _COUNTED:
        return InForce(before.is_priced, before.quantity, is_changing)
    has_price = row.price is not None or row.trigger_price is not None
    return InForce(before.is_priced or has_price, row.quantity or before.quantity, is_changing)
