"""``make run``: one machine, loopback only, embedded servers."""

from config.settings.base import *  # noqa: F403
from config.settings.base import env

DEBUG = False
DEMO = env.bool("DEMO", True)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
X_FRAME_OPTIONS = "DENY"
