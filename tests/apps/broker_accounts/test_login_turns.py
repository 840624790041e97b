"""Whose turn a sign-in is: brokers lock who knocks too often, and one that was away was not knocked at."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount, BrokerSession, LoginAttempt
from apps.broker_accounts.services.login import ATTEMPTS_A_DAY, MOST_A_DAY, PAUSE, UNREACHED, due_accounts
from domain.clock import IST
from tests.cast import Cast

IsDue = Callable[[datetime], bool]


@pytest.fixture
def noon() -> datetime:
    """Today's, in India."""
    return datetime.combine(timezone.now().astimezone(IST).date(), time(12), tzinfo=IST)


@pytest.fixture
def account(cast: Cast, noon: datetime) -> BrokerAccount:
    """An account that wants to trade live, has keys since the morning, and is not signed in."""
    BrokerSession.objects.all().delete()
    BrokerAccount.objects.filter(pk=cast.account.pk).update(
        wanted_mode="LIVE", credentials_set_at=noon - timedelta(hours=3)
    )
    return cast.account


@pytest.fixture
def is_due(account: BrokerAccount) -> IsDue:
    """Whether a wave at a moment would try it."""
    return lambda at: account in due_accounts(wall=at)


def failed(account: BrokerAccount, code: str, at: datetime) -> None:
    LoginAttempt.objects.create(account=account, ok=False, code=code, at=at)


def test_a_failing_account_is_tried_again_later_but_not_for_ever(
    account: BrokerAccount, noon: datetime, is_due: IsDue
) -> None:
    assert is_due(noon)
    failed(account, "TokenException", noon)
    assert not is_due(noon + timedelta(seconds=1))
    assert is_due(noon + PAUSE)
    for minute in range(1, ATTEMPTS_A_DAY):
        failed(account, "HTTP_503", noon + timedelta(minutes=minute))
    assert not is_due(noon + timedelta(hours=1))
    assert is_due(noon + timedelta(days=1))
    BrokerAccount.objects.filter(pk=account.pk).update(credentials_set_at=noon + timedelta(minutes=30))
    assert is_due(noon + timedelta(hours=1))


def test_a_broker_that_could_not_be_reached_is_tried_again_at_once_then_less_and_less(
    account: BrokerAccount, noon: datetime, is_due: IsDue
) -> None:
    at = noon
    for pause in (25, 50, 100, 200, 400, 600, 600):
        failed(account, UNREACHED, at)
        assert not is_due(at + timedelta(seconds=pause - 1))
        at += timedelta(seconds=pause)
        assert is_due(at)
    failed(account, "HTTP_503", at)  # it answers: knock as before
    assert not is_due(at + PAUSE - timedelta(seconds=1))
    assert is_due(at + PAUSE)


def test_an_account_whose_sessions_keep_ending_is_left_alone_at_last(
    account: BrokerAccount, noon: datetime, is_due: IsDue
) -> None:
    for minute in range(MOST_A_DAY):
        assert is_due(noon + timedelta(hours=1))
        LoginAttempt.objects.create(account=account, ok=True, at=noon + timedelta(minutes=minute))
    assert not is_due(noon + timedelta(hours=1))


@pytest.mark.parametrize("code", ["MANUAL", "CREDENTIALS", "WRONG_CLIENT"])
def test_what_only_a_person_can_cure_is_not_tried_again(
    account: BrokerAccount, noon: datetime, is_due: IsDue, code: str
) -> None:
    failed(account, code, noon)
    assert not is_due(noon + timedelta(hours=2))
