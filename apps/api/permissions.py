"""What a key may do."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.users.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView


class MayTrade(BasePermission):
    """Lets in keys that may ask for square-offs; a read-only key gets 403."""

    message = "This key may only read."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Tell whether the key may trade."""
        return isinstance(request.auth, ApiKey) and request.auth.can_trade
