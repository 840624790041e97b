"""The product's settings with one more address: a view that does nothing."""

from config.settings.local import *  # noqa: F403

ROOT_URLCONF = "tests.bench.webhook_urls"
