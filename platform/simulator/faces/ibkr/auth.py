"""The live session token, and the brokerage session that trades."""

from dataclasses import dataclass

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import FaceError
from simulator.faces.ibkr import oauth
from simulator.faces.ibkr.calls import IbkrCounter, is_fresh, session_of, signed_texts, token_of
from simulator.faces.ibkr.wire import Row, failure, not_authenticated, read_json, refusal, success
from simulator.faces.sign_in import granted, open_session

_KEYS = ("signature_key", "token_secret", "dh_prime")


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints."""

    counter: IbkrCounter

    async def live_session_token(self, request: web.Request) -> web.StreamResponse:
        """POST /oauth/live_session_token, signed with the account's own key."""
        try:
            client = self._proved(request)
            agreement = oauth.agree(
                challenge=oauth.parameters_of(request.headers["Authorization"]).get("diffie_hellman_challenge", ""),
                prime=client.extra["dh_prime"],
                secret=client.extra["token_secret"],
                consumer_key=client.api_key,
            )
            if agreement is None:
                raise refusal("Invalid diffie_hellman_challenge")
            session = await open_session(self.counter, client, token=agreement.token)
        except FaceError as error:
            return failure(error)
        body = {
            "diffie_hellman_response": agreement.response,
            "live_session_token_signature": agreement.signature,
            "live_session_token_expiration": int(session.expires_at.timestamp() * 1000),
        }
        return await granted(self.counter, request, client, success(body))

    async def init(self, client: Client, request: web.Request) -> Row:
        """POST /iserver/auth/ssodh/init: the one brokerage session of a user name begins."""
        body = await read_json(request)
        compete = isinstance(body, dict) and body.get("compete") is True
        self.counter.brokerage.begin(client, token_of(request), compete=compete)
        return await self.status(client, request)

    async def status(self, client: Client, request: web.Request) -> Row:
        """POST /iserver/auth/status"""
        return self.counter.brokerage.status(client, token_of(request))

    async def tickle(self, client: Client, request: web.Request) -> Row:
        """POST /tickle"""
        status = self.counter.brokerage.status(client, token_of(request))
        return {
            "session": session_of(request).socket_id,
            "ssoExpires": 600_000,
            "collission": False,
            "userId": 1,
            "hmds": {"error": "no bridge"},
            "iserver": {"authStatus": status},
        }

    async def validate(self, client: Client, request: web.Request) -> Row:
        """GET /sso/validate"""
        return {
            "USER_ID": 1,
            "USER_NAME": client.client.lower(),
            "RESULT": True,
            "AUTH_TIME": 0,
            "EXPIRES": 600_000,
            "LOGIN_TYPE": 1,
        }

    async def logout(self, client: Client, request: web.Request) -> Row:
        """POST /logout"""
        if self.counter.brokerage.trades(client, token_of(request)):
            self.counter.brokerage.end(client)
        self.counter.desk.sessions.revoke(token_of(request))
        self.counter.note_session(client, "signed out")
        return {"status": True}

    def _proved(self, request: web.Request) -> Client:
        """Return the client whose key signed the request; raises ``FaceError``."""
        parameters = oauth.parameters_of(request.headers.get("Authorization", ""))
        client = self.counter.claimed(request)
        if client is None or not all(client.extra.get(name) for name in _KEYS):
            raise not_authenticated()
        proved = oauth.rsa_proves(
            parameters,
            signed_texts(request, parameters),
            prepend=client.extra["token_secret"],
            public_key=client.extra["signature_key"],
        )
        if not proved or parameters.get("oauth_signature_method") != "RSA-SHA256" or not is_fresh(parameters):
            raise not_authenticated()
        return client
