"""How far a halt reaches, who may end it, and who is told."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.audit.models import AuditEvent
from apps.notifications.models import Notification
from apps.risk.models import Halt
from apps.risk.services.halts import (
    ActiveHalts,
    FreshSignIn,
    ReleaseRefused,
    halt_account,
    lift_automatic,
    release_halt,
    set_halt,
)
from apps.risk.wording import LOGIN_CODES, halt_words
from apps.users.models import Role, User
from bus import live
from tests.cast import Cast

PASSWORD = "correct horse battery"


@pytest.fixture
def colleague(cast: Cast) -> User:
    """A second operator of the house."""
    return User.objects.create_user("second@house.test", PASSWORD, tenant=cast.tenant, role=Role.OPERATOR)


@pytest.fixture
def chiefs(db: None) -> tuple[User, User]:
    """Two admins of the installation."""
    return (
        User.objects.create_superuser("chief@vayda.test", PASSWORD),
        User.objects.create_superuser("deputy@vayda.test", PASSWORD),
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], dict[str, Any]]]:
    """What the pages were told."""
    found: list[tuple[list[int], dict[str, Any]]] = []
    monkeypatch.setattr(live, "announce", lambda users, kind, data: found.append((sorted(users), data)))
    return found


def _reason(cast: Cast, **changes: int) -> str:
    where = {"tenant_id": cast.tenant.pk, "strategy_id": cast.strategy.pk, "account_id": cast.account.pk} | changes
    return ActiveHalts.load().reason(**where)


def _halt(cast: Cast, scope: str, actor: User | None) -> Halt:
    targets: dict[str, dict[str, Any]] = {
        "PLATFORM": {},
        "TENANT": {"tenant_id": cast.tenant.pk},
        "STRATEGY": {"tenant_id": cast.tenant.pk, "strategy_id": cast.strategy.pk},
        "ACCOUNT": {"tenant_id": cast.tenant.pk, "account_id": cast.account.pk},
    }
    return set_halt(scope=scope, reason="a drill", actor=actor, **targets[scope])


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


@pytest.mark.parametrize("scope", ["TENANT", "STRATEGY", "ACCOUNT"])
def test_ones_own_halt_takes_a_fresh_sign_in(cast: Cast, now: datetime, scope: str) -> None:
    halt = _halt(cast, scope, cast.operator)
    with pytest.raises(ReleaseRefused):
        release_halt(halt=halt, actor=cast.operator, now=now)
    assert _reason(cast)
    signed_in_at = now - timedelta(minutes=4)
    assert release_halt(halt=halt, actor=cast.operator, now=now, proof=FreshSignIn(cast.operator.pk, signed_in_at))
    assert _reason(cast) == ""
    data = AuditEvent.objects.get(kind="halt_released").data
    assert data["ground"] == "FRESH_SIGN_IN"
    assert datetime.fromisoformat(data["signed_in_at"]) == signed_in_at


@pytest.mark.parametrize("scope", ["TENANT", "STRATEGY", "ACCOUNT"])
def test_a_second_person_needs_no_sign_in(cast: Cast, now: datetime, scope: str, colleague: User) -> None:
    halt = _halt(cast, scope, cast.operator)
    assert release_halt(halt=halt, actor=colleague, now=now)
    assert not release_halt(halt=halt, actor=colleague, now=now)
    halt.refresh_from_db()
    assert (halt.released_by, halt.released_at) == (colleague, now)
    assert AuditEvent.objects.get(kind="halt_released").data["ground"] == "SECOND_PERSON"


@pytest.mark.parametrize("minutes", [-1, 6])
def test_a_sign_in_that_is_old_or_lies_ahead_is_none(cast: Cast, now: datetime, minutes: int) -> None:
    halt = _halt(cast, "TENANT", cast.operator)
    proof = FreshSignIn(cast.operator.pk, now - timedelta(minutes=minutes))
    with pytest.raises(ReleaseRefused):
        release_halt(halt=halt, actor=cast.operator, now=now, proof=proof)


def test_somebody_elses_sign_in_is_none(cast: Cast, now: datetime, colleague: User) -> None:
    halt = _halt(cast, "TENANT", cast.operator)
    with pytest.raises(ReleaseRefused):
        release_halt(halt=halt, actor=cast.operator, now=now, proof=FreshSignIn(colleague.pk, now))


def test_a_platform_halt_takes_a_second_person_whatever_is_typed(
    cast: Cast, now: datetime, chiefs: tuple[User, User]
) -> None:
    chief, deputy = chiefs
    halt = _halt(cast, "PLATFORM", chief)
    with pytest.raises(ReleaseRefused, match="second person"):
        release_halt(halt=halt, actor=chief, now=now, proof=FreshSignIn(chief.pk, now))
    with pytest.raises(ReleaseRefused):
        release_halt(halt=halt, actor=cast.operator, now=now, proof=FreshSignIn(cast.operator.pk, now))
    assert release_halt(halt=halt, actor=deputy, now=now)


@pytest.mark.parametrize("scope", ["TENANT", "STRATEGY", "ACCOUNT"])
def test_only_whoever_runs_the_target_releases_it(
    cast: Cast, now: datetime, scope: str, chiefs: tuple[User, User]
) -> None:
    halt = _halt(cast, scope, cast.operator)
    foreign = User.objects.create_user("op@elsewhere.test", PASSWORD, tenant=cast.outsider.tenant, role=Role.OPERATOR)
    for person in (foreign, cast.manager, cast.trader):
        with pytest.raises(ReleaseRefused):
            release_halt(halt=halt, actor=person, now=now, proof=FreshSignIn(person.pk, now))
    assert release_halt(halt=halt, actor=chiefs[0], now=now)


def test_what_the_platform_halted_takes_a_fresh_sign_in(cast: Cast, now: datetime) -> None:
    halt = halt_account(account_id=cast.account.pk, reason_code="FLIP", reason="NIFTY 26000 CE is short by 65")
    with pytest.raises(ReleaseRefused):
        release_halt(halt=halt, actor=cast.operator, now=now)
    assert release_halt(halt=halt, actor=cast.operator, now=now, proof=FreshSignIn(cast.operator.pk, now))


def test_what_the_platform_halted_is_lifted_with_its_cause_alone(cast: Cast, now: datetime) -> None:
    first = halt_account(account_id=cast.account.pk, reason_code="BROKER_DOWN", reason="five failures")
    assert halt_account(account_id=cast.account.pk, reason_code="BROKER_DOWN", reason="six failures") == first
    halt_account(account_id=cast.account.pk, reason_code="FLIP", reason="short by 65")
    by_hand = _halt(cast, "ACCOUNT", cast.operator)
    assert lift_automatic(account_id=cast.account.pk, reason_codes=["BROKER_DOWN"], now=now) == 1
    assert lift_automatic(account_id=cast.account.pk, reason_codes=["BROKER_DOWN", "OPERATOR"], now=now) == 0
    assert set(Halt.objects.active().values_list("reason_code", flat=True)) == {"FLIP", "OPERATOR"}
    assert by_hand in Halt.objects.active()
    assert AuditEvent.objects.get(kind="halt_released").data["ground"] == "CAUSE_GONE"


def test_an_accounts_owner_is_told_why_and_what_to_do(cast: Cast) -> None:
    halt_account(account_id=cast.account.pk, reason_code="SESSION_LOST", reason="token refused")
    note = Notification.objects.get(code="ACCOUNT_HALTED")
    assert note.user == cast.trader
    assert "The broker session was lost" in note.text
    assert "Sign in" in note.text


def test_every_code_has_words_and_unknown_ones_are_told_all_the_same() -> None:
    assert {code for code in LOGIN_CODES if "Sign in" in halt_words(code, is_automatic=True).advice} == LOGIN_CODES
    assert halt_words("NEVER_HEARD_OF", is_automatic=True).why == "Halted by the platform"
    assert halt_words("NEVER_HEARD_OF", is_automatic=False).why == "Halted by your operator"


def test_each_tenant_sees_its_own_halts_and_the_platforms(cast: Cast) -> None:
    set_halt(scope="PLATFORM", reason="everything", actor=None)
    set_halt(scope="TENANT", reason="a", actor=None, tenant_id=cast.tenant.pk)
    set_halt(scope="ACCOUNT", reason="b", actor=None, account_id=cast.account.pk)
    set_halt(scope="STRATEGY", reason="c", actor=None, strategy_id=cast.strategy.pk)
    assert Halt.objects.for_user(cast.operator).count() == 4
    assert Halt.objects.for_user(cast.outsider).get().scope == "PLATFORM"


def test_an_accounts_own_halt_comes_before_wider_ones_and_foreign_ones_are_not_shown(cast: Cast) -> None:
    for scope in ("STRATEGY", "PLATFORM", "TENANT", "ACCOUNT"):
        _halt(cast, scope, cast.operator)
    set_halt(scope="ACCOUNT", reason="not mine", actor=None, account_id=cast.paper_account.pk)
    where: dict[str, Any] = {"tenant_id": cast.tenant.pk, "account_id": cast.account.pk}
    found = ActiveHalts.load().of_account(**where, strategy_ids=[cast.strategy.pk])
    assert [halt.scope for halt in found] == ["ACCOUNT", "TENANT", "PLATFORM", "STRATEGY"]
    assert [halt.scope for halt in ActiveHalts.load().of_account(**where)] == ["ACCOUNT", "TENANT", "PLATFORM"]


def test_the_pages_of_whom_it_reaches_are_told(
    cast: Cast, now: datetime, told: list[tuple[list[int], dict[str, Any]]]
) -> None:
    def reached(scope: str) -> list[int]:
        told.clear()
        _halt(cast, scope, cast.operator)
        return next(users for users, data in told if data["code"] == "HALT")

    house = [cast.operator.pk, cast.manager.pk, cast.trader.pk, cast.other_trader.pk]
    assert reached("ACCOUNT") == [cast.trader.pk]
    assert next(data for _, data in told if data["code"] == "HALT")["account"] == cast.account.pk
    assert reached("TENANT") == reached("STRATEGY") == sorted(house)
    assert reached("PLATFORM") == sorted([*house, cast.outsider.pk])
