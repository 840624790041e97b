"""Login in the browser, the exchange of its code for a token, and logout."""

import hashlib
import hmac
from dataclasses import dataclass

from aiohttp import hdrs, web

from simulator.clients import Client, Session
from simulator.faces.calls import FaceError
from simulator.faces.fyers.calls import FyersCounter, pair_of
from simulator.faces.fyers.tokens import access_token, session_token
from simulator.faces.fyers.wire import Row, bad_input, failure, read_json, refusal, success
from simulator.faces.sign_in import Query, SignInPage, granted, redeem, with_state

_NO_HASH, _NO_CODE = -371, -374


def login_page(counter: FyersCounter) -> SignInPage:
    """Return /generate-authcode?client_id=..&redirect_uri=..&response_type=code&state=.."""
    return SignInPage(
        counter=counter,
        title="Fyers",
        key_name="client_id",
        code_name="auth_code",
        returned=_returned,
        refuse=lambda text: failure(bad_input(text)),
    )


def _returned(client: Client, asked: Query) -> Query:
    return {"s": "ok", "code": "200", **with_state(client, asked)}


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints."""

    counter: FyersCounter

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /validate-authcode: grant_type, code, appIdHash = sha256(app id + ":" + secret)."""
        try:
            given = await read_json(request)
            client = self._proved(given)
            invalid = refusal(_NO_CODE, "Please provide authorization code.")
            session = await redeem(self.counter, client, str(given.get("code", "")), refusal=invalid)
        except FaceError as error:
            return failure(error)
        return await granted(self.counter, request, client, success(self._granted(client, session)))

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """POST /logout"""
        authorization = request.headers.get(hdrs.AUTHORIZATION, "")
        try:
            self.counter.authorized(authorization)
        except FaceError as error:
            return failure(error)
        self.counter.desk.sessions.revoke(session_token(pair_of(authorization)[1]))
        return success({"message": "you are successfully logged out"})

    def _proved(self, given: Row) -> Client:
        """Return the client whose app and secret the hash is of."""
        if given.get("grant_type") != "authorization_code":
            raise bad_input("Please provide a valid grant type")
        claimed = str(given.get("appIdHash", "")).lower()
        ours = (client for client in self.counter.desk.clients if client.broker == self.counter.broker)
        found = next((client for client in ours if hmac.compare_digest(_hash(client), claimed)), None)
        if found is None:
            raise refusal(_NO_HASH, "Please provide sha256 hash of appId and app secret")
        return found

    def _granted(self, client: Client, session: Session) -> Row:
        token = access_token(client, session, app_id=client.api_key, now=self.counter.desk.now())
        return {"access_token": token, "refresh_token": ""}


def _hash(client: Client) -> str:
    return hashlib.sha256(f"{client.api_key}:{client.api_secret}".encode()).hexdigest()
