"""NorenRestApi 0.0.37 (bearer token, sign-in by code): the same day as the older release does."""

import sys
from pathlib import Path

import pytest
from NorenRestApiPy.NorenApi import NorenApi
from steps import Control, step

sys.path.insert(0, str(Path(__file__).parents[1] / "norenrestapi"))
from day import (  # noqa: F401 -- pytest runs what stands here
    CANNOT,
    KEY,
    NAME,
    SECRET,
    ears,
    fresh,
    granted,
    option,
    test_a_stop_waits_and_a_market_order_is_refused,
    test_a_touchline_is_shown_whole_and_then_what_changes,
    test_an_order_is_placed_filled_and_booked,
    test_an_order_rests_is_modified_and_cancelled,
    test_an_order_update_arrives_on_the_socket,
    test_depth_has_five_levels,
    test_every_order_of_the_journey_is_in_the_ledger,
    test_history_comes_in_minutes_and_days,
    test_limits_and_holdings,
    test_positions_are_converted,
    test_quotes_search_and_security_info_agree,
)


@pytest.fixture(scope="module")
def api(url: str, control: Control) -> NorenApi:
    api = fresh(url)
    token, user, _, account = api.getAccessToken(granted(control), SECRET, KEY, NAME)
    assert (user, account) == (NAME, NAME)
    assert token
    return api


@step("sign in")
def test_a_code_works_once_and_only_with_the_secret(url, control, api):
    code = control("request-token", {"client": NAME})["request_token"]
    assert fresh(url).getAccessToken(code, "guess", KEY, NAME) is None
    assert fresh(url).getAccessToken(code, SECRET, KEY, NAME) is not None
    assert fresh(url).getAccessToken(code, SECRET, KEY, NAME) is None
