"""Plans."""

from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Registers the app."""

    name = "apps.plans"
    verbose_name = "Plans"
