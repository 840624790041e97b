"""Storing credentials sealed, and unsealing them for the workers."""

import json
from collections.abc import Mapping
from datetime import date
from urllib.parse import urlsplit

from django.db import transaction

from apps.audit.services.record import record
from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.broker_accounts.services.links import callback_url
from apps.broker_accounts.services.sealing import hold_key, seal, unseal
from apps.users.models import User
from brokers.catalog import spec_of
from brokers.outside import is_outside
from bus import clock
from domain.broker import BrokerToken, Credentials
from domain.broker_spec import PROXY, PROXY_INSIDE, CredentialField

ACCOUNTS, SESSIONS = "broker_accounts_brokeraccount", "broker_accounts_brokersession"


class BadCredentials(ValueError):
    """A field the broker needs is missing, or one it does not know was given."""


def fields_for(account: BrokerAccount, actor: User | None) -> tuple[CredentialField, ...]:
    """Return what somebody may write for an account; ``None``: the platform itself."""
    return tuple(field for field in spec_of(account.broker).asked_fields if _operates(actor) or not field.operators)


def _operates(actor: User | None) -> bool:
    return actor is None or actor.is_operator


def set_credentials(*, account: BrokerAccount, fields: Mapping[str, str], actor: User | None) -> None:
    """Seal an account's credentials; what was there before is gone. Raises ``BadCredentials`` naming the fields."""
    kept = {name: value for name, value in fields.items() if value}
    _check(account, kept, actor)
    mark = {PROXY_INSIDE: "yes"} if PROXY in kept and _operates(actor) else {}
    plain = json.dumps(kept | mark).encode()
    with transaction.atomic():
        hold_key(account.tenant)
        sealed = seal(account.tenant, plain, table=ACCOUNTS, pk=account.pk, column="sealed_credentials")
        BrokerAccount.objects.filter(pk=account.pk).update(sealed_credentials=sealed, credentials_set_at=clock.now())
        record("credentials_set", account, tenant_id=account.tenant_id, actor=actor, fields=sorted(kept))


def _check(account: BrokerAccount, fields: Mapping[str, str], actor: User | None) -> None:
    spec = spec_of(account.broker)
    known = {field.name: field for field in fields_for(account, actor)}
    missing = [name for name in spec.credential_fields if name not in fields]
    if missing:
        raise BadCredentials(f"{spec.name} needs {', '.join(missing)}")
    unknown = sorted(fields.keys() - known.keys())
    if unknown:
        raise BadCredentials(f"{spec.name} has no {', '.join(unknown)}")
    wrong = sorted(name for name, value in fields.items() if not known[name].takes(value))
    if PROXY in fields and not _operates(actor) and not _may_be_outside(fields[PROXY]):
        wrong.append(PROXY)
    if wrong:
        raise BadCredentials(f"{spec.name} cannot use this {', '.join(dict.fromkeys(wrong))}")


def _may_be_outside(proxy: str) -> bool:
    """Whether a client's proxy is a public address, or a name that may be one's: our own network is not theirs to name.
    What the name stands for is seen at every connection."""
    host = urlsplit(proxy).hostname or ""
    try:
        return is_outside(host)
    except ValueError:
        return "." in host.strip(".") and not host.endswith((".local", ".internal", ".localhost"))


def credentials_of(account: BrokerAccount) -> Credentials:
    """Return an account's credentials without a token, our own callback address among them where the broker wants to
    be told of it; raises ``Unsealable``."""
    plain = b"{}"
    if account.sealed_credentials:
        plain = unseal(
            account.tenant,
            account.sealed_credentials,
            table=ACCOUNTS,
            pk=account.pk,
            column="sealed_credentials",
        )
    return Credentials(client_id=account.client_id, fields=json.loads(plain) | _callback(account.broker))


def _callback(broker: str) -> dict[str, str]:
    name = spec_of(broker).sign_in.callback_field
    return {name: callback_url(broker)} if name else {}


def open_session(*, account: BrokerAccount, token: BrokerToken, trading_date: date) -> BrokerSession:
    """Keep a fresh broker token, sealed; earlier sessions of the account end."""
    with transaction.atomic():
        hold_key(account.tenant)
        now = clock.now()
        BrokerSession.objects.usable().filter(account=account).update(
            lost_at=now, lost_reason="Replaced by a newer one."
        )
        session = BrokerSession.objects.create(
            account=account, trading_date=trading_date, sealed_token=b"", expires_at=token.expires_at, opened_at=now
        )
        sealed = seal(account.tenant, token.access_token.encode(), table=SESSIONS, pk=session.pk, column="sealed_token")
        BrokerSession.objects.filter(pk=session.pk).update(sealed_token=sealed)
        record("session_opened", account, tenant_id=account.tenant_id, expires_at=token.expires_at)
    return session


def session_credentials(session: BrokerSession) -> Credentials:
    """Return an account's credentials with the session's token; raises ``Unsealable``."""
    account = session.account
    token = unseal(account.tenant, session.sealed_token, table=SESSIONS, pk=session.pk, column="sealed_token")
    known = credentials_of(account)
    return Credentials(client_id=known.client_id, fields=known.fields, access_token=token.decode())
