"""Every setting is checked before anything is opened, and the message names it."""

import json
from datetime import UTC, datetime

import pytest

from simulator.config import ConfigError, load


def test_defaults_are_a_live_market_with_twenty_clients():
    config = load([], {})
    assert (config.port, config.recording, config.rate_limits) == (8790, None, True)
    assert [client.client for client in config.clients][::19] == ["DEMO01", "DEMO20"]
    assert config.clock.at(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_arguments_win_over_the_environment():
    config = load(["--port", "9001"], {"SIMULATOR_PORT": "9002", "SIMULATOR_SEED": "5"})
    assert (config.port, config.seed) == (9001, 5)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"SIMULATOR_PORT": "eighty"}, "SIMULATOR_PORT"),
        ({"SIMULATOR_PORT": "70000"}, "SIMULATOR_PORT"),
        ({"SIMULATOR_SEED": "-1"}, "SIMULATOR_SEED"),
        ({"SIMULATOR_MARKET": "/nowhere/day.parquet"}, "SIMULATOR_MARKET"),
        ({"MARKET_CLOCK": "noon"}, "MARKET_CLOCK"),
        ({"SIMULATOR_VOLATILITY": "nan"}, "SIMULATOR_VOLATILITY"),
        ({"SIMULATOR_RATE_LIMITS": "maybe"}, "SIMULATOR_RATE_LIMITS"),
        ({"SIMULATOR_PARTIAL_FILLS": "1.5"}, "SIMULATOR_PARTIAL_FILLS"),
        ({"SIMULATOR_SLIPPAGE_TICKS": "half"}, "SIMULATOR_SLIPPAGE_TICKS"),
        ({"SIMULATOR_POSTBACK_URL": "ftp://x"}, "SIMULATOR_POSTBACK_URL"),
        ({"SIMULATOR_CLIENTS": "/nowhere/clients.json"}, "SIMULATOR_CLIENTS"),
    ],
)
def test_a_wrong_setting_is_named(environ, named):
    with pytest.raises(ConfigError, match=named):
        load([], environ)


def test_demo_clients_share_url_patterns():
    environ = {"SIMULATOR_CLIENTS": "2", "SIMULATOR_POSTBACK_URL": "http://127.0.0.1:1/{client}/"}
    assert [client.postback_url[-7:] for client in load([], environ).clients] == ["DEMO01/", "DEMO02/"]


def test_clients_come_from_a_file(tmp_path):
    path = tmp_path / "clients.json"
    path.write_text(json.dumps([{"client": "AB1234", "api_key": "key", "api_secret": "secret"}]))
    [client] = load([], {"SIMULATOR_CLIENTS": str(path)}).clients
    assert (client.client, client.api_key, client.broker) == ("AB1234", "key", "zerodha")


@pytest.mark.parametrize(
    "content",
    ["{", '[{"client": "A"}]', '[{"client": "A B", "api_key": "k", "api_secret": "s"}]'],
)
def test_a_malformed_client_file_is_refused(tmp_path, content):
    path = tmp_path / "clients.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"clients\.json"):
        load([], {"SIMULATOR_CLIENTS": str(path)})
