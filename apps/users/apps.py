"""Users."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Registers the app."""

    name = "apps.users"
    verbose_name = "Users"
