"""Trading."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Registers the app."""

    name = "apps.trading"
    verbose_name = "Trading"
