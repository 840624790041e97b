"""Risk."""

from django.apps import AppConfig


class RiskConfig(AppConfig):
    """Registers the app."""

    name = "apps.risk"
    verbose_name = "Risk"
