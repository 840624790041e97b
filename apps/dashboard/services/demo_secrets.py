"""Passwords, keys and tokens of a seeded deployment: they follow from the installation's SECRET_KEY."""

import base64
import hashlib
import hmac

from django.conf import settings


def secret_of(purpose: str, length: int) -> str:
    """Return a secret that is the same at every start of this installation, and of no other."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"demo:{purpose}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().replace("-", "x").replace("_", "y")[:length]
