"""Which mode an account is in, who may change it, and what the readiness board says."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession, LoginAttempt, ModeReason
from apps.broker_accounts.services.modes import (
    FeedOnly,
    PaperOnly,
    choose_mode,
    end_hold,
    force_paper,
    hold_on_paper,
    restore_mode,
)
from apps.broker_accounts.services.readiness import readiness
from tests.cast import Cast, make_account


def test_choosing_paper_is_in_force_at_once(cast: Cast) -> None:
    choose_mode(account=cast.account, wanted=AccountMode.PAPER, actor=cast.trader)
    cast.account.refresh_from_db()
    assert (cast.account.mode, cast.account.wanted_mode) == ("PAPER", "PAPER")
    assert AuditEvent.objects.filter(kind="mode_chosen", actor=cast.trader).count() == 1


def test_choosing_live_waits_for_the_session(cast: Cast) -> None:
    choose_mode(account=cast.account, wanted=AccountMode.PAPER, actor=cast.trader)
    BrokerSession.objects.all().delete()
    choose_mode(account=cast.account, wanted=AccountMode.LIVE, actor=cast.trader)
    cast.account.refresh_from_db()
    assert (cast.account.mode, cast.account.wanted_mode) == ("PAPER", "LIVE")


def test_the_paper_broker_is_never_live(cast: Cast) -> None:
    with pytest.raises(PaperOnly):
        choose_mode(account=cast.paper_account, wanted=AccountMode.LIVE, actor=cast.trader)


def test_a_hold_outlives_sign_ins_until_it_is_ended(cast: Cast) -> None:
    assert hold_on_paper(account=cast.account, actor=cast.operator)
    assert not hold_on_paper(account=cast.account, actor=cast.operator)
    assert not restore_mode(account=cast.account)
    assert end_hold(account=cast.account, actor=cast.operator)
    cast.account.refresh_from_db()
    assert (cast.account.mode, cast.account.mode_reason) == ("LIVE", "CHOSEN")
    assert not end_hold(account=cast.account, actor=cast.operator)


def test_forcing_twice_is_one_change(cast: Cast) -> None:
    assert force_paper(account=cast.account, reason=ModeReason.NO_SESSION)
    assert not force_paper(account=cast.account, reason=ModeReason.NO_SESSION)
    assert AuditEvent.objects.filter(kind="mode_forced_to_paper").count() == 1


def test_the_board_says_who_is_ready_and_why_others_are_not(cast: Cast) -> None:
    (paper, live) = sorted(readiness(cast.operator), key=lambda row: row.account.broker)
    assert paper.is_ready
    assert live.is_ready
    assert live.signed_in_until is not None
    BrokerSession.objects.update(lost_at=timezone.now())
    LoginAttempt.objects.create(account=cast.account, ok=False, code="MANUAL", message="sign in by hand")
    first = readiness(cast.operator)[0]
    assert (first.account, first.is_ready, first.why) == (cast.account, False, "MANUAL: sign in by hand")


def test_the_board_shows_what_was_forced(cast: Cast) -> None:
    hold_on_paper(account=cast.account, actor=cast.operator)
    first = readiness(cast.operator)[0]
    assert first.why == "On paper: Set by the operator."


def test_the_newest_attempt_and_the_newest_session_count(cast: Cast) -> None:
    LoginAttempt.objects.create(account=cast.account, ok=False, code="OLD", at=timezone.now() - timedelta(hours=1))
    newest = LoginAttempt.objects.create(account=cast.account, ok=True)
    row = next(one for one in readiness(cast.trader) if one.account == cast.account)
    assert row.last_attempt == newest


def test_the_board_is_scoped(cast: Cast) -> None:
    assert readiness(cast.outsider) == []
    assert readiness(cast.other_trader) == []
    assert {row.account for row in readiness(cast.manager)} == {cast.account, cast.paper_account}


# one socket a session -----------------------------------------------------------------------------------------------


@pytest.fixture
def one_socket(cast: Cast) -> BrokerAccount:
    """An account of a broker whose sessions have one socket, wanted on paper."""
    return make_account(cast.trader, "flattrade", "FT0001", mode="PAPER")


def _fields(account: BrokerAccount, **changed: object) -> dict[str, object]:
    kept = {"wanted_mode": account.wanted_mode, "is_active": "on", "shard": account.shard, "paper_cash": "1000000"}
    return kept | changed


def _save(cast: Cast, account: BrokerAccount, **changed: object) -> tuple[int, str]:
    client = Client()
    client.force_login(cast.operator)
    url = reverse("admin:broker_accounts_brokeraccount_change", args=[account.pk])
    answer = client.post(url, _fields(account, **changed))
    account.refresh_from_db()
    return answer.status_code, answer.content.decode()


def test_a_feed_account_with_one_socket_never_goes_live(cast: Cast, one_socket: BrokerAccount) -> None:
    assert _save(cast, one_socket, is_feed="on")[0] == 302
    status, page = _save(cast, one_socket, is_feed="on", wanted_mode="LIVE")
    assert (status, "feed or live trading, not both" in page) == (200, True)
    with pytest.raises(FeedOnly):
        choose_mode(account=one_socket, wanted=AccountMode.LIVE, actor=cast.operator)
    one_socket.refresh_from_db()
    assert (one_socket.is_feed, one_socket.wanted_mode, one_socket.mode) == (True, "PAPER", "PAPER")


def test_a_live_account_with_one_socket_lends_it_to_no_feed(cast: Cast, one_socket: BrokerAccount) -> None:
    choose_mode(account=one_socket, wanted=AccountMode.LIVE, actor=cast.trader)
    status, page = _save(cast, one_socket, is_feed="on")
    assert (status, "feed or live trading, not both" in page) == (200, True)
    assert not one_socket.is_feed
    assert _save(cast, one_socket, is_feed="on", wanted_mode="PAPER")[0] == 302
    assert (one_socket.is_feed, one_socket.wanted_mode) == (True, "PAPER")


def test_brokers_with_more_sockets_may_do_both(cast: Cast) -> None:
    assert _save(cast, cast.account, is_feed="on")[0] == 302
    assert (cast.account.is_feed, cast.account.wanted_mode) == (True, "LIVE")
