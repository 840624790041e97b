"""What the launcher reads from the environment."""

from pathlib import Path

import pytest

from launch.problems import BadSetting
from launch.settings import ROOT, from_environ


def test_nothing_set_gives_the_documented_defaults() -> None:
    settings = from_environ({})
    assert (settings.port, settings.shards, settings.state_dir) == (8800, 1, ROOT / "var")
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.settings_module == "config.settings.local"


def test_the_four_ports_follow_each_other() -> None:
    assert from_environ({"PORT": "9100"}).ports == {"web": 9100, "live": 9101, "flower": 9102, "simulator": 9103}


def test_a_relative_state_dir_is_meant_from_the_checkout() -> None:
    assert from_environ({"STATE_DIR": "other"}).state_dir == ROOT / "other"
    assert from_environ({"STATE_DIR": "/tmp/../tmp/x"}).state_dir == Path("/tmp/x")


@pytest.mark.parametrize("port", ["0", "65533", "-1", "88oo", "8800.5", "٨٨٠٠", " "])
def test_an_unusable_port_is_refused_by_name(port: str) -> None:
    if not port.strip():
        assert from_environ({"PORT": port}).port == 8800
        return
    with pytest.raises(BadSetting, match="PORT"):
        from_environ({"PORT": port})


@pytest.mark.parametrize("shards", ["0", "65", "two"])
def test_an_unusable_number_of_shards_is_refused(shards: str) -> None:
    with pytest.raises(BadSetting, match="SHARDS"):
        from_environ({"SHARDS": shards})


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_URL", "mysql://x/y"), ("REDIS_URL", "http://x"), ("CELERY_BROKER_URL", "sqs://x")]
)
def test_a_url_of_another_kind_is_refused_without_repeating_its_password(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name) as refusal:
        from_environ({name: value})
    assert value not in str(refusal.value)


def test_every_shard_is_served_here_unless_said_otherwise() -> None:
    assert from_environ({"SHARDS": "3"}).shards_here == (0, 1, 2)
    assert from_environ({"SHARD": "2"}).shards_here == (2,)
    assert from_environ({"SHARD": "2, 0,2", "SHARDS": "4"}).shards_here == (0, 2)
    assert from_environ({"SHARD": "none"}).shards_here == ()


@pytest.mark.parametrize("shard", ["-1", "64", "two", "1,", "1-3"])
def test_an_unusable_shard_is_refused(shard: str) -> None:
    with pytest.raises(BadSetting, match="SHARD="):
        from_environ({"SHARD": shard})


def test_celerys_broker_may_be_given_apart_from_redis() -> None:
    assert from_environ({}).broker_url is None
    assert from_environ({"CELERY_BROKER_URL": "amqp://h/v"}).broker_url == "amqp://h/v"


def test_brokers_are_slugs_or_all() -> None:
    assert from_environ({}).brokers == ("zerodha",)
    assert from_environ({"BROKERS": "Zerodha, fyers"}).brokers == ("zerodha", "fyers")
    with pytest.raises(BadSetting, match="BROKERS"):
        from_environ({"BROKERS": "zerodha;fyers"})


def test_what_is_seeded_is_chosen_by_name() -> None:
    assert from_environ({}).seed == "demo"
    assert from_environ({"SEED": "replay"}).seed == "replay"
    with pytest.raises(BadSetting, match="SEED"):
        from_environ({"SEED": "everything"})
