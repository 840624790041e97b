"""Ten live accounts, one at each broker, take one wave together and leave it, each order on the wire once."""

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from brokers.catalog import SPECS
from tests.flows.conftest import open_trades
from tests.flows.platform import Platform, running, wait_for

pytestmark = [pytest.mark.flow, pytest.mark.slow, pytest.mark.timeout(900)]

BROKERS = set(SPECS) - {"paper"}
WITHIN = 180


@pytest.fixture(scope="module")
def everywhere() -> Iterator[Platform]:
    with running(BROKERS="all") as platform:
        yield platform


def alert(platform: Platform, action: str) -> None:
    """Send one alert to each market's strategy, all at once."""
    body = {"action": action, "alert_id": uuid.uuid4().hex}
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda url: requests.post(url, json=body, timeout=10), platform.demo["wave_urls"]))
    assert [answer.status_code for answer in answers] == [202] * len(answers)


def live(platform: Platform) -> dict[int, str]:
    """Return the brokers of the live accounts."""
    accounts = (account for trader in platform.demo["traders"] for account in trader["accounts"])
    return {account["id"]: account["broker"] for account in accounts if account["broker"] != "paper"}


def placed(platform: Platform) -> list[dict[str, Any]]:
    """Return the orders that reached the simulated brokers."""
    return [row for row in platform.ledger() if row["event"] == "REQUEST" and row["endpoint"] == "orders.place"]


def test_a_wave_enters_at_ten_brokers_and_leaves_them(everywhere: Platform) -> None:
    brokers = live(everywhere)
    assert set(brokers.values()) == BROKERS
    alert(everywhere, "buy")

    def entered() -> set[str]:
        trades = (trade for trade in everywhere.trades() if trade["account"] in brokers)
        return {brokers[trade["account"]] for trade in trades if trade["status"] in ("OPEN", "EXITING", "CLOSED")}

    wait_for(lambda: entered() == BROKERS, within=WITHIN, message="an entry at every broker")
    alert(everywhere, "sell")
    wait_for(lambda: not open_trades(everywhere), within=WITHIN, message="every exit")
    trades = [trade for trade in everywhere.trades() if trade["account"] in brokers]
    assert Counter(brokers[trade["account"]] for trade in trades) == dict.fromkeys(BROKERS, 1)
    assert {trade["status"] for trade in trades} == {"CLOSED"}
    assert {row["broker"] for row in placed(everywhere)} == BROKERS
    tags = Counter(row["tag"] for row in placed(everywhere))
    assert set(tags.values()) == {1}
