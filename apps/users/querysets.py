"""Which people somebody may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import BaseUserManager
from django.db import models

if TYPE_CHECKING:
    from apps.users.models import User


class UserQuerySet(models.QuerySet["User"]):
    """Reads of people."""

    def for_user(self, user: User) -> UserQuerySet:
        """People this person may see: an admin all, an operator the tenant, a manager its clients, a trader itself."""
        if user.role == "admin" and user.tenant_id is None:
            return self
        own_tenant = self.filter(tenant=user.tenant)
        if user.is_operator:
            return own_tenant
        if user.role == "manager":
            return own_tenant.filter(models.Q(manager=user) | models.Q(pk=user.pk))
        return own_tenant.filter(pk=user.pk)


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail address."""

    def get_queryset(self) -> UserQuerySet:
        """Return the scoped queryset class."""
        return UserQuerySet(self.model, using=self._db)

    def for_user(self, user: User) -> UserQuerySet:
        """See ``UserQuerySet.for_user``."""
        return self.get_queryset().for_user(user)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person; ``None`` as password means they cannot sign in with one."""
        if not email:
            raise ValueError("a user needs an e-mail address")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an admin of the installation."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, role="admin", **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Find a person however the address is capitalised."""
        return self.get(email__iexact=username)
