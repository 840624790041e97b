"""The bus as a Django app: it owns two tables, leases and heartbeats."""

from django.apps import AppConfig


class BusConfig(AppConfig):
    """Registers the bus."""

    name = "bus"
    default_auto_field = "django.db.models.BigAutoField"
