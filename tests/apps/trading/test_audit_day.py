"""``manage.py audit_day``: what it prints, and how it ends."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.services.chain import GENESIS
from apps.markets.clock import trading_date
from apps.trading.models import Order, Trade
from apps.trading.services.exit import request_exit_of_trade
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter
from tests.cast import Cast

pytestmark = pytest.mark.django_db
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def now() -> datetime:
    """Today: the day is judged as of now."""
    return timezone.now()


@pytest.fixture
def audit_day(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command and return its exit status and what it printed."""

    def run(**options: Any) -> tuple[int, str]:
        try:
            call_command("audit_day", **options)
        except SystemExit as ended:
            return int(ended.code or 0), capsys.readouterr().out
        return 0, capsys.readouterr().out

    return run


@pytest.fixture
def day(cast: Cast, shard: Shard, now: datetime) -> Trade:
    """A trade that was entered and left today."""
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.broker(cast.account).fill_price = Decimal(101)
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    request_exit_of_trade(trade=trade, reason=ExitReason.TARGET, actor=None, now=now)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    return trade


def a_ledger(path: Path, *, without: str = "") -> str:
    """Write down what a broker's side must show of our orders, but for one kind of line."""
    lines = []
    for number, order in enumerate(Order.objects.order_by("pk"), start=1):
        assert order.claimed_at is not None
        about = {
            "broker": "zerodha",
            "client": order.account.client_id,
            "at": (order.claimed_at + timedelta(milliseconds=20)).isoformat(),
            "market_at": (order.claimed_at + timedelta(milliseconds=20)).isoformat(),
            "endpoint": "orders.place",
            "tag": order.client_order_id,
            "exchange": "NFO",
            "symbol": f"Z{order.instrument.symbol}",
            "side": order.side,
            "quantity": order.quantity,
            "price": str(order.price),
            "request": number,
        }
        lines.append(about | {"event": "REQUEST"})
        lines.append(about | {"event": "ACCEPTED", "order_id": order.broker_order_id})
        lines += [
            about
            | {
                "event": "FILL",
                "endpoint": "exchange",
                "order_id": order.broker_order_id,
                "trade_id": fill.exchange_trade_id,
                "quantity": fill.quantity,
                "price": str(fill.price),
            }
            for fill in order.fills.order_by("pk")
        ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines if line["event"] != without))
    return str(path)


def test_a_healthy_day_without_a_ledger(audit_day: Run, day: Trade) -> None:
    status, text = audit_day()
    lines = text.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines] == [*(f"I{number}" for number in range(1, 21)), "chain"]
    assert "I8     one open exit per leg: 0 breaches; checked 1 exits" in lines
    assert lines[0].startswith(
        "I1     every tag is on the wire at most once: not checked: orders on the wire: there is no"
    )
    assert "intact" in lines[-1]


def test_a_healthy_day_with_a_ledger(audit_day: Run, day: Trade, tmp_path: Path) -> None:
    status, text = audit_day(ledger=a_ledger(tmp_path / "ledger.jsonl"))
    assert (status, [line for line in text.splitlines() if "BREACH" in line]) == (0, [])
    assert "I1     every tag is on the wire at most once: 0 breaches; checked 2 orders on the wire" in text
    assert "I15    our books are the broker's: 0 breaches; checked 2 executions, 1 trades" in text


def test_a_breach_is_shown_with_its_rows_and_ends_with_1(audit_day: Run, day: Trade, tmp_path: Path) -> None:
    status, text = audit_day(ledger=a_ledger(tmp_path / "ledger.jsonl", without="FILL"))
    assert status == 1
    assert "I15    our books are the broker's: 2 BREACHES; checked 0 executions, 1 trades" in text
    assert f"account {day.account_id}: execution" in text


def test_an_order_we_never_wrote_is_shown(audit_day: Run, day: Trade, tmp_path: Path) -> None:
    path = a_ledger(tmp_path / "ledger.jsonl")
    Order.objects.filter(intent__kind="EXIT").update(client_order_id="Z" * 20)
    status, text = audit_day(ledger=path)
    assert status == 1
    assert "we have no such order" in text


def test_json_says_the_same(audit_day: Run, day: Trade) -> None:
    Order.objects.filter(intent__kind="ENTRY").update(filled_quantity=1)
    status, text = audit_day(json=True)
    found = json.loads(text)
    assert status == 1
    by_name = {one["invariant"]: one for one in found["invariants"]}
    assert len(by_name) == 20
    assert "order" in by_name["I16"]["breaches"][0]["subject"]
    assert "no ledger" in by_name["I1"]["missing"]
    assert found["chain"]["intact"] is True


def test_a_broken_chain_ends_with_1(audit_day: Run, day: Trade) -> None:
    event = AuditEvent.objects.order_by("pk").first()
    assert event is not None
    AuditSeal.objects.create(event=event, previous=GENESIS, digest="0" * 64)
    status, text = audit_day()
    assert status == 1
    assert f"chain  BROKEN at event {event.pk}: the event is not what was sealed" in text


def test_another_day_has_none_of_it(audit_day: Run, day: Trade) -> None:
    status, text = audit_day(date="2026-01-05")
    assert status == 0
    assert "checked 0 legs" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"date": "yesterday"}, "is no date"),
        ({"date": "2026-13-01"}, "is no date"),
        ({"date": "2999-01-01"}, "has not begun"),
        ({"ledger": "/nowhere/ledger.jsonl"}, "cannot be read"),
    ],
)
def test_bad_input_ends_with_2(db: None, options: dict[str, str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        call_command("audit_day", **options)
    assert refused.value.returncode == 2


def test_a_file_that_is_no_ledger_ends_with_2(db: None, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"hello": 1}\n')
    with pytest.raises(CommandError, match="line 1") as refused:
        call_command("audit_day", ledger=str(path))
    assert refused.value.returncode == 2


def test_help_tells_what_a_day_is_and_how_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("audit_day", "--help")
    text = capsys.readouterr().out
    assert "midnight to midnight" in text
    assert "Exit status: 0" in text


def test_today_is_the_date_in_india(audit_day: Run, day: Trade) -> None:
    assert audit_day(date=str(trading_date(timezone.now())))[1] == audit_day()[1]
