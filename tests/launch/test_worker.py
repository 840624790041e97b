"""A second machine's execution workers: what they must be told, and what they are started with."""

from dataclasses import replace

import pytest

from launch import credentials, worker
from launch.problems import BadSetting
from launch.settings import Settings

DATABASE, REDIS = "postgres://app@db.example/vayda", "redis://redis.example:6379"


@pytest.fixture
def elsewhere(settings: Settings) -> Settings:
    """A machine that serves shard 2 of an installation elsewhere."""
    return replace(settings, own_shards=(2,), database_url=DATABASE, redis_url=REDIS)


@pytest.mark.parametrize("missing", ["own_shards", "database_url", "redis_url"])
def test_it_must_be_told_which_shards_and_whose(elsewhere: Settings, missing: str) -> None:
    with pytest.raises(BadSetting):
        worker.check_settings(replace(elsewhere, **{missing: None}))


def test_a_master_key_is_never_made_up(elsewhere: Settings) -> None:
    with pytest.raises(BadSetting, match="MASTER_KEY"):
        worker.product_environ(elsewhere, {})
    assert not (elsewhere.state_dir / credentials.FILE_NAME).exists()


def test_the_installations_own_key_and_addresses_reach_the_workers(elsewhere: Settings) -> None:
    environ = worker.product_environ(elsewhere, {"MASTER_KEY": "theirs", "SIMULATOR_URL": "http://exchange.example"})
    assert environ["MASTER_KEY"] == "theirs"
    assert environ["SIMULATOR_URL"] == "http://exchange.example"
    assert (environ["DATABASE_URL"], environ["REDIS_URL"]) == (DATABASE, REDIS)


def test_a_copied_file_of_secrets_is_enough(elsewhere: Settings) -> None:
    made = credentials.load_or_make(elsewhere.state_dir)
    assert worker.product_environ(elsewhere, {})["MASTER_KEY"] == made["MASTER_KEY"]


def test_only_the_workers_broker_may_be_another(elsewhere: Settings) -> None:
    environ = worker.product_environ(replace(elsewhere, broker_url="amqp://mq.example"), {"MASTER_KEY": "theirs"})
    assert environ["CELERY_BROKER_URL"] == "amqp://mq.example"
