"""API."""

from importlib import import_module

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Registers the app."""

    name = "apps.api"
    verbose_name = "API"

    def ready(self) -> None:
        """Make the authentication known to the schema generator."""
        import_module("apps.api.schema")
