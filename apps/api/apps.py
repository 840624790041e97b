"""API."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings

SHOWING = ("web", "manage")
"""Processes that write the schema; a worker would load the whole of the REST framework for nothing."""


class ApiConfig(AppConfig):
    """Registers the app."""

    name = "apps.api"
    verbose_name = "API"

    def ready(self) -> None:
        """Make the authentication known to the schema generator."""
        if settings.PROCESS in SHOWING:
            import_module("apps.api.schema")
