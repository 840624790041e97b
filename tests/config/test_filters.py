"""The side filters of the desk name only what the operator may see."""

import pytest
from django.contrib import admin
from django.db.models import ForeignKey


def _plain_related_filters() -> list[str]:
    found = []
    for model, desk in admin.site._registry.items():
        for item in desk.list_filter:
            if isinstance(item, str) and "__" not in item and isinstance(model._meta.get_field(item), ForeignKey):
                found.append(f"{model._meta.label}: {item}")
    return found


@pytest.mark.django_db
def test_no_filter_lists_rows_of_other_tenants() -> None:
    assert _plain_related_filters() == []
