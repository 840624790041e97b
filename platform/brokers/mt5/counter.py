"""The terminal's side of the room: what each call does to it. Pure but for the store, one transaction's rows."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from brokers.mt5.protocol import VERSION, Bars, Event, Hello, Kind, Poll, Refused, Result, Sync, read, written
from brokers.mt5.spec import SPEC

QUICK_MS, CALM_MS = 250, 500
"""How long a terminal pauses between two polls: quickly while it has or had something to do."""

AFTERWARDS = timedelta(minutes=1)
FORCED = timedelta(minutes=1)
"""A book older than this is asked for again although its hashes did not change."""


@dataclass(slots=True)
class Link:
    """What the room remembers of the terminal; bodies are kept as JSON, as they came.

    ``seq`` is the number of the last call taken, ``as_of`` the moment at or after which the books stood as kept.
    Ticks are ``wanted`` by the feed, and ``asked`` for by somebody who wants a quote, until so many seconds since 1970.
    """

    instance: str = ""
    session: str = ""
    seq: int = 0
    seen_at: datetime | None = None
    as_of: datetime | None = None
    synced_at: datetime | None = None
    orders_hash: str = ""
    positions_hash: str = ""
    refusal_code: str = ""
    refusal: str = ""
    wanted: list[str] = field(default_factory=list)
    asked: dict[str, float] = field(default_factory=dict)
    hello: bytes = b""
    sums: bytes = b""
    ticks: bytes = b""
    sync: bytes = b""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command without an answer; ``handed_to`` is the instance that was told of it ("": nobody was)."""

    cmd_id: str
    kind: Kind
    request: bytes
    expires_at: datetime
    handed_to: str = ""


class Store(Protocol):
    """One account's rows, locked for one call."""

    def link(self) -> Link: ...
    def keep(self, link: Link) -> None: ...
    def waiting(self) -> Sequence[Waiting]:
        """Return commands without an answer that were not taken back, oldest first."""
        ...

    def has_worked_since(self, at: datetime) -> bool:
        """Say whether a command was posted since."""
        ...

    def hand_out(self, cmd_ids: Sequence[str], *, instance: str, at: datetime) -> None:
        """Write down that the terminal is told; committed before it is."""
        ...

    def settle(self, cmd_id: str, kind: Kind, answer: bytes, *, at: datetime) -> bool:
        """Keep an answer; the first one stays. ``False`` where nobody posted such a command."""
        ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One call: whose account it is, its number, and the room's time."""

    store: Store
    client_id: str
    seq: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Served:
    """What a call is answered with; ``news`` tells that the account's books should be read."""

    body: Mapping[str, Any]
    news: bool = False
    is_hello: bool = False


def serve(call: str, body: bytes, visit: Visit) -> Served:
    """Take one call; raises ``Refused`` for one that is not believed, with nothing of it kept but why."""
    return _CALLS[call](body, visit)


def mark_of(moment: datetime) -> int:
    """Return a moment as a mark: whole milliseconds, rounded down."""
    return int(moment.timestamp() * 1000)


def _hello(body: bytes, visit: Visit) -> Served:
    hello = read(body, Hello)
    link = visit.store.link()
    try:
        _check_welcome(hello, visit)
    except Refused as refused:
        link.refusal_code, link.refusal = refused.code, refused.message
        visit.store.keep(link)
        raise
    # A new session: what was read in the one before is not known to hold any more.
    kept = Link(
        wanted=link.wanted, asked=link.asked, instance=hello.instance, session=secrets.token_hex(16), seq=visit.seq
    )
    kept.seen_at, kept.hello = visit.now, body
    visit.store.keep(kept)
    return Served(_answer(kept, visit, resync=True), is_hello=True)


def _check_welcome(hello: Hello, visit: Visit) -> None:
    if hello.protocol != VERSION:
        raise Refused(400, "PROTOCOL", f"this is protocol {VERSION}, not {hello.protocol}")
    if str(hello.login) != visit.client_id:
        raise Refused(403, "WRONG_CLIENT", f"{hello.login} is signed in at the terminal, not {visit.client_id}")
    if hello.currency != SPEC.currency:
        raise Refused(403, "CURRENCY", f"the account is in {hello.currency}: only accounts in {SPEC.currency} trade")


def _poll(body: bytes, visit: Visit) -> Served:
    poll = read(body, Poll)
    link = _taken(poll.session, visit)
    if poll.mark > mark_of(visit.now):
        raise Refused(400, "MARK", "the mark is of no answer given yet")
    before = (link.orders_hash, link.positions_hash)
    if poll.sync is not None:
        _keep_books(link, poll.sync, visit.now)
    is_same = (poll.orders_hash, poll.positions_hash) == (link.orders_hash, link.positions_hash)
    if link.sync and is_same:
        link.as_of = max(filter(None, (link.as_of, datetime.fromtimestamp(poll.mark / 1000, tz=UTC))))
    link.sums, link.ticks = written(poll.account), written(poll.ticks)
    visit.store.keep(link)
    is_due = link.synced_at is None or visit.now - link.synced_at >= FORCED
    return Served(
        _answer(link, visit, resync=not is_same or is_due, commands=_handed_out(link, visit)),
        news=bool(before[0]) and before != (link.orders_hash, link.positions_hash),
    )


def _keep_books(link: Link, sync: Sync, now: datetime) -> None:
    link.sync, link.synced_at = written(sync), now
    link.orders_hash, link.positions_hash = sync.orders_hash, sync.positions_hash


def _handed_out(link: Link, visit: Visit) -> list[dict[str, Any]]:
    """Return the commands to tell now, those told before and unanswered again.

    One told to another instance may have been done there: it is never told to this one.
    """
    told = [one for one in visit.store.waiting() if one.expires_at > visit.now and one.handed_to in ("", link.instance)]
    visit.store.hand_out([one.cmd_id for one in told], instance=link.instance, at=visit.now)
    return [
        {
            "cmd_id": one.cmd_id,
            "type": one.kind,
            "expires_ms": int((one.expires_at - visit.now) / timedelta(milliseconds=1)),
            "request": msgspec.Raw(one.request),
        }
        for one in told
    ]


def _result(body: bytes, visit: Visit) -> Served:
    result = read(body, Result)
    return _settled(result.session, result.cmd_id, Kind.ORDER_SEND, body, visit)


def _bars(body: bytes, visit: Visit) -> Served:
    bars = read(body, Bars)
    return _settled(bars.session, bars.cmd_id, Kind.COPY_RATES, body, visit)


def _settled(session: str, cmd_id: str, kind: Kind, body: bytes, visit: Visit) -> Served:
    link = _taken(session, visit)
    if not visit.store.settle(cmd_id, kind, body, at=visit.now):
        raise Refused(404, "NO_COMMAND", f"no command {cmd_id} waits here")
    visit.store.keep(link)
    return Served(_answer(link, visit, resync=False), news=kind is Kind.ORDER_SEND)


def _event(body: bytes, visit: Visit) -> Served:
    link = _taken(read(body, Event).session, visit)
    visit.store.keep(link)
    return Served(_answer(link, visit, resync=False), news=True)


def _taken(session: str, visit: Visit) -> Link:
    """Return the link after taking note of a call of the session in force; raises ``Refused``.

    A call whose answer was lost may come again with its number; one that was overtaken is too late.
    """
    link = visit.store.link()
    if not link.session:
        raise Refused(410, "NO_SESSION", "say hello first")
    if not secrets.compare_digest(session, link.session):
        raise Refused(409, "REPLACED", "another terminal said hello with this token, or this one did again")
    if visit.seq < link.seq:
        raise Refused(409, "SEQ", f"call {visit.seq} was overtaken by {link.seq}")
    link.seq, link.seen_at = visit.seq, visit.now
    return link


def _answer(link: Link, visit: Visit, *, resync: bool, commands: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    is_busy = bool(commands or link.wanted or _asked(link, visit.now)) or visit.store.has_worked_since(
        visit.now - AFTERWARDS
    )
    return {
        "session": link.session,
        "mark": mark_of(visit.now),
        "poll_ms": QUICK_MS if is_busy else CALM_MS,
        "subscribe": list(dict.fromkeys([*link.wanted, *_asked(link, visit.now)])),
        "resync": resync,
        "commands": list(commands),
    }


def _asked(link: Link, now: datetime) -> list[str]:
    return [name for name, until in link.asked.items() if until > now.timestamp()]


_CALLS: Mapping[str, Callable[[bytes, Visit], Served]] = MappingProxyType(
    {"hello": _hello, "poll": _poll, "result": _result, "event": _event, "bars": _bars}
)
