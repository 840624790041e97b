"""NorenRestApi 0.0.32 (token in the body), as Flattrade's own wheel speaks; the OAuth release has a journey beside it.

Signing in at Flattrade is a plain call outside the SDK, whose own login (QuickAuth) Flattrade does not have.
"""

import hashlib
import sys
from pathlib import Path

import pytest
from NorenRestApiPy.NorenApi import NorenApi
from steps import Control

sys.path.insert(0, str(Path(__file__).parent))
from day import CANNOT as COMMON
from day import (  # noqa: F401 -- pytest runs what stands here
    KEY,
    NAME,
    SECRET,
    ears,
    fresh,
    granted,
    option,
    posted,
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

CANNOT = COMMON | {"sign in": "Flattrade's token call is outside the SDK, which is handed the token (set_session)"}


@pytest.fixture(scope="module")
def api(url: str, control: Control) -> NorenApi:
    code = granted(control)
    proof = hashlib.sha256(f"{KEY}{code}{SECRET}".encode()).hexdigest()
    answer = posted(f"{url}/flattrade/trade/apitoken", {"api_key": KEY, "request_code": code, "api_secret": proof})
    api = fresh(url)
    assert api.set_session(userid=NAME, password="", usertoken=answer["token"])
    return api


def test_another_token_is_refused(url, api):
    stranger = fresh(url)
    stranger.set_session(userid=NAME, password="", usertoken="deadbeef")
    assert stranger.get_order_book() is None
    assert api.get_limits()["stat"] == "Ok"
