"""Audit."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers the app."""

    name = "apps.audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Let what people do on the desk reach the trail."""
        from apps.audit import desk_deeds  # noqa: F401, PLC0415  # it needs the models, which are ready only now
