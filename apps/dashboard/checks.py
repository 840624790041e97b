"""Nothing starts with a missing or malformed brand."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from apps.dashboard.brands import BadBrand, load_brand


@register()
def check_brand(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to start when the installation's own pack cannot be read."""
    try:
        load_brand(settings.BRAND)
    except BadBrand as error:
        return [Error(str(error), hint="See platform/brands/vayda for a complete pack.", id="dashboard.E001")]
    return []
