"""The bus under test: a real Redis, emptied of what these tests keep there."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from redis.exceptions import RedisError

from bus.connection import BusClient, redis_client
from bus.ticks import LAST, STATE


@pytest.fixture
def bus() -> Iterator[BusClient]:
    client = redis_client()
    try:
        client.delete(LAST, STATE)
    except RedisError as error:
        pytest.fail(f"no Redis answers at {settings.REDIS_BUS_URL}: {error}")
    yield client
    client.delete(LAST, STATE)
