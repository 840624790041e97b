"""The adapter's side of a bridge in Postgres: small reads and writes, each by itself."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import F

from apps.broker_accounts.models import Bridge, BridgeCommand
from apps.broker_accounts.services.bridge import database_now
from brokers.mt5.protocol import Bars, Hello, Kind, Result, Sums, Sync, Tick
from brokers.mt5.room import AlreadyPosted, Command, Seen, Terminal

GLANCE = timedelta(minutes=1)
_SEEN = ("token_hash", "seen_at", "as_of", "refusal_code", "refusal")


def seen(account_id: int) -> Seen:
    """Return who is at the other side; nobody, for an account that never had a token."""
    row = Bridge.objects.filter(account_id=account_id).only(*_SEEN).first()
    return _seen(row) if row is not None else Seen(database_now())


def terminal(account_id: int) -> Terminal | None:
    """Return everything the terminal said last; ``None`` when it never said hello."""
    row = Bridge.objects.filter(account_id=account_id).exclude(hello="").first()
    if row is None:
        return None
    return Terminal(
        _seen(row),
        msgspec.json.decode(row.hello, type=Hello),
        msgspec.json.decode(row.sums, type=Sums) if row.sums else None,
        msgspec.json.decode(row.sync, type=Sync) if row.sync else None,
        _ticks(row.ticks),
    )


def ticks(account_id: int) -> Sequence[Tick]:
    """Return the last tick of every symbol the terminal shows."""
    return _ticks(Bridge.objects.filter(account_id=account_id).values_list("ticks", flat=True).first() or "")


def post(account_id: int, command: Command) -> None:
    """Leave a command; raises ``AlreadyPosted``."""
    now = database_now()
    try:
        with transaction.atomic():
            BridgeCommand.objects.create(
                bridge=Bridge.objects.only("pk").get(account_id=account_id),
                cmd_id=command.cmd_id,
                kind=command.kind,
                request=command.request.decode(),
                posted_at=now,
                expires_at=now + command.lifetime,
            )
    except IntegrityError as error:
        raise AlreadyPosted(command.cmd_id) from error


def answer(account_id: int, cmd_id: str) -> Result | Bars | None:
    """Return what the terminal answered; ``None`` as long as it did not."""
    rows = BridgeCommand.objects.filter(bridge__account_id=account_id, cmd_id=cmd_id, answered_at__isnull=False)
    row = rows.only("kind", "answer").first()
    if row is None:
        return None
    if row.kind == Kind.ORDER_SEND:
        return msgspec.json.decode(row.answer, type=Result)
    return msgspec.json.decode(row.answer, type=Bars)


def withdraw(account_id: int, cmd_id: str) -> bool:
    """Take back a command nobody was told of; ``False`` when somebody was."""
    rows = BridgeCommand.objects.filter(bridge__account_id=account_id, cmd_id=cmd_id, handed_to="")
    return rows.filter(withdrawn_at__isnull=True).update(withdrawn_at=database_now()) == 1


def subscribe(account_id: int, symbols: Sequence[str]) -> None:
    """Say whose ticks the feed wants."""
    Bridge.objects.filter(account_id=account_id).update(wanted=list(symbols))


def glance(account_id: int, symbols: Sequence[str]) -> None:
    """Ask for some more ticks for a minute."""
    with transaction.atomic():
        row = Bridge.objects.select_for_update().filter(account_id=account_id).only("asked").first()
        if row is not None:
            now = database_now()
            kept = {name: until for name, until in row.asked.items() if until > now.timestamp()}
            asked = kept | dict.fromkeys(symbols, (now + GLANCE).timestamp())
            Bridge.objects.filter(pk=row.pk).update(asked=asked, revision=F("revision") + 1)


def revisions(account_ids: Collection[int]) -> Mapping[int, int]:
    """Return how many calls of each account's terminal were taken."""
    return dict(Bridge.objects.filter(account_id__in=account_ids).values_list("account_id", "revision"))


def _seen(row: Bridge) -> Seen:
    refusal = (row.refusal_code, row.refusal) if row.refusal_code else None
    return Seen(database_now(), row.link, row.seen_at, row.as_of, refusal)


def _ticks(text: str) -> Sequence[Tick]:
    return msgspec.json.decode(text, type=list[Tick]) if text else ()
