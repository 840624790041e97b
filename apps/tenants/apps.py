"""Tenants."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Registers the app."""

    name = "apps.tenants"
    verbose_name = "Tenants"
