"""Dashboard."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Registers the app."""

    name = "apps.dashboard"
    verbose_name = "Dashboard"

    def ready(self) -> None:
        """Register the start-up check."""
        from apps.dashboard import checks  # noqa: F401, PLC0415  # it needs the settings, which are ready only now
