"""How a strategy is looked at on the operators' desk."""

from django.http import HttpResponse
from django.urls import reverse

from apps.strategies.models import Strategy

PASSWORD = "correct horse battery"


def errors(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode()


def page(strategy: Strategy) -> str:
    return reverse("admin:strategies_strategy_change", args=[strategy.pk])
