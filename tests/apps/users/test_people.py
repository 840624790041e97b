"""Making people and keys: who may give which role, and that secrets are shown once."""

import pytest

from apps.users.models import ApiKey, Role, User
from apps.users.services.api_keys import create_key, find_key, revoke_key
from apps.users.services.people import NotAllowed, create_person, may_change, reset_password, set_role
from tests.cast import Cast


@pytest.fixture
def boss(cast: Cast) -> User:
    return User.objects.create_user("boss@house.test", "x" * 12, tenant=cast.tenant, role=Role.ADMIN, is_staff=True)


@pytest.mark.parametrize("role", [Role.TRADER, Role.MANAGER, Role.OPERATOR])
def test_an_operator_gives_every_role_but_admin(cast: Cast, role: Role) -> None:
    made, password = create_person(actor=cast.operator, tenant=cast.tenant, email="A@b.test", role=role)
    assert made.check_password(password)
    assert (made.email, made.is_staff, made.is_superuser) == ("a@b.test", role != Role.TRADER, False)


def test_an_operator_makes_no_admin_but_an_admin_does(cast: Cast, boss: User) -> None:
    with pytest.raises(NotAllowed):
        create_person(actor=cast.operator, tenant=cast.tenant, email="a@b.test", role=Role.ADMIN)
    made, _ = create_person(actor=boss, tenant=cast.tenant, email="a@b.test", role=Role.ADMIN)
    assert not made.is_superuser


@pytest.mark.parametrize("who", ["trader", "manager"])
def test_traders_and_managers_make_nobody(cast: Cast, who: str) -> None:
    with pytest.raises(NotAllowed):
        create_person(actor=getattr(cast, who), tenant=cast.tenant, email="a@b.test", role=Role.TRADER)


def test_nobody_reaches_into_another_tenant(cast: Cast, boss: User) -> None:
    for actor in (cast.operator, boss):
        with pytest.raises(NotAllowed):
            create_person(actor=actor, tenant=cast.outsider.tenant, email="a@b.test", role=Role.TRADER)
        with pytest.raises(NotAllowed):
            create_person(actor=actor, tenant=None, email="a@b.test", role=Role.TRADER)
        assert not may_change(actor, cast.outsider)
        with pytest.raises(NotAllowed):
            reset_password(cast.outsider, actor=actor)


def test_nobody_changes_those_above_them(cast: Cast, boss: User) -> None:
    with pytest.raises(NotAllowed):
        set_role(boss, role=Role.TRADER, actor=cast.operator)
    with pytest.raises(NotAllowed):
        set_role(cast.trader, role=Role.ADMIN, actor=cast.operator)
    with pytest.raises(NotAllowed):
        reset_password(boss, actor=cast.operator)
    set_role(cast.operator, role=Role.TRADER, actor=boss)
    assert not cast.operator.is_staff


def test_a_new_password_replaces_the_old(cast: Cast) -> None:
    password = reset_password(cast.trader, actor=cast.operator)
    cast.trader.refresh_from_db()
    assert cast.trader.check_password(password)


def test_a_key_is_found_by_its_secret_until_it_is_revoked(cast: Cast) -> None:
    key, secret = create_key(user=cast.trader, name="robot")
    assert find_key(secret) == key
    assert find_key(secret[:-1] + "x") is None
    assert secret not in str(ApiKey.objects.values())
    assert revoke_key(key)
    assert not revoke_key(key)
    assert find_key(secret) is None


@pytest.mark.parametrize("what", ["user", "tenant"])
def test_a_key_stops_with_its_owner(cast: Cast, what: str) -> None:
    _, secret = create_key(user=cast.trader, name="robot")
    row = cast.trader if what == "user" else cast.tenant
    type(row).objects.filter(pk=row.pk).update(is_active=False)
    assert find_key(secret) is None
