"""The catalogue names brokers without reaching their wire."""

import subprocess
import sys

import pytest

from brokers.catalog import ENDPOINTS, SPECS, UnknownBroker, endpoint_of, spec_of
from tests.shared import ROOT

WIRE_FREE = ("brokers.catalog", "brokers.postbacks", "brokers.paper.book")


def test_every_broker_has_a_spec_and_an_endpoint_under_its_own_slug():
    assert set(SPECS) == set(ENDPOINTS) == {"paper", "zerodha", "flattrade"}
    assert all(spec.slug == slug for slug, spec in SPECS.items())


def test_a_slug_nobody_bears_is_refused_by_name():
    with pytest.raises(UnknownBroker, match=r"'zeroda'.*flattrade, paper, zerodha"):
        spec_of("zeroda")
    with pytest.raises(UnknownBroker):
        endpoint_of("")


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
