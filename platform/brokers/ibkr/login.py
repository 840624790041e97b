"""IBKR's sign-in, which needs no person: a live session token, then the one trading session a user name may have.

What a session begins with is done here, once: the accounts are asked for, the questions suppressed, and the books asked
for the first, empty time. https://ibkrcampus.com/campus/ibkr-api-page/oauth-1-0a-extended/
"""

import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from brokers.adapter import Account
from brokers.ibkr import oauth
from brokers.ibkr.access import USER_AGENT, Access, request_parameters
from brokers.ibkr.answers import BROKER, PRECAUTIONS, read_body
from brokers.ibkr.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.sign_in import RestLogin, Session
from brokers.transport import WireRequest
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, SessionLost

_WHAT = "sign-in"
_PATH = "/oauth/live_session_token"


class _Agreed(msgspec.Struct):
    diffie_hellman_response: str
    live_session_token_signature: str
    live_session_token_expiration: int


class _Opened(msgspec.Struct):
    authenticated: bool
    connected: bool = True
    message: str | None = None


class _Accounts(msgspec.Struct):
    accounts: list[str]
    selectedAccount: str = ""


class _Suppressed(msgspec.Struct):
    status: str


class IbkrLogin(RestLogin):
    """Sign-in and sign-out of one account."""

    spec = SPEC

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._account = account

    def login_url(self, *, state: str) -> str:
        """There is no page to sign in on; raises ``BrokerError`` with code ``NO_PAGE``."""
        raise BrokerError("NO_PAGE", f"{BROKER}: the account's keys sign it in, there is no page to open")

    async def exchange(self, *, request_token: str, now: datetime) -> BrokerToken:
        """There is no code to exchange: the same as ``sign_in``."""
        return await self.sign_in(now=now)

    async def sign_in(self, *, now: datetime) -> BrokerToken:
        """Open the account's session, taking it from whoever has it; raises ``BrokerError``."""
        session = await self._agree()
        access = replace(self._access(), session_token=session.access_token)
        await self._open(access)
        account_id = await self._account_of(access)
        token = self.token(replace(session, client_id=account_id), now=now)
        await self._prepare(replace(access, account_id=account_id))
        return token

    async def sign_out(self, token: BrokerToken) -> None:
        """End the session; one that is dead already is nothing to do. Raises ``BrokerError``."""
        access = replace(self._access(), session_token=token.access_token)
        with suppress(SessionLost):
            read_body(await self.read(access.request("POST", "/logout")), what="sign-out")

    async def _agree(self) -> Session:
        """Return the live session token both sides come to; raises ``BrokerError``: a refusal is no dead session."""
        prime, secret, own = self._prime(), self._secret(), secrets.randbits(256)
        try:
            body = read_body(await self.read(self._question(prime, secret, own)), what=_WHAT)
        except SessionLost as error:
            raise BrokerUnavailable(error.code, error.message) from error
        agreed = decoded(body, _Agreed, broker=BROKER, what=_WHAT)
        try:
            shared = pow(int(agreed.diffie_hellman_response, 16), own, prime)
            ends = datetime.fromtimestamp(agreed.live_session_token_expiration / 1000, tz=UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise malformed(BROKER, _WHAT, error) from error
        token = oauth.session_token(secret=secret, shared=shared)
        consumer_key = self.credential("consumer_key")
        if not oauth.proves(agreed.live_session_token_signature, session_token=token, consumer_key=consumer_key):
            raise malformed(BROKER, _WHAT, "the two sides come to different session tokens")
        return Session("", token, ends)

    def _question(self, prime: int, secret: bytes, own: int) -> WireRequest:
        """Return the request of a session token, signed with the account's own key."""
        url = f"{self.endpoint.rest_url.rstrip('/')}{_PATH}"
        signed = request_parameters(self.credential("consumer_key"), self.credential("oauth_token"), method=oauth.RSA)
        parameters = {**signed, "diffie_hellman_challenge": f"{pow(oauth.GENERATOR, own, prime):x}"}
        text = oauth.base_string("POST", url, parameters, prepend=secret.hex())
        signature = oauth.rsa_signature(text, self._key("signature_key"))
        header = oauth.authorization({**parameters, "oauth_signature": signature})
        headers = {"Authorization": header, "Accept": "application/json", "User-Agent": USER_AGENT}
        return WireRequest("POST", url, headers=headers)

    async def _open(self, access: Access) -> None:
        request = access.request("POST", "/iserver/auth/ssodh/init", json={"publish": True, "compete": True})
        opened = decoded(read_body(await self.read(request), what=_WHAT), _Opened, broker=BROKER, what=_WHAT)
        if not (opened.authenticated and opened.connected):
            why = opened.message or "no reason given"
            raise BrokerUnavailable("NOT_AUTHENTICATED", f"{BROKER}: the brokerage session did not open: {why}")

    async def _account_of(self, access: Access) -> str:
        """Return the account the keys trade: ours where it is among them. Nothing is ordered before this was asked."""
        body = read_body(await self.read(access.request("GET", "/iserver/accounts")), what=_WHAT)
        found = decoded(body, _Accounts, broker=BROKER, what=_WHAT)
        ours = [one for one in found.accounts if one.upper() == self.credentials.client_id.upper()]
        others = [one for one in (found.selectedAccount, *found.accounts) if one and one != "All"]
        if not ours and not others:
            raise malformed(BROKER, _WHAT, "no account")
        return (ours or others)[0]

    async def _prepare(self, access: Access) -> None:
        """Ask no more questions, and have the books prepared: their first answers of a session are empty."""
        request = access.request("POST", "/iserver/questions/suppress", json={"messageIds": PRECAUTIONS})
        decoded(read_body(await self.read(request), what=_WHAT), _Suppressed, broker=BROKER, what=_WHAT)
        query = (("accountId", access.account_id),)
        for path in ("/portfolio/accounts", "/iserver/account/orders", "/iserver/account/trades"):
            asked = query if path.startswith("/iserver") else ()
            read_body(await self.read(access.request("GET", path, query=asked)), what=_WHAT)

    def _access(self) -> Access:
        return Access.of(self.credentials, self.endpoint)

    def _prime(self) -> int:
        try:
            return oauth.prime(self.credential("dh_prime"))
        except ValueError as error:
            raise self._unusable("dh_prime", error) from None

    def _secret(self) -> bytes:
        written, key = self.credential("oauth_token_secret"), self._key("encryption_key")
        try:
            return oauth.token_secret(written, key)
        except ValueError as error:
            raise self._unusable("oauth_token_secret", error) from None

    def _key(self, name: str) -> RSAPrivateKey:
        try:
            return oauth.private_key(self.credential(name))
        except ValueError as error:
            raise self._unusable(name, error) from None

    def _unusable(self, name: str, why: ValueError) -> BrokerError:
        return BrokerError("CREDENTIALS", f"{BROKER}: the account's {name} cannot be used: {why}")
