"""What IBKR remembers of a session: who has a user name's one brokerage session, and what was asked in it.

Several calls answer nothing the first time, or nothing at all before another one: all of that is kept here, in memory,
as IBKR's own servers forget it every night.
"""

import secrets
from dataclasses import dataclass, field

from simulator.clients import Client
from simulator.faces.ibkr.wire import Row, accounts_first, no_bridge, not_authenticated


@dataclass(slots=True)
class Session:
    """One live session token's.

    ``socket_id`` opens its socket. ``streams`` are the contracts whose snapshots were asked for, ``suppressed`` the
    questions that are not asked, ``positions`` what the cache shows until it is told to forget.
    """

    socket_id: str = field(default_factory=lambda: secrets.token_hex(16))
    asked: set[str] = field(default_factory=set)
    streams: set[int] = field(default_factory=set)
    suppressed: set[str] = field(default_factory=set)
    positions: list[Row] | None = None

    def first(self, what: str) -> bool:
        """Say whether something is asked for the first time, and remember it."""
        is_first = what not in self.asked
        self.asked.add(what)
        return is_first

    def begin(self) -> None:
        """A brokerage session begins: nothing was asked in it."""
        self.asked -= {"accounts", "orders", "trades"}
        self.streams.clear()
        self.suppressed.clear()


class Brokerage:
    """Every session by its token, and the token that trades for each user name."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._trading: dict[str, str] = {}

    def of(self, token: str) -> Session:
        """Return a token's session."""
        return self._sessions.setdefault(token, Session())

    def begin(self, client: Client, token: str, *, compete: bool) -> bool:
        """Give a token the brokerage session; false where another one has it and is not to be put out."""
        if self.is_taken(client, token) and not compete:
            return False
        if self._trading.get(client.client) != token:
            self._trading[client.client] = token
            self.of(token).begin()
        return True

    def end(self, client: Client) -> None:
        """End a user name's brokerage session."""
        self._trading.pop(client.client, None)

    def trades(self, client: Client, token: str) -> bool:
        """Say whether this token has the brokerage session."""
        return self._trading.get(client.client) == token

    def is_taken(self, client: Client, token: str) -> bool:
        """Say whether another token has it."""
        return client.client in self._trading and not self.trades(client, token)

    def check(self, client: Client, token: str) -> Session:
        """Return the session of a token that may call ``/iserver``; raises ``FaceError`` for another."""
        if self.is_taken(client, token):
            raise not_authenticated()
        if not self.trades(client, token):
            raise no_bridge()
        return self.of(token)

    def status(self, client: Client, token: str) -> Row:
        """Return what ``/iserver/auth/status`` tells."""
        return {
            "authenticated": self.trades(client, token),
            "competing": self.is_taken(client, token),
            "connected": True,
            "message": "",
            "MAC": "00:00:00:00:00:00",
            "serverInfo": {"serverName": "simulated", "serverVersion": "Build 10.40.0"},
            "fail": "",
        }

    def needs(self, session: Session, what: str) -> None:
        """Raise the error of a call whose accounts were not asked for."""
        if what not in session.asked:
            raise accounts_first()

    def opener(self, client: Client, tokens: list[str], socket_id: str) -> str | None:
        """Return which of a client's live tokens a socket's cookie is of."""
        held = (token for token in tokens if token in self._sessions)
        return next((token for token in held if socket_id and self._sessions[token].socket_id == socket_id), None)
