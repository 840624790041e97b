"""How far a halt reaches, and who may end it."""

from datetime import datetime

import pytest

from apps.audit.models import AuditEvent
from apps.risk.models import Halt
from apps.risk.services.halts import ActiveHalts, ReleaseRefused, release_halt, set_halt
from tests.cast import Cast


def _reason(cast: Cast, **changes: int) -> str:
    where = {"tenant_id": cast.tenant.pk, "strategy_id": cast.strategy.pk, "account_id": cast.account.pk} | changes
    return ActiveHalts.load().reason(**where)


def test_without_a_halt_nothing_is_stopped(cast: Cast) -> None:
    assert _reason(cast) == ""


@pytest.mark.parametrize(
    ("scope", "target", "missed"),
    [
        ("PLATFORM", {}, {}),
        ("TENANT", {"tenant_id": "tenant"}, {"tenant_id": -1}),
        ("STRATEGY", {"strategy_id": "strategy"}, {"strategy_id": -1}),
        ("ACCOUNT", {"account_id": "account"}, {"account_id": -1}),
    ],
)
def test_a_halt_reaches_its_target_and_no_further(
    cast: Cast, scope: str, target: dict[str, str], missed: dict[str, int]
) -> None:
    named = {name: getattr(cast, attribute).pk for name, attribute in target.items()}
    set_halt(scope=scope, reason="a drill", actor=cast.operator, **named)
    assert "a drill" in _reason(cast)
    assert bool(_reason(cast, **missed)) == (scope == "PLATFORM")


def test_a_released_halt_stops_nothing_and_is_released_once(cast: Cast, now: datetime) -> None:
    halt = set_halt(scope="TENANT", reason="a drill", actor=cast.operator, tenant_id=cast.tenant.pk)
    assert release_halt(halt=halt, actor=cast.operator, now=now)
    assert not release_halt(halt=halt, actor=cast.manager, now=now)
    halt.refresh_from_db()
    assert (halt.released_by, halt.released_at) == (cast.operator, now)
    assert _reason(cast) == ""
    assert list(AuditEvent.objects.filter(object_type="risk.halt").order_by("pk").values_list("kind", flat=True)) == [
        "halt_set",
        "halt_released",
    ]


def test_a_platform_halt_takes_a_second_person(cast: Cast, now: datetime) -> None:
    halt = set_halt(scope="PLATFORM", reason="everything", actor=cast.operator)
    with pytest.raises(ReleaseRefused):
        release_halt(halt=halt, actor=cast.operator, now=now)
    assert release_halt(halt=halt, actor=cast.manager, now=now)


def test_each_tenant_sees_its_own_halts_and_the_platforms(cast: Cast) -> None:
    set_halt(scope="PLATFORM", reason="everything", actor=None)
    set_halt(scope="TENANT", reason="a", actor=None, tenant_id=cast.tenant.pk)
    set_halt(scope="ACCOUNT", reason="b", actor=None, account_id=cast.account.pk)
    set_halt(scope="STRATEGY", reason="c", actor=None, strategy_id=cast.strategy.pk)
    assert Halt.objects.for_user(cast.operator).count() == 4
    assert Halt.objects.for_user(cast.outsider).get().scope == "PLATFORM"
