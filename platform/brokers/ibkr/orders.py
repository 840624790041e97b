"""Orders on the wire: what is sent, and what cannot be. Pure.

https://ibkrcampus.com/campus/ibkr-api-page/cpapi-v1/#orders. A modification repeats what the order was placed with.
"""

from decimal import Decimal

from brokers.ibkr.access import Access
from brokers.ibkr.spec import SPEC
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderRequest, OrderType, Side, Validity

_TYPES = {OrderType.LIMIT: "LMT", OrderType.SL: "STOP_LIMIT"}

Ticket = dict[str, object]


def place_request(access: Access, request: OrderRequest) -> WireRequest:
    """Return the request of a new order; raises ``ValueError`` for what IBKR cannot take."""
    check_placeable(SPEC, request)
    ticket = _ticket(
        access,
        token=request.token,
        side=request.side,
        order_type=request.order_type,
        validity=request.validity,
        quantity=counted(SPEC, request),
        price=request.price,
        trigger_price=request.trigger_price,
    )
    body = {"orders": [{**ticket, "cOID": request.client_order_id}]}
    return access.request("POST", f"/iserver/account/{access.account_id}/orders", json=body)


def modify_request(access: Access, broker_order_id: str, change: OrderChange) -> WireRequest:
    """Return the request of a modification; raises ``ValueError`` where it does not repeat the whole order."""
    check_words(SPEC, change.exchange, change.order_type, change.validity)
    if change.side is None:
        raise ValueError("the change does not say the order's side")
    ticket = _ticket(
        access,
        token=change.token,
        side=change.side,
        order_type=change.order_type,
        validity=change.validity,
        quantity=counted(SPEC, change),
        price=change.price,
        trigger_price=change.trigger_price,
    )
    return access.request("POST", _order_path(access, broker_order_id), json=ticket)


def cancel_request(access: Access, broker_order_id: str) -> WireRequest:
    """Return the request of a cancellation; raises ``ValueError`` for an id IBKR cannot have given."""
    return access.request("DELETE", _order_path(access, broker_order_id))


def reply_request(access: Access, question_id: str, *, confirmed: bool) -> WireRequest:
    """Return the answer to a question; raises ``ValueError`` for an id that cannot go into a path."""
    if not question_id.isascii() or not question_id.replace("-", "").isalnum():
        raise ValueError(f"{question_id!r} is not the id of a question")
    return access.request("POST", f"/iserver/reply/{question_id}", json={"confirmed": confirmed})


def _ticket(
    access: Access,
    *,
    token: str,
    side: Side,
    order_type: OrderType,
    validity: Validity,
    quantity: int,
    price: Decimal | None,
    trigger_price: Decimal | None,
) -> Ticket:
    ticket: Ticket = {
        "acctId": access.account_id,
        "conid": conid(token),
        "orderType": _TYPES[order_type],
        "side": side.value,
        "tif": validity.value,
        "quantity": quantity,
        "price": _price(price, "price"),
    }
    if order_type is OrderType.SL:
        ticket["auxPrice"] = _price(trigger_price, "trigger_price")
    return ticket


def conid(token: str) -> int:
    """Return a contract's number; raises ``ValueError`` for what is none."""
    if not (token.isascii() and token.isdigit()):
        raise ValueError(f"{token!r} is not a contract id")
    return int(token)


def _price(value: Decimal | None, name: str) -> Decimal:
    if value is None:
        raise ValueError(f"the change does not say the order's {name}")
    return checked_price(value, name)


def _order_path(access: Access, broker_order_id: str) -> str:
    return f"/iserver/account/{access.account_id}/order/{checked_order_id(SPEC, broker_order_id)}"
