"""Throttling per key, errors of one shape, and the API's own document."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from apps.api.throttling import PerKey
from apps.api.urls import urlpatterns
from apps.trading.querysets import TradeQuerySet
from tests.apps.api.conftest import Api, Scene, api_of


def test_a_key_that_asks_too_often_is_told_when_to_come_back(
    scene: Scene, trader: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PerKey, "per_minute", 3)
    monkeypatch.setattr("apps.api.throttling.time.time", lambda: 1_800_000_015.0)

    answers = [trader.get("accounts/") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "45"
    assert answers[-1].json()["error"]["code"] == "THROTTLED"
    assert api_of(scene.cast.trader).get("accounts/").status_code == 200  # another key of the same person
    monkeypatch.setattr("apps.api.throttling.time.time", lambda: 1_800_000_061.0)
    assert trader.get("accounts/").status_code == 200


def test_an_unknown_address_is_a_plain_404(scene: Scene, trader: Api) -> None:
    assert trader.get("nothing/").status_code == 404


def test_a_database_that_is_away_is_503_with_a_time(scene: Scene, trader: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(TradeQuerySet, "for_user", away)

    response = trader.get("trades/")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json()["error"]["code"] == "UNAVAILABLE"
    assert "connection" not in response.content.decode()


def test_the_document_describes_every_address(db: None, client: Client) -> None:
    response = client.get("/api/v1/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})

    assert response.status_code == 200
    document = response.json()
    described = {path.removeprefix("/api/v1/") for path in document["paths"]}
    served = {str(p.pattern).replace("<int:pk>", "{id}") for p in urlpatterns} - {"schema/", "docs/"}
    assert described == served
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert document["components"]["schemas"]["TradeOut"]["properties"]["charges"]["type"] == "string"


def test_the_document_is_written_once(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/api/v1/schema/").content

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the document was written again")

    monkeypatch.setattr(SchemaGenerator, "get_schema", fail)
    assert client.get("/api/v1/schema/").content == first


def test_the_documents_page_loads_nothing_from_elsewhere_and_has_no_script_inside(db: None, client: Client) -> None:
    page = client.get("/api/v1/docs/")
    html = page.content.decode()

    assert page.status_code == 200
    assert re.findall(r"<(?:style|script)(?![^>]*\ssrc=)[^>]*>", html) == []
    addresses = re.findall(r"(?:src|href)=\"([^\"]+)\"", html)
    assert addresses
    assert all(address.startswith(("/", "?")) and not address.startswith("//") for address in addresses), addresses
    script = client.get(f"/api/v1/docs/{next(a for a in addresses if 'script' in a).removeprefix('/api/v1/docs/')}")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert "/api/v1/schema/" in script.content.decode()
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["script-src"] == ["'self'"]
