"""Dashboard."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Registers the app."""

    name = "apps.dashboard"
    verbose_name = "Dashboard"
