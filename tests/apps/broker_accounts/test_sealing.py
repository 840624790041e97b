"""Sealed credentials open only where they belong, and keys can be changed without losing one."""

import base64
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.broker_accounts.services.credentials import credentials_of, session_credentials, set_credentials
from apps.broker_accounts.services.key_rotation import rotate_keys
from apps.broker_accounts.services.sealing import Unsealable, seal, unseal
from apps.tenants.models import Tenant
from tests.cast import Cast, sign_in

pytestmark = pytest.mark.django_db

PLACE: dict[str, Any] = {"table": "broker_accounts_brokeraccount", "pk": 7, "column": "sealed_credentials"}


def key_of(byte: int) -> str:
    return base64.b64encode(bytes([byte]) * 32).decode()


def test_what_is_sealed_opens_where_it_belongs(cast: Cast) -> None:
    sealed = seal(cast.tenant, b"secret", **PLACE)
    assert b"secret" not in sealed
    assert unseal(cast.tenant, sealed, **PLACE) == b"secret"
    assert seal(cast.tenant, b"secret", **PLACE) != sealed  # another nonce


@pytest.mark.parametrize("other", [{"table": "elsewhere"}, {"pk": 8}, {"column": "sealed_token"}])
def test_it_opens_in_no_other_row_or_column(cast: Cast, other: dict[str, Any]) -> None:
    sealed = seal(cast.tenant, b"secret", **PLACE)
    with pytest.raises(Unsealable):
        unseal(cast.tenant, sealed, **PLACE | other)


def test_it_opens_for_no_other_tenant(cast: Cast) -> None:
    sealed = seal(cast.tenant, b"secret", **PLACE)
    elsewhere = Tenant.objects.create(slug="third", name="Third")
    with pytest.raises(Unsealable):
        unseal(elsewhere, sealed, **PLACE)
    elsewhere.sealed_data_key = cast.tenant.sealed_data_key  # nor with a key moved there
    with pytest.raises(Unsealable):
        unseal(elsewhere, sealed, **PLACE)


def test_what_was_changed_does_not_open(cast: Cast) -> None:
    sealed = bytearray(seal(cast.tenant, b"secret", **PLACE))
    for place in (0, 1, 13, len(sealed) - 1):
        damaged = bytes(sealed[:place]) + bytes([sealed[place] ^ 1]) + bytes(sealed[place + 1 :])
        with pytest.raises(Unsealable):
            unseal(cast.tenant, damaged, **PLACE)
    for cut in (0, 1, 5, 13, 20, len(sealed) - 1):
        with pytest.raises(Unsealable):
            unseal(cast.tenant, bytes(sealed[:cut]), **PLACE)


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_master_key_that_is_none_is_said_so(cast: Cast, settings: Any, key: str) -> None:
    settings.MASTER_KEY = key
    with pytest.raises(ImproperlyConfigured):
        seal(cast.tenant, b"secret", **PLACE)


def test_nothing_in_the_database_opens_without_the_master_key(cast: Cast, settings: Any) -> None:
    settings.MASTER_KEY = key_of(1)
    account = BrokerAccount.objects.get(pk=cast.account.pk)
    with pytest.raises(Unsealable):
        credentials_of(account)


def test_a_rotation_seals_everything_anew(cast: Cast) -> None:
    before = BrokerAccount.objects.get(pk=cast.account.pk)
    known, sealed, wrapped = credentials_of(before), before.sealed_credentials, before.tenant.sealed_data_key
    sign_in(cast.account)  # the session before this one is over
    done = rotate_keys(cast.tenant)
    assert (done.sessions, done.lost) == (1, ())
    after = BrokerAccount.objects.get(pk=cast.account.pk)
    assert credentials_of(after) == known
    assert bytes(after.sealed_credentials) != bytes(sealed)
    assert bytes(after.tenant.sealed_data_key) != bytes(wrapped)
    session = BrokerSession.objects.usable().get(account=cast.account)
    assert session_credentials(session).access_token == "token"
    assert not BrokerSession.objects.exclude(pk=session.pk).exclude(sealed_token=b"").exists()
    with pytest.raises(Unsealable):  # and what was copied before is worth nothing
        unseal(after.tenant, sealed, **PLACE | {"pk": after.pk})
    assert AuditEvent.objects.get(kind="keys_rotated").data["lost"] == []


def test_the_master_key_is_replaced_without_a_gap(cast: Cast, settings: Any) -> None:
    old, new = settings.MASTER_KEY, key_of(2)
    known = credentials_of(BrokerAccount.objects.get(pk=cast.account.pk))
    settings.MASTER_KEY, settings.MASTER_KEYS_BEFORE = new, [old]
    assert credentials_of(BrokerAccount.objects.get(pk=cast.account.pk)) == known
    call_command("rotate_keys")
    settings.MASTER_KEYS_BEFORE = []
    assert credentials_of(BrokerAccount.objects.get(pk=cast.account.pk)) == known
    settings.MASTER_KEY = old
    with pytest.raises(Unsealable):
        credentials_of(BrokerAccount.objects.get(pk=cast.account.pk))


def test_what_no_key_opens_is_named_and_stops_nobody_elses(cast: Cast) -> None:
    others = credentials_of(BrokerAccount.objects.get(pk=cast.account.pk)).fields
    assert others
    BrokerAccount.objects.filter(pk=cast.paper_account.pk).update(sealed_credentials=b"\x01damaged")
    with pytest.raises(CommandError, match="PAPER1"):
        call_command("rotate_keys")
    assert credentials_of(BrokerAccount.objects.get(pk=cast.account.pk)).fields == others


def test_a_tenant_is_chosen_by_its_slug(cast: Cast) -> None:
    elsewhere = Tenant.objects.create(slug="third", name="Third")
    call_command("rotate_keys", tenant="third")
    assert AuditEvent.objects.get(kind="keys_rotated").tenant_id == elsewhere.pk
    with pytest.raises(CommandError, match="nowhere"):
        call_command("rotate_keys", tenant="nowhere")


def test_whoever_seals_waits_for_a_rotation_and_uses_its_key(cast: Cast) -> None:
    stale = BrokerAccount.objects.get(pk=cast.account.pk)
    assert stale.tenant.sealed_data_key
    rotate_keys(cast.tenant)
    fields = {"api_key": "a", "api_secret": "b"}
    with CaptureQueriesContext(connection) as asked:
        set_credentials(account=stale, fields=fields, actor=None)
    assert any("tenants_tenant" in one["sql"] and "FOR NO KEY UPDATE" in one["sql"] for one in asked)
    assert credentials_of(BrokerAccount.objects.get(pk=stale.pk)).fields == fields
