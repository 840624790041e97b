"""A shard with accounts and no worker is told."""

from datetime import timedelta

from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount
from apps.notifications.models import Notification
from apps.trading.services.processes import watch_shards
from bus import leases
from bus.models import Lease
from tests.cast import Cast


def test_a_led_shard_is_nothing_to_tell(cast: Cast) -> None:
    leases.acquire("execution.0", seconds=60)
    assert watch_shards(wall=timezone.now()) == []
    assert not Notification.objects.filter(code="SHARD_UNSERVED").exists()


def test_accounts_in_a_shard_nobody_ever_led_are_told_once_an_hour(cast: Cast) -> None:
    leases.acquire("execution.0", seconds=60)
    BrokerAccount.objects.filter(pk=cast.account.pk).update(shard=3)
    wall = timezone.now()
    assert watch_shards(wall=wall) == watch_shards(wall=wall) == [3]
    told = Notification.objects.filter(code="SHARD_UNSERVED", tenant=cast.tenant)
    assert [one.text.split(":")[0] for one in told] == ["No worker serves execution shard 3"]


def test_a_shard_whose_lease_ran_out_is_told_after_the_time_a_takeover_takes(cast: Cast) -> None:
    leases.acquire("execution.0", seconds=60)
    until = Lease.objects.get(name="execution.0").until
    assert watch_shards(wall=until + timedelta(seconds=14)) == []
    assert watch_shards(wall=until + timedelta(seconds=16)) == [0]


def test_an_account_that_is_switched_off_needs_no_worker(cast: Cast) -> None:
    BrokerAccount.objects.update(is_active=False)
    assert watch_shards(wall=timezone.now()) == []
