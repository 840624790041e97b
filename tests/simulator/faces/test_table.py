"""What is the same at every face: where it lives, its index, and the hand behind it."""

from typing import Any

import pytest
import requests

from simulator.faces.table import FACES
from tests.simulator.faces.noren_client import option_line, sign_in

SLUGS = [row.slug for row in FACES]
ENVELOPES = {
    "zerodha": {"status": "error"},
    "flattrade": {"stat": "Not_Ok"},
    "fyers": {"s": "error"},
    "kotak": {"stat": "Not_Ok", "stCode": 404},
    "mastertrust": {"status": "error"},
    "upstox": {"status": "error"},
    "aliceblue": {"status": "Not_ok"},
}


def test_the_root_lists_the_faces(site):
    index = requests.get(f"{site.url}/", timeout=10).json()
    assert index["name"] == "simulated exchange"
    assert index["faces"] == {slug: f"{site.url}/{slug}" for slug in SLUGS}


@pytest.mark.parametrize(("slug", "words"), ENVELOPES.items())
def test_an_unknown_address_is_told_in_the_brokers_own_words(site, slug, words):
    reply = requests.get(f"{site.url}/{slug}/no/such/address", timeout=10)
    assert reply.status_code == 404
    assert words.items() <= reply.json().items()


@pytest.mark.parametrize("path", ["/orders", "/session/token", "/trade/apitoken", "/PiConnectAPI/OrderBook"])
def test_nothing_of_a_broker_lives_outside_its_face(site, path):
    assert requests.post(f"{site.url}{path}", timeout=10).status_code == 404


def test_one_switch_is_for_the_limits_of_all(site):
    client, trader = sign_in(site), site.login()
    site.control("POST", "limits", {"enabled": True})
    # As many calls as it takes: how many fall into one calendar second is the machine's affair.
    assert any("exceeds Limit" in client.post("CancelOrder", norenordno="1").json()["emsg"] for _ in range(500))
    assert any(trader.call("DELETE", "/orders/regular/1").status_code == 429 for _ in range(500))
    site.control("POST", "limits", {"enabled": False})
    assert "exceeds" not in client.refused("CancelOrder", norenordno="1")


def test_a_manual_order_is_named_as_the_clients_broker_names_contracts(site):
    client = sign_in(site)
    line = option_line(client)
    order = {"client": client.name, "exchange": "NFO", "symbol": line["Tradingsymbol"], "product": "NRML"}
    order |= {"side": "BUY", "quantity": int(line["Lotsize"])}
    order_id = site.control("POST", "manual-order", order)["order_id"]
    assert client.row(order_id)["status"] == "COMPLETE"
    accepted = site.entries(order_id=order_id, endpoint="manual")[0]
    assert (accepted["broker"], accepted["symbol"]) == ("flattrade", line["Tradingsymbol"])


@pytest.mark.parametrize(
    "change", [{"symbol": "NOSUCH"}, {"side": "HOLD"}, {"quantity": 0}, {"client": "NOBODY"}, {"tag": "t"}]
)
def test_a_manual_order_that_makes_no_sense_is_refused(site: Any, change: dict[str, Any]) -> None:
    order = {
        "client": "DEMO01",
        "exchange": "NSE",
        "symbol": "RELIANCE",
        "side": "BUY",
        "quantity": 1,
        "product": "MIS",
    }
    reply = requests.post(f"{site.url}/control/manual-order", json=order | change, timeout=10)
    assert reply.status_code == 400
    assert reply.json()["error"]
