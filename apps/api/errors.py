"""One shape for every error: ``{"error": {"code", "message", "fields"?}}``."""

import logging
from typing import Any

from django.db import DatabaseError
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

log = logging.getLogger(__name__)

_PLAIN = {403: ("PERMISSION_DENIED", "You may not do that."), 404: ("NOT_FOUND", "Not found.")}


class Conflict(APIException):
    """What was asked does not fit what is; 409."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "That does not fit the present state."


class Unprocessable(APIException):
    """The request was understood and contradicts an earlier one; 422."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "unprocessable"
    default_detail = "That contradicts an earlier request."


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the platform's error body for an API exception; ``None`` lets Django answer 500."""
    if isinstance(error, DatabaseError):
        log.exception("the API could not reach the database")
        return _error(503, "UNAVAILABLE", "Try again in a moment.", headers={"Retry-After": "1"})
    response = exception_handler(error, context)
    if response is None:
        return None
    if not isinstance(error, APIException):
        code, message = _PLAIN[response.status_code]
    else:
        code, message = _code(error), _message(error)
    response.data = {"error": {"code": code, "message": message} | _fields(error)}
    return response


def _error(status_code: int, code: str, message: str, *, headers: dict[str, str]) -> Response:
    return Response({"error": {"code": code, "message": message}}, status=status_code, headers=headers)


def _code(error: APIException) -> str:
    codes = error.get_codes()
    return codes.upper() if isinstance(codes, str) else "INVALID"


def _message(error: APIException) -> str:
    return "The request is not valid." if isinstance(error, ValidationError) else str(error.detail)


def _fields(error: Exception) -> dict[str, Any]:
    """Name what is wrong with each field; what concerns none of them is under ``request``."""
    if not isinstance(error, ValidationError):
        return {}
    if not isinstance(error.detail, dict):
        return {"fields": {"request": error.detail}}
    return {"fields": {"request" if name == "non_field_errors" else name: text for name, text in error.detail.items()}}
