"""Audit."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers the app."""

    name = "apps.audit"
    verbose_name = "Audit"
