"""API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Registers the app."""

    name = "apps.api"
    verbose_name = "API"
