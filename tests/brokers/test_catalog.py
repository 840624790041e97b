"""The catalogue names brokers without reaching their wire."""

import subprocess
import sys

import pytest

from brokers.catalog import ENDPOINTS, SPECS, UnknownBroker, endpoint_of, simulated_endpoint, spec_of
from domain.broker import Endpoint
from tests.shared import ROOT

WIRE_FREE = ("brokers.catalog", "brokers.postbacks", "brokers.paper.book")

BROKERS = {
    "paper",
    "zerodha",
    "flattrade",
    "fyers",
    "kotak",
    "ibkr",
    "aliceblue",
    "binance",
    "upstox",
    "mastertrust",
    "mt5",
}


def test_every_broker_has_a_spec_and_an_endpoint_under_its_own_slug():
    assert set(SPECS) == set(ENDPOINTS) == BROKERS
    assert all(spec.slug == slug for slug, spec in SPECS.items())


def test_a_slug_nobody_bears_is_refused_by_name():
    with pytest.raises(UnknownBroker, match=rf"'zeroda'.*{', '.join(sorted(BROKERS))}"):
        spec_of("zeroda")
    with pytest.raises(UnknownBroker):
        endpoint_of("")


def test_the_simulated_exchange_has_each_address_behind_the_slug_with_its_path():
    assert simulated_endpoint("flattrade", "http://127.0.0.1:9000/") == Endpoint(
        rest_url="http://127.0.0.1:9000/flattrade/PiConnectAPI",
        socket_url="ws://127.0.0.1:9000/flattrade/PiConnectWSAPI/",
        login_url="http://127.0.0.1:9000/flattrade",
        master_url="http://127.0.0.1:9000/flattrade/scripmaster",
        token_url="http://127.0.0.1:9000/flattrade/trade/apitoken",
        simulator_url="http://127.0.0.1:9000",
    )
    assert simulated_endpoint("zerodha", "https://exchange.test").socket_url == "wss://exchange.test/zerodha"


def test_a_broker_is_real_unless_it_is_asked_for_at_the_simulated_exchange():
    assert not [slug for slug, endpoint in ENDPOINTS.items() if endpoint.simulator_url]
    with pytest.raises(UnknownBroker):
        simulated_endpoint("zeroda", "http://127.0.0.1:9000")


@pytest.mark.parametrize("module", WIRE_FREE)
def test_what_the_web_process_may_import_reaches_no_wire(module):
    code = f"import sys, {module}; print([m for m in sys.modules if m == 'aiohttp' or m.startswith('brokers.')])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "platform")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout
    assert module in loaded
    assert not [name for name in ("aiohttp", "transport", "client", "orders", "portfolio", "feed'") if name in loaded]


def test_zerodha_tokens_and_tags_are_what_kite_documents():
    spec = spec_of("zerodha")
    assert (spec.tag_length, spec.max_modifications, spec.limits.orders) == (20, 25, 10)
    assert "MCX" in spec.quantity_in_lots
    assert "NFO" not in spec.quantity_in_lots
