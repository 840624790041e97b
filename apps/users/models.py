"""People who sign in, and the keys their programs use."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.db import models
from django.db.models import Q

from apps.users.querysets import UserManager
from bus import clock


class Role(models.TextChoices):
    """What a person may do: traders see themselves, managers their clients, operators the tenant, admins everything."""

    TRADER = "trader", "Trader"
    MANAGER = "manager", "Manager"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Admin"


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="users", null=True, blank=True)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.TRADER)
    manager = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="clients",
        limit_choices_to={"role": Role.MANAGER},
    )
    theme = models.CharField(
        max_length=5, choices=[("auto", "As the device"), ("light", "Light"), ("dark", "Dark")], default="auto"
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            # Only an admin of the installation itself belongs to no tenant.
            models.CheckConstraint(name="user_has_tenant", condition=Q(tenant__isnull=False) | Q(role="admin")),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_operator(self) -> bool:
        """Whether this person runs the tenant."""
        return self.role in (Role.OPERATOR, Role.ADMIN)


class ApiKey(models.Model):
    """A bearer key of the public API; only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    key_hash = models.CharField(max_length=64, editable=False)
    can_trade = models.BooleanField(default=True, help_text="May ask for square-offs; otherwise it only reads.")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
