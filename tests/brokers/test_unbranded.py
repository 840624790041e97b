"""A deployment wears its own brand: no broker is told of another, and no number of ours bears one."""

from pathlib import Path

import pytest

import brokers
from apps.dashboard.services.gauges import metrics_text

SOFTWARE = "vayda"
SOURCES = sorted(Path(brokers.__path__[0]).rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_adapter_names_the_software(source: Path) -> None:
    assert SOFTWARE not in source.read_text().lower()


@pytest.mark.django_db
def test_no_metric_names_the_software() -> None:
    names = {line.split()[2] for line in metrics_text().decode().splitlines() if line.startswith("# TYPE")}
    assert "platform_queue_depth" in names
    assert not [name for name in names if not name.startswith("platform_")]


def test_cookies_and_the_api_go_by_the_deployments_brand(settings) -> None:
    assert settings.SESSION_COOKIE_NAME.startswith(f"{settings.BRAND}_session_")
    assert settings.CSRF_COOKIE_NAME.startswith(f"{settings.BRAND}_csrf_")
    assert settings.SPECTACULAR_SETTINGS["TITLE"].lower() == f"{settings.BRAND} api"
