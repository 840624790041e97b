"""How an account signs in over HTTP: what every broker does, and the sign-in by one-use code most of them have."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from brokers.adapter import Account, credential
from brokers.payloads import decoded, malformed
from brokers.texts import plain
from brokers.tokens import token_expiry
from brokers.transport import ORDER_BODY_LIMIT, WireAnswer, WireRequest
from domain.broker import BrokerError, BrokerSpec, BrokerToken, BrokerUnavailable

_CODE_PATH = "/control/request-token"
_WHAT = "sign-in"


@dataclass(frozen=True, slots=True)
class Session:
    """What a broker says of a sign-in; ``expires_at`` where it says when the token dies, ``lasts`` where how soon.

    ``client_id`` is "" until the broker is asked (``CodeLogin.completed``), where its answer leaves that out.
    """

    client_id: str
    access_token: str = field(repr=False)
    expires_at: datetime | None = None
    lasts: timedelta | None = None

    def ends(self, now: datetime) -> datetime | None:
        """Return when the broker says that a token given now dies."""
        return self.expires_at if self.lasts is None else now + self.lasts


class _RequestToken(msgspec.Struct):
    request_token: str


class RestLogin:
    """What every sign-in has, however it begins; ``spec`` is the subclass's."""

    spec: BrokerSpec

    def __init__(self, account: Account) -> None:
        self.credentials = account.credentials
        self.endpoint = account.endpoint
        self._wire = account.wire()

    async def aclose(self) -> None:
        """Close the HTTP session."""
        await self._wire.aclose()

    def credential(self, name: str) -> str:
        """Return a credential field; raises ``BrokerError`` with code ``CREDENTIALS`` where it is missing."""
        return credential(self.spec, self.credentials, name)

    async def read(self, request: WireRequest) -> WireAnswer:
        """Send once; raises ``BrokerUnavailable`` where no whole answer came."""
        return await self._wire.read(request, broker=self.spec.slug, limit=ORDER_BODY_LIMIT)

    def token(self, session: Session, *, now: datetime) -> BrokerToken:
        """Return the token of a session; raises ``BrokerError``, code ``WRONG_CLIENT`` for somebody else's."""
        signed_in, expected = session.client_id, self.credentials.client_id
        if not session.access_token or not signed_in:
            raise malformed(self.spec.slug, _WHAT, "no token or no client id")
        if expected and signed_in.upper() != expected.upper():
            raise BrokerError("WRONG_CLIENT", f"{self.spec.slug}: {plain(signed_in)} signed in, not {expected}")
        expires_at = token_expiry(self.spec, now, stated=session.ends(now))
        return BrokerToken(access_token=session.access_token, client_id=signed_in, expires_at=expires_at)


class CodeLogin(RestLogin, ABC):
    """A page of the broker's sends the browser back with a one-use code; a person is spared only by the simulator."""

    @abstractmethod
    def login_url(self, *, state: str) -> str:
        """Return the page to open; ``state`` comes back beside the code where ``SPEC.sign_in`` says so."""

    @abstractmethod
    def token_request(self, code: str) -> WireRequest:
        """Return the request that turns a code into a session; raises ``BrokerError`` for missing credentials."""

    @abstractmethod
    def session_of(self, answer: WireAnswer) -> Session:
        """Return what the answer to ``token_request`` says; raises ``BrokerError``."""

    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken:
        """Return the session of a one-use code; raises ``BrokerError``.

        Its code is ``WRONG_CLIENT`` when somebody else signed in.
        """
        answer = await self.read(self.token_request(request_token))
        return self.token(await self.completed(self.session_of(answer)), now=now)

    async def completed(self, session: Session) -> Session:
        """Return the session with what its answer left out; raises ``BrokerError``. Most leave nothing out."""
        return session

    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Sign in without a person; a real broker raises ``BrokerError`` with code ``MANUAL``."""
        if not self.endpoint.simulator_url:
            raise BrokerError("MANUAL", f"{self.spec.slug}: a person has to sign in on {self.spec.name}'s page")
        return await self.exchange(request_token=await self._simulated_code(), now=now)

    async def _simulated_code(self) -> str:
        url = f"{self.endpoint.simulator_url}{_CODE_PATH}"
        answer = await self.read(WireRequest("POST", url, json={"client": self.credentials.client_id}))
        if answer.status != 200:
            raise BrokerUnavailable(f"HTTP_{answer.status}", f"{self.spec.slug}: the simulated sign-in was refused")
        return decoded(answer.body, _RequestToken, broker=self.spec.slug, what=_WHAT).request_token
