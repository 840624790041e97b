"""Markets."""

from django.apps import AppConfig


class MarketsConfig(AppConfig):
    """Registers the app."""

    name = "apps.markets"
    verbose_name = "Markets"
