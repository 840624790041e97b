"""Lists as CSV: the rows one may see, and nothing a spreadsheet would run."""

from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount
from config.csv_export import cell
from tests.cast import Cast


def _export(cast: Cast, page: str, ids: list[int]) -> str:
    client = Client()
    client.force_login(cast.operator)
    answer = client.post(reverse(f"admin:{page}_changelist"), {"action": "export_csv", "_selected_action": ids})
    assert answer.headers["Content-Type"].startswith("text/csv")
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_the_list_is_exported_with_its_columns(cast: Cast) -> None:
    text = _export(cast, "broker_accounts_brokeraccount", [cast.account.pk])
    header, row = text.strip().split("\r\n")
    assert header.startswith("client id,label,user,broker,mode")
    assert row.startswith("AB1234,,trader@house.test,zerodha,LIVE")
    event = AuditEvent.objects.get(kind="desk_exported")
    assert (event.actor, event.data) == (cast.operator, {"rows": 1})


def test_another_tenants_rows_are_not_exported(cast: Cast) -> None:
    foreign = BrokerAccount.objects.create(
        tenant=cast.outsider.tenant, user=cast.outsider, broker="paper", client_id="THEIRS"
    )
    text = _export(cast, "broker_accounts_brokeraccount", [cast.account.pk, foreign.pk])
    assert "AB1234" in text
    assert "THEIRS" not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|x", "'+cmd|x"),
        ("-2.50", "-2.50"),
        (Decimal("-1.5"), "-1.5"),
        ("plain", "plain"),
        ("<b>bold</b>", "bold"),
        (datetime(2026, 11, 16, 5, 0, tzinfo=UTC), "2026-11-16 10:30:00.000+05:30"),
        (time(15, 10), "15:10:00"),
    ],
)
def test_a_cell_is_plain_text_in_indias_time(value: object, shown: str) -> None:
    assert cell(value) == shown
