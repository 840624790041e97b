"""Bearer keys."""

import re

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.users.models import ApiKey, User
from apps.users.services.api_keys import find_key

_KEY = re.compile(rb"[A-Za-z0-9_-]{16,128}")


class BearerKey(BaseAuthentication):
    """``Authorization: Bearer <key>``; the key is known by its hash."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Return the key's owner, ``None`` without the header; raises ``AuthenticationFailed`` for a bad key."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        key = find_key(parts[1].decode()) if len(parts) == 2 and _KEY.fullmatch(parts[1]) else None
        if key is None:
            raise AuthenticationFailed("The API key is not valid.")
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """Answer 401, not 403, where no key was given."""
        return "Bearer"


def person_of(request: Request) -> User:
    """Return who asks; only for views that let nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("nobody is signed in")
    return request.user
