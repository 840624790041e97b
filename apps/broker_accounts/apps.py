"""Broker accounts."""

from django.apps import AppConfig


class BrokerAccountsConfig(AppConfig):
    """Registers the app."""

    name = "apps.broker_accounts"
    verbose_name = "Broker accounts"
