"""Redis clients of the bus. A call is never repeated by the client: who asks decides what a failure means."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    BusClient = redis.Redis[bytes]
    AsyncBusClient = redis.asyncio.Redis[bytes]
else:
    BusClient = redis.Redis
    AsyncBusClient = redis.asyncio.Redis

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 3.0
HEALTH_CHECK_SECONDS = 10


def redis_client() -> BusClient:
    """Return this process's client; its pool is safe across threads and forks. Calls raise ``RedisError``."""
    return _client(settings.REDIS_BUS_URL)


def async_redis() -> AsyncBusClient:
    """Return a new client for the running event loop; whoever asked closes it."""
    return redis.asyncio.Redis.from_url(settings.REDIS_BUS_URL, retry=AsyncRetry(NoBackoff(), 0), **_options())


@lru_cache(maxsize=4)
def _client(url: str) -> BusClient:
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_options())


def _options() -> dict[str, Any]:
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "health_check_interval": HEALTH_CHECK_SECONDS,
        "retry_on_timeout": False,
    }
