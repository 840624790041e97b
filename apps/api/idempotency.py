"""``Idempotency-Key``: a request that is sent again gets the first one's answer and does nothing.

The memory is Redis and lasts a day. Without it a repeated square-off is still harmless: a leg has one open exit.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.authentication import person_of
from apps.api.errors import Conflict, Unprocessable

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
_DAY = 24 * 60 * 60
_MINUTE = 60
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def once(request: Request, act: Callable[[], Response]) -> Response:
    """Act, or give the answer of the same request sent before.

    Raises ``Unprocessable`` when the key came with another body, ``Conflict`` while the first is still at work,
    ``ValidationError`` for a key that is none.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return act()
    if not _KEY.fullmatch(key):
        raise ValidationError({HEADER: "Send 1 to 200 printable characters without spaces."})
    name = f"api:once:{person_of(request).pk}:{_digest(key)}"
    asked = _digest(json.dumps([request.path, request.data], sort_keys=True, default=str))
    try:
        # A process that dies at work leaves its mark behind for a minute only.
        is_first = cache.add(name, {"asked": asked}, _MINUTE)
        known = None if is_first else cache.get(name)
    except RedisError as error:
        log.warning("an idempotency key is not remembered", extra={"reason": str(error)})
        return act()
    return _repeat(known, asked) if known is not None else _first(name, asked, act)


def _first(name: str, asked: str, act: Callable[[], Response]) -> Response:
    is_done = False
    try:
        response = act()
        is_done = True
    finally:
        if not is_done:
            _forget(name)
    _remember(name, {"asked": asked, "status": response.status_code, "data": response.data})
    return response


def _repeat(known: dict[str, Any], asked: str) -> Response:
    if known["asked"] != asked:
        raise Unprocessable("This Idempotency-Key came with another request before.", "idempotency_key_reused")
    if "status" not in known:
        raise Conflict("The first request with this key is still at work.", "in_progress")
    return Response(known["data"], status=known["status"], headers={"Idempotent-Replay": "true"})


def _remember(name: str, answer: dict[str, Any]) -> None:
    try:
        cache.set(name, answer, _DAY)
    except RedisError as error:
        log.warning("an answer is not remembered", extra={"reason": str(error)})


def _forget(name: str) -> None:
    try:
        cache.delete(name)
    except RedisError as error:
        log.warning("a failed request is remembered for a minute", extra={"reason": str(error)})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
