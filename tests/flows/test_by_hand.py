"""A person changes and cancels a resting entry: through the web process, the queue, the lane and the broker."""

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.flows.platform import Platform, wait_for

pytestmark = pytest.mark.flow


@pytest.fixture
def resting(platform: Platform) -> Iterator[dict[str, Any]]:
    """A live entry of the first trader that the exchange leaves unfilled."""
    platform.simulate("POST", "exchange", {"fill_delay_seconds": 600})
    try:
        assert platform.fire({"action": "buy", "alert_id": uuid.uuid4().hex}).status_code == 202
        yield wait_for(lambda: live_order(platform), message="an entry that rests")
    finally:
        platform.simulate("DELETE", "exchange")


def live_order(platform: Platform) -> dict[str, Any] | None:
    found = platform.get("orders/", status="OPEN", mode="LIVE")["results"]
    return next((order for order in found if order["kind"] == "ENTRY"), None)


def requests_of(platform: Platform, order: dict[str, Any], endpoint: str) -> list[dict[str, Any]]:
    """Return what reached the exchange about an order."""
    return [
        row
        for row in platform.ledger()
        if row["event"] == "REQUEST" and row["endpoint"] == endpoint and row.get("order_id") == order["broker_order_id"]
    ]


def test_a_resting_entry_is_changed_once_and_cancelled_once(platform: Platform, resting: dict[str, Any]) -> None:
    path, key = f"orders/{resting['id']}", {"Idempotency-Key": uuid.uuid4().hex}
    lower = str(Decimal(resting["price"]) - Decimal("1.00"))

    def asked() -> requests.Response | None:
        """Ask until the contract's price is known: without one no new price can be judged."""
        answer = platform.post(f"{path}/change/", {"price": lower}, **key)
        assert answer.status_code == 202 or "NO_PRICE" in answer.text, answer.text
        return answer if answer.status_code == 202 else None

    answers = [wait_for(asked, message="a price to judge by") for _ in range(2)]
    made = answers[0].json()["id"]
    assert answers[1].json()["id"] == made

    def settled() -> str | None:
        status: str = platform.get(f"order-requests/{made}/")["status"]
        return status if status not in ("WAITING", "SENT") else None

    assert wait_for(settled, message="the change") == "DONE"
    assert platform.get(f"{path}/")["price"] == lower
    assert len(requests_of(platform, resting, "orders.modify")) == 1
    key = {"Idempotency-Key": uuid.uuid4().hex}
    assert {platform.post(f"{path}/cancel/", {}, **key).status_code for _ in range(2)} == {202}
    wait_for(lambda: platform.get(f"{path}/")["status"] == "CANCELLED", message="the cancel")
    assert len(requests_of(platform, resting, "orders.cancel")) == 1


def signed_in(platform: Platform) -> requests.Session:
    """Sign the first trader in as a browser does."""
    session, trader = requests.Session(), platform.demo["traders"][0]
    address = f"{platform.demo['base_url']}/login/"
    session.get(address, timeout=10)
    form = {"email": trader["email"], "password": trader["password"]}
    token = next(value for name, value in session.cookies.items() if "_csrf_" in name)
    body = form | {"csrfmiddlewaretoken": token}
    session.post(address, data=body, headers={"Referer": address}, timeout=10).raise_for_status()
    return session


@pytest.mark.parametrize("page", ["holdings", "funds"])
def test_the_lanes_read_what_the_brokers_keep(platform: Platform, page: str) -> None:
    session = signed_in(platform)

    def shown() -> bool:
        text = session.get(f"{platform.demo['base_url']}/{page}/", timeout=10).text
        return "Current" in text and "Not read" not in text

    wait_for(shown, message=f"{page} of every live account")
