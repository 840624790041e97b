"""Puts the operators' desk in the place of Django's default admin site."""

from django.conf import settings
from django.contrib.admin import apps, autodiscover

WITH_PAGES = ("web", "manage")
"""Processes that show the desk; a worker would load every page of it for nothing."""


class AdminConfig(apps.SimpleAdminConfig):
    """Django's admin with our site."""

    default_site = "config.desk.DeskSite"
    default = False

    def ready(self) -> None:
        """Load the pages where they are shown."""
        super().ready()
        if settings.PROCESS in WITH_PAGES:
            autodiscover()
