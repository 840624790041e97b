"""Counting failed sign-ins per address and e-mail, in the cache."""

import hashlib
import logging

from django.core.cache import cache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

MOST_FAILURES = 8
WINDOW_SECONDS = 900


def _key(ip: str, email: str) -> str:
    return "sign-in:" + hashlib.sha256(f"{ip}|{email.strip().lower()}".encode()).hexdigest()


def is_blocked(*, ip: str, email: str) -> bool:
    """Whether this pair failed too often; while the cache cannot be asked nobody is blocked."""
    try:
        return int(cache.get(_key(ip, email), 0)) >= MOST_FAILURES
    except RedisError as error:
        log.warning("sign-in attempts cannot be counted", extra={"reason": str(error)})
        return False


def note_failure(*, ip: str, email: str) -> None:
    """Count one failure; the window starts with the first."""
    key = _key(ip, email)
    try:
        if not cache.add(key, 1, WINDOW_SECONDS):
            cache.incr(key)
    except ValueError:  # it ran out between the two calls
        cache.set(key, 1, WINDOW_SECONDS)
    except RedisError as error:
        log.warning("sign-in attempts cannot be counted", extra={"reason": str(error)})


def forget(*, ip: str, email: str) -> None:
    """Start over after a successful sign-in."""
    try:
        cache.delete(_key(ip, email))
    except RedisError as error:
        log.warning("sign-in attempts cannot be reset", extra={"reason": str(error)})
