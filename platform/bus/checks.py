"""Nothing that serves clients may be armed to die."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from bus import failpoints


@register()
def check_disarmed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to start with failpoints armed anywhere but in a demo."""
    armed = [name for name in (failpoints.AT, failpoints.PLAN) if os.environ.get(name)]
    if not armed or settings.DEMO:
        return []
    return [Error(f"{' and '.join(armed)} must not be set here: it makes processes die.", id="bus.E001")]
