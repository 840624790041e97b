"""The customers of the simulated brokers, and their sessions."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from domain.clock import IST

REQUEST_TOKEN_LIFE = timedelta(minutes=5)

Record = TypeVar("Record", bound=msgspec.Struct)
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
Secrets = Annotated[dict[Name, Annotated[str, msgspec.Meta(max_length=8192)]], msgspec.Meta(max_length=16)]
Url = Annotated[str, msgspec.Meta(pattern=r"^(https?://\S+)?$", max_length=500)]


class Client(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer of a broker, with the application key it trades through.

    ``postback_url`` receives order updates, ``redirect_url`` the browser after a login; both may be empty.
    ``cash`` is the opening balance in rupees. ``extra`` is what a broker asks for besides: an MPIN, the seed of a
    TOTP, a public key.
    """

    client: Name
    api_key: Key
    api_secret: Key
    postback_url: Url = ""
    redirect_url: Url = ""
    broker: str = "zerodha"
    cash: Annotated[int, msgspec.Meta(ge=0)] = 10_000_000
    extra: Secrets = {}


def demo_client(name: str) -> Client:
    """Return a client whose credentials follow from its name.

    DEMO01 has the key demo01key and the secret demo01secret.
    """
    low = name.lower()
    return Client(client=name, api_key=f"{low}key", api_secret=f"{low}secret")


def demo_clients(count: int) -> tuple[Client, ...]:
    """Return DEMO01, DEMO02 and so on."""
    return tuple(demo_client(f"DEMO{number:02d}") for number in range(1, count + 1))


class DuplicateClient(ValueError):
    """Two clients may not share a name or an api_key."""


class ClientRegistry:
    """The known clients, by name and by api_key.

    Those added while running are kept in the file ``added`` and are there again after a restart; where the
    settings name the same client, the settings win.
    """

    def __init__(self, clients: Iterable[Client], *, added: Path) -> None:
        self._by_name: dict[str, Client] = {}
        self._by_key: dict[str, Client] = {}
        self._added = added
        for client in clients:
            self._put(client)
        self._recall(set(self._by_name))

    def __iter__(self) -> Iterator[Client]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def add(self, client: Client) -> None:
        """Register a client, or give a known one new URLs.

        Raises ``DuplicateClient`` when the name has another key, or the key another name.
        """
        self._put(client)
        append_line(self._added, client)

    def _put(self, client: Client) -> None:
        holder = self._by_key.get(client.api_key)
        known = self._by_name.get(client.client)
        if (holder and holder.client != client.client) or (known and known.api_key != client.api_key):
            raise DuplicateClient(f"client {client.client} or api_key {client.api_key} exists already")
        self._by_name[client.client] = client
        self._by_key[client.api_key] = client

    def _recall(self, settled: set[str]) -> None:
        for client in read_lines(self._added, Client):
            if client.client not in settled:
                with suppress(DuplicateClient):
                    self._put(client)

    def named(self, name: str) -> Client | None:
        """Return the client of that name."""
        return self._by_name.get(name)

    def keyed(self, api_key: str) -> Client | None:
        """Return the client of that application key."""
        return self._by_key.get(api_key)

    def next_name(self) -> str:
        """Return the first free demo name."""
        number = len(self._by_name) + 1
        while f"DEMO{number:02d}" in self._by_name:
            number += 1
        return f"DEMO{number:02d}"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """An access token's life; an empty ``client`` revokes the token."""

    token: str
    client: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequestToken:
    """A login waiting for its exchange."""

    client: str
    expires_at: datetime


Expiry = Callable[[datetime], datetime]
"""When a token given now dies, by the rules of a broker."""


def at_next(hour: time) -> Expiry:
    """Tokens die when the clock in India next shows this hour."""
    return lambda now: _next(hour, now)


def day_after(hour: time) -> Expiry:
    """Tokens die at this hour of the day after the login, in India."""
    return lambda now: _next(hour, _midnight(now) + timedelta(days=1))


def after(life: timedelta) -> Expiry:
    """Tokens live so long."""
    return lambda now: now + life


def _next(hour: time, now: datetime) -> datetime:
    end = _midnight(now) + timedelta(hours=hour.hour, minutes=hour.minute)
    return end if now < end else end + timedelta(days=1)


def _midnight(now: datetime) -> datetime:
    return now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)


SIX_NEXT_DAY = day_after(time(6, 0))


class Sessions:
    """Request tokens (one use, five minutes) and access tokens, which die as their broker's row says.

    Surviving a restart of the process. ``lives`` says by broker when tokens die; where it is silent, at six the
    next day.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime], lives: Mapping[str, Expiry]) -> None:
        self._path = path
        self._now = now
        self._lives = lives
        self._requests: dict[str, RequestToken] = {}
        self._sessions: dict[str, Session] = {}
        self._owners: dict[str, str] = {}
        self._load()

    def begin(self, client: Client) -> str:
        """Record a login and return its request token."""
        token = secrets.token_hex(16)
        self._requests[token] = RequestToken(client=client.client, expires_at=self._now() + REQUEST_TOKEN_LIFE)
        return token

    def redeem(self, request_token: str, client: Client) -> Session | None:
        """Turn a request token into a session; ``None`` when it is spent, expired or another client's."""
        request = self._requests.pop(request_token, None)
        if request is None or request.client != client.client or request.expires_at <= self._now():
            return None
        return self.open(client)

    def open(self, client: Client, *, token: str = "") -> Session:
        """Give a client a session, without a page where the broker has none; ``token`` where both sides made it."""
        expires_at = self._lives.get(client.broker, SIX_NEXT_DAY)(self._now())
        session = Session(token=token or secrets.token_hex(16), client=client.client, expires_at=expires_at)
        self._sessions[session.token], self._owners[session.token] = session, client.client
        self._store(session)
        return session

    def holds(self, client: Client, token: str) -> bool:
        """Say whether the token is this client's and alive."""
        session = self._sessions.get(token)
        return session is not None and session.client == client.client and session.expires_at > self._now()

    def holder(self, token: str) -> str:
        """Return whose live token this is, "" for nobody's."""
        session = self._sessions.get(token)
        return session.client if session is not None and session.expires_at > self._now() else ""

    def owner(self, token: str) -> str:
        """Return whose token this is or was, "" for nobody's: who says so, not who may."""
        return self._owners.get(token, "")

    def tokens(self, client: str) -> list[str]:
        """Return a client's live tokens."""
        return [token for token in self._sessions if self.holder(token) == client]

    def waiting(self) -> list[tuple[str, str]]:
        """Return the one-use codes nobody has redeemed, each with its client's name."""
        return [(code, request.client) for code, request in self._requests.items()]

    def revoke(self, token: str) -> bool:
        """End one session; false when there was none."""
        session = self._sessions.pop(token, None)
        if session is not None:
            self._store(Session(token=token, client="", expires_at=session.expires_at))
        return session is not None

    def revoke_all(self, client: str) -> int:
        """End every session of a client and return how many there were."""
        tokens = [token for token, session in self._sessions.items() if session.client == client]
        return sum(self.revoke(token) for token in tokens)

    def count(self) -> int:
        """Return the number of sessions alive."""
        return len(self._sessions)

    def _load(self) -> None:
        for session in read_lines(self._path, Session):
            self._owners.setdefault(session.token, session.client)
            if session.client and session.expires_at > self._now():
                self._sessions[session.token] = session
            else:
                self._sessions.pop(session.token, None)

    def _store(self, session: Session) -> None:
        append_line(self._path, session)


def append_line(path: Path, record: msgspec.Struct) -> None:
    """Add one JSON line to a private file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, msgspec.json.encode(record) + b"\n")
    finally:
        os.close(file)


def read_lines(path: Path, kind: type[Record]) -> Iterator[Record]:
    """Yield the records of a file of JSON lines; a line torn by a crash is passed over."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        with suppress(msgspec.MsgspecError):
            yield msgspec.json.decode(line, type=kind)


def checksum_matches(*, given: str, client: Client, request_token: str) -> bool:
    """Compare with hex sha256(api_key + request_token + api_secret), as Kite Connect v3 defines it."""
    text = f"{client.api_key}{request_token}{client.api_secret}"
    return hmac.compare_digest(hashlib.sha256(text.encode()).hexdigest(), given.lower())
