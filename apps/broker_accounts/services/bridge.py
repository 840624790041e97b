"""The terminal's side of a bridge in Postgres: one call is one transaction on the account's locked row."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from apps.broker_accounts.models import Bridge, BridgeCommand, BrokerAccount, BrokerSession
from apps.broker_accounts.services.bridge_tokens import token_hash
from brokers.mt5.counter import Link, Served, Visit, Waiting, serve
from brokers.mt5.protocol import Kind, Refused
from bus import commands

_BODIES = ("hello", "sums", "ticks", "sync")
_LONGEST_TOKEN = 200


def take(*, token: str, call: str, body: bytes, seq: int) -> Mapping[str, Any]:
    """Take one call of the terminal that shows the token and return the answer; raises ``Refused``.

    What a refused call leaves behind, why it was refused, is kept.
    """
    with transaction.atomic():
        bridge = _bridge_of(token)
        visit = Visit(Rows(bridge), bridge.account.client_id, seq, database_now())
        served: Served | Refused
        try:
            served = serve(call, body, visit)
            _spread(bridge.account, served)
        except Refused as refused:
            served = refused
    if isinstance(served, Refused):
        raise served
    return served.body


def database_now() -> datetime:
    """Return the database's time, which every process here agrees on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    found: datetime = now
    return found


def _bridge_of(token: str) -> Bridge:
    if token and len(token) <= _LONGEST_TOKEN:
        accounts = BrokerAccount.objects.active()
        bridges = Bridge.objects.select_for_update(of=("self",)).select_related("account")
        bridge = bridges.filter(token_hash=token_hash(token), account__in=accounts).first()
        if bridge is not None:
            return bridge
    raise Refused(401, "UNAUTHORISED", "no account in use has this token")


def _spread(account: BrokerAccount, served: Served) -> None:
    """Tell who should know: a terminal that came needs a session, news need a look at the books."""
    if served.is_hello and not BrokerSession.objects.usable().filter(account=account).exists():
        commands.sign_in_account(account.pk)
    elif served.news or served.is_hello:
        commands.reconcile_account(account.pk, shard=account.shard)


class Rows:
    """The store of one call: the account's row, locked, and its commands."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def link(self) -> Link:
        """Return what is known of the terminal."""
        kept = {name: getattr(self._bridge, name) for name in Link.__slots__}
        return Link(**kept | {name: kept[name].encode() for name in _BODIES})

    def keep(self, link: Link) -> None:
        """Save it; only what changed is written."""
        said = asdict(link)
        said |= {name: said[name].decode() for name in _BODIES}
        changed = {name: value for name, value in said.items() if value != getattr(self._bridge, name)}
        Bridge.objects.filter(pk=self._bridge.pk).update(revision=F("revision") + 1, **changed)
        for name, value in changed.items():
            setattr(self._bridge, name, value)

    def waiting(self) -> Sequence[Waiting]:
        """Return commands without an answer, locked: none is taken back while it is being handed out."""
        rows = BridgeCommand.objects.select_for_update().filter(
            bridge=self._bridge, answered_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=database_now()
        )
        return [_waiting(row) for row in rows.order_by("pk")]

    def has_worked_since(self, at: datetime) -> bool:
        """Say whether a command was posted since."""
        return BridgeCommand.objects.filter(bridge=self._bridge, posted_at__gte=at).exists()

    def hand_out(self, cmd_ids: Sequence[str], *, instance: str, at: datetime) -> None:
        """Write down whom the commands are told; once told, it stays so."""
        rows = BridgeCommand.objects.filter(bridge=self._bridge, cmd_id__in=cmd_ids, handed_to="")
        if cmd_ids:
            rows.update(handed_to=instance, handed_at=at)

    def settle(self, cmd_id: str, kind: Kind, answer: bytes, *, at: datetime) -> bool:
        """Keep the first answer of a command that was handed out."""
        rows = BridgeCommand.objects.filter(bridge=self._bridge, cmd_id=cmd_id, kind=kind).exclude(handed_to="")
        if not rows.exists():
            return False
        rows.filter(answered_at__isnull=True).update(answer=answer.decode(), answered_at=at)
        return True


def _waiting(row: BridgeCommand) -> Waiting:
    return Waiting(row.cmd_id, Kind(row.kind), row.request.encode(), row.expires_at, row.handed_to)
