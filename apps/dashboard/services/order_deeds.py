"""What cancelling or changing an order means, said before it is done, and how far what was asked has come."""

from dataclasses import dataclass
from uuid import UUID

from apps.broker_accounts.models import BrokerSession
from apps.dashboard.figures import units_text
from apps.dashboard.services.board import OrderLine
from apps.dashboard.services.order_lines import READ, broker_name, order_lines
from apps.dashboard.templatetags.money import ist
from apps.dashboard.wording import Words, order_words, request_words
from apps.markets import clock
from apps.trading.models import ChangeRequest, Order
from apps.trading.services.order_requests import Press, ask_cancel, ask_change
from apps.users.models import User
from bus import clock as wall_clock
from domain.exit_plan import from_json
from domain.order_changes import OPEN_REQUESTS, RequestKind, RequestStatus, Wish
from domain.orders import IN_FLIGHT, UNRESOLVED, Mode, OrderStatus


@dataclass(frozen=True, slots=True)
class Deed:
    """How far something asked of an order is; ``advice`` says what comes next."""

    line: OrderLine
    title: str
    words: Words
    why: str
    advice: str
    is_done: bool


def find(user: User, order_id: int) -> Order:
    """Return an order a person may see; raises ``Order.DoesNotExist``."""
    rows = Order.objects.for_user(user).select_related(*READ, "intent__leg__instrument", "intent__trade__strategy")
    return rows.get(pk=order_id)


def cancel(user: User, order_id: int, key: UUID) -> ChangeRequest:
    """Ask for an order to be cancelled; raises ``NotAllowed`` and ``Order.DoesNotExist``."""
    return ask_cancel(Press(order_id, user, key), now=clock.now(), wall=wall_clock.now())


def change(user: User, order_id: int, key: UUID, wish: Wish) -> ChangeRequest:
    """Ask for an order to be changed; raises ``NotAllowed`` and ``Order.DoesNotExist``."""
    return ask_change(Press(order_id, user, key), wish, wall=wall_clock.now())


def cancel_means(order: Order) -> list[str]:
    """Return what cancelling an entry means, for its owner."""
    return [_of_state(order), *_of_fills(order), *_of_sisters(order), *_of_session(order)]


def change_means(order: Order) -> list[str]:
    """Return what changing an entry means, for its owner."""
    said = ["A price you set stays as it is: the platform no longer follows the market with this order."]
    if order.intent.expires_at is not None:
        said.append(f"What is not filled by {ist(order.intent.expires_at)} is withdrawn as before.")
    return [*said, *_of_session(order)]


def _of_state(order: Order) -> str:
    if order.status == OrderStatus.PENDING:
        return "It was not sent yet: it is given up at once."
    if order.status in IN_FLIGHT:
        return "Nobody knows yet whether the broker has it. It is cancelled as soon as the broker's book shows it."
    return "The broker is asked to withdraw what is not filled. Until it has, the order may still fill."


def _of_fills(order: Order) -> list[str]:
    if not order.filled_quantity:
        return []
    held = f"The {units_text(order.filled_quantity)} units that are filled"
    if from_json(order.intent.trade.exit_plan).keep_partial:
        return [f"{held} stay, and so do their stop and target."]
    return [f"{held} are left at the market: this strategy keeps no part of an entry."]


def _of_sisters(order: Order) -> list[str]:
    has_sisters = order.intent.trade.legs.exclude(pk=order.intent.leg_id).exists()
    if not has_sisters or order.intent.leg.entry_quantity:
        return []
    return ["If nothing of this leg is filled, the trade's other legs are left: no leg stays alone."]


def _of_session(order: Order) -> list[str]:
    if order.intent.mode != Mode.LIVE or BrokerSession.objects.usable().filter(account=order.account_id).exists():
        return []
    name = broker_name(order.account.broker)
    return [f"Nobody is signed in at {name}, so it cannot be asked now. If it must be now, use the broker's own app."]


def deed_of(user: User, key: UUID) -> Deed:
    """Return how far a press is; raises ``ChangeRequest.DoesNotExist`` for one that is not this person's."""
    request = ChangeRequest.objects.for_user(user).get(asked_by=user, key=key)
    order = find(user, request.order_id)
    return _of_cancel(order) if request.kind == RequestKind.CANCEL else _of_change(request, order)


def _of_cancel(order: Order) -> Deed:
    (line,) = order_lines([order])
    is_open = order.status in UNRESOLVED
    advice = " ".join(_of_session(order)) or "The broker is asked until its book shows the order over."
    words = Words("Cancel asked", "tag-busy") if is_open else order_words(order.status)
    return Deed(
        line, "Cancelling" if is_open else "The order is over", words, "", advice if is_open else "", not is_open
    )


def _of_change(request: ChangeRequest, order: Order) -> Deed:
    (line,) = order_lines([order])
    is_open = request.status in OPEN_REQUESTS
    advice = _UNKNOWN if request.status == RequestStatus.UNKNOWN else ""
    return Deed(
        line, "Changing" if is_open else "Change", request_words(request.status), request.note, advice, not is_open
    )


_UNKNOWN = (
    "The broker's answer did not arrive. It is not sent again: the broker's book is read until it shows the change, or "
    "until it cannot come any more. The order can be cancelled meanwhile."
)
