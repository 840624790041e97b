"""One shape for every error: ``{"error": {"code", "message", "fields"?}}``."""

from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the platform's error body for an API exception; ``None`` lets Django answer 500."""
    response = exception_handler(error, context)
    if response is None:
        return None
    body: dict[str, Any] = {"code": _code(error), "message": _message(error)}
    if isinstance(error, ValidationError) and isinstance(error.detail, dict):
        body["fields"] = error.detail
    response.data = {"error": body}
    return response


def _code(error: Exception) -> str:
    if isinstance(error, APIException):
        codes = error.get_codes()
        return codes.upper() if isinstance(codes, str) else "INVALID"
    return "NOT_FOUND"


def _message(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "The request is not valid."
    return str(error.detail) if isinstance(error, APIException) else "Not found."
