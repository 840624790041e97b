"""Notifications."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Registers the app."""

    name = "apps.notifications"
    verbose_name = "Notifications"
