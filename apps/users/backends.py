"""What a role may do on pages that ask Django's permissions: the markets, which belong to no tenant."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model

from apps.tenants.models import Tenant
from apps.users.models import Role, User

_SHARED = "markets"
_STAFF = (Role.OPERATOR, Role.ADMIN)


class RoleBackend(BaseBackend):
    """Derives permissions from the role; signing in is another backend's."""

    def has_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        """Those who run a tenant see the markets; they edit them where theirs is the only tenant."""
        if not self._is_staff(user_obj):
            return False
        if user_obj.role == Role.ADMIN and user_obj.tenant_id is None:
            return True
        app, _, deed = perm.partition(".")
        return app == _SHARED and (deed.startswith("view_") or _is_only_tenant(user_obj))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the app is listed at all."""
        return self._is_staff(user_obj) and (app_label == _SHARED or user_obj.tenant_id is None)

    def _is_staff(self, user: User | AnonymousUser) -> bool:
        return user.is_active and user.is_staff and isinstance(user, User) and user.role in _STAFF


def _is_only_tenant(user: User) -> bool:
    return user.tenant_id is not None and not Tenant.objects.filter(is_active=True).exclude(pk=user.tenant_id).exists()
