"""The bus as a Django app: it owns two tables, leases and heartbeats."""

from django.apps import AppConfig


class BusConfig(AppConfig):
    """Registers the bus."""

    name = "bus"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from bus import checks  # noqa: F401, PLC0415  # it needs the settings, which are ready only now
