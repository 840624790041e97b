"""How often a key may ask."""

import logging
import time
from typing import TYPE_CHECKING

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.users.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = logging.getLogger(__name__)

WINDOW_SECONDS = 60


class PerKey(BaseThrottle):
    """So many requests a key and minute; ``Retry-After`` says when the next minute begins.

    Without Redis nobody is held back: leaving a position matters more than counting.
    """

    per_minute = 300

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request and tell whether it is within the limit."""
        if not isinstance(request.auth, ApiKey):
            return True
        return self._count(request.auth.pk) <= self.per_minute

    def wait(self) -> float:
        """Return the seconds until the next window."""
        return WINDOW_SECONDS - time.time() % WINDOW_SECONDS

    def _count(self, key_id: int) -> int:
        name = f"api:asked:{key_id}:{int(time.time() // WINDOW_SECONDS)}"
        try:
            cache.add(name, 0, 2 * WINDOW_SECONDS)
            return cache.incr(name)
        except (RedisError, ValueError) as error:
            log.warning("requests are not counted", extra={"reason": str(error)})
            return 0
