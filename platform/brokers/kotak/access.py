"""How a call of one account is addressed and signed: a session is a token, its id, and the hosts it is valid at.

All of it is kept as the access token, in one text; what comes back from there is believed only if every address in it
is Kotak's own, or the simulated exchange's where that is traded at.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from brokers.adapter import credential
from brokers.kotak.spec import SPEC
from brokers.transport import WireRequest
from domain.broker import Credentials, Endpoint, SessionLost

FIN_KEY = "neotradeapi"
"""Sent with every call of a session, the same for everybody."""

_OURS = re.compile(r"(https|wss)://([a-z0-9-]+\.)*kotaksecurities\.com(/[A-Za-z0-9._~/-]*)?")


class Session(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a sign-in yields; ``feed_url`` and ``updates_url`` are "" where it names no sockets of its own."""

    token: str
    sid: str
    base_url: str
    feed_url: str = ""
    updates_url: str = ""

    def __repr__(self) -> str:
        return f"Session(base_url={self.base_url!r})"

    def packed(self) -> str:
        """Return the session as one text."""
        return msgspec.json.encode(self).decode()


def is_kotaks(url: str, endpoint: Endpoint) -> bool:
    """Say whether an address may be called: Kotak's, and where the exchange is simulated that alone."""
    if not endpoint.simulator_url:
        return _OURS.fullmatch(url) is not None
    roots = (endpoint.simulator_url, _as_socket(endpoint.simulator_url))
    return any(url == root or url.startswith(f"{root}/") for root in roots)


def session_of(text: str, endpoint: Endpoint) -> Session:
    """Return the session of an access token; raises ``SessionLost`` for what is none, or none that may be used here."""
    try:
        session = msgspec.json.decode(text, type=Session)
    except (msgspec.MsgspecError, UnicodeError):
        raise SessionLost("NO_SESSION", f"{SPEC.slug}: what is kept is no session") from None
    urls = [url for url in (session.base_url, session.feed_url, session.updates_url) if url]
    if not session.token or not session.sid or not session.base_url:
        raise SessionLost("NO_SESSION", f"{SPEC.slug}: what is kept is no whole session")
    if not all(is_kotaks(url, endpoint) for url in urls):
        raise SessionLost("NO_SESSION", f"{SPEC.slug}: the session is for another host")
    return session


@dataclass(frozen=True, slots=True)
class Access:
    """An account's address and keys; requests are built here, sent elsewhere."""

    endpoint: Endpoint
    client_id: str
    consumer_key: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def of(cls, credentials: Credentials, endpoint: Endpoint) -> "Access":
        """Raises ``BrokerError`` with code ``CREDENTIALS`` where the consumer key is missing."""
        return cls(
            endpoint=endpoint,
            client_id=credentials.client_id,
            consumer_key=credential(SPEC, credentials, "consumer_key"),
            token=credentials.access_token,
        )

    def session(self) -> Session:
        """Return the session; raises ``SessionLost`` where there is none."""
        return session_of(self.token, self.endpoint)

    def get(self, path: str) -> WireRequest:
        """Return a read of the session; ``path`` starts with a slash. Raises ``SessionLost``."""
        session = self.session()
        return WireRequest("GET", f"{_base(session)}{path}", headers=_signed(session))

    def post(self, path: str, fields: Mapping[str, str]) -> WireRequest:
        """Return a call of the session with its fields; raises ``SessionLost``."""
        session = self.session()
        form = {"jData": msgspec.json.encode(fields).decode()}
        return WireRequest("POST", f"{_base(session)}{path}", headers=_signed(session), form=form)

    def order(self, path: str, fields: Mapping[str, str]) -> WireRequest:
        """Return an order call, which shows the consumer key too; raises ``SessionLost``."""
        session = self.session()
        form = {"jData": msgspec.json.encode(fields).decode()}
        headers = {**_signed(session), "Authorization": self.consumer_key}
        return WireRequest("POST", f"{_base(session)}{path}", headers=headers, form=form)

    def data(self, path: str, *, query: tuple[tuple[str, str], ...] = ()) -> WireRequest:
        """Return a read of market data, which goes by the consumer key alone; ``path`` is quoted as it is to be sent.

        Raises ``SessionLost``: the session says at which host.
        """
        headers = {"Authorization": self.consumer_key, "Accept": "application/json"}
        return WireRequest("GET", f"{_base(self.session())}{path}", headers=headers, query=query, is_quoted=True)

    def feed_url(self) -> str:
        """Return the market socket's address; it carries no secret. Raises ``SessionLost``."""
        return self.session().feed_url or self.endpoint.socket_url

    def updates_url(self) -> str:
        """Return the order socket's address; it carries no secret. Raises ``SessionLost``."""
        session = self.session()
        return session.updates_url or f"{_as_socket(_base(session))}/realtime"


def as_socket(url: str) -> str:
    """Return a socket's address, which Kotak also writes with ``https``."""
    return _as_socket(url)


def _signed(session: Session) -> dict[str, str]:
    return {"Auth": session.token, "Sid": session.sid, "neo-fin-key": FIN_KEY, "Accept": "application/json"}


def _base(session: Session) -> str:
    return session.base_url.rstrip("/")


def _as_socket(url: str) -> str:
    return re.sub(r"^http", "ws", url)
