"""The webhook address on the desk: shown once, ended, and out of everybody else's reach."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.strategies.models import Strategy, WebhookToken
from apps.strategies.services import tokens
from tests.apps.strategies.desk_rig import PASSWORD, page
from tests.cast import Cast, make_strategy


def rotate_url(strategy: Strategy) -> str:
    return reverse("admin:strategies_strategy_rotate_webhook", args=[strategy.pk])


def test_a_new_address_is_shown_once_and_works(desk: Client, cast: Cast, wakes: list[int]) -> None:
    old = tokens.rotate(cast.strategy, actor=None)
    assert desk.get(rotate_url(cast.strategy)).status_code == 200
    assert WebhookToken.objects.count() == 1  # looking makes none

    shown = desk.post(rotate_url(cast.strategy), {"password": PASSWORD, "grace": "300"})

    found = re.search(r"data-webhook-url>([^<]+)<", shown.content.decode())
    assert found is not None
    assert "no-store" in shown.headers["Cache-Control"]
    path = found[1].removeprefix(settings.BASE_URL)
    assert desk.post(path, "buy", content_type="text/plain").status_code == 202
    assert tokens.find(old, wall=timezone.now() + timedelta(seconds=299)) is not None
    assert tokens.find(old, wall=timezone.now() + timedelta(seconds=301)) is None
    assert found[1] not in desk.get(page(cast.strategy)).content.decode()


@pytest.mark.parametrize("form", [{}, {"password": "wrong", "grace": "0"}, {"password": PASSWORD, "grace": "31536000"}])
def test_a_new_address_needs_the_password(desk: Client, cast: Cast, form: dict[str, str]) -> None:
    response = desk.post(rotate_url(cast.strategy), form)
    assert response.status_code == 422
    assert not WebhookToken.objects.exists()


def test_addresses_are_ended(desk: Client, cast: Cast) -> None:
    token = tokens.rotate(cast.strategy, actor=None)
    desk.post(reverse("admin:strategies_strategy_revoke_webhook", args=[cast.strategy.pk]), {"password": PASSWORD})
    assert tokens.find(token, wall=timezone.now()) is None


@pytest.mark.parametrize("name", ["rotate_webhook", "revoke_webhook"])
def test_another_tenants_address_is_out_of_reach(desk: Client, cast: Cast, name: str) -> None:
    theirs = make_strategy(cast.outsider.tenant)
    token = tokens.rotate(theirs, actor=None)
    url = reverse(f"admin:strategies_strategy_{name}", args=[theirs.pk])

    response = desk.post(url, {"password": PASSWORD, "grace": "0"})

    assert response.status_code in (403, 404)
    assert tokens.find(token, wall=timezone.now()) is not None
    assert WebhookToken.objects.count() == 1


def test_the_hash_of_a_token_is_shown_nowhere(desk: Client, cast: Cast) -> None:
    tokens.rotate(cast.strategy, actor=None)
    row = WebhookToken.objects.get()
    for url in (
        reverse("admin:strategies_webhooktoken_changelist"),
        reverse("admin:strategies_webhooktoken_change", args=[row.pk]),
    ):
        response = desk.get(url)
        assert response.status_code == 200
        assert row.token_hash not in response.content.decode()
