"""OAuth 2 as ORY Hydra speaks it: a page, a code that comes back with scope and state, and a token for it."""

import hmac
from base64 import b64decode
from dataclasses import dataclass

from aiohttp import web

from simulator.clients import Client
from simulator.faces.calls import FaceError
from simulator.faces.mastertrust.calls import TradelabCounter
from simulator.faces.mastertrust.wire import as_json
from simulator.faces.sign_in import Query, SignInPage, granted, redeem

SHORTEST_STATE = 8
_SCOPE = "orders holdings"


@dataclass(frozen=True, slots=True)
class ConsentPage(SignInPage):
    """/oauth2/auth?scope=..&state=..&redirect_uri=..&response_type=code&client_id=.."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Refuse what Hydra refuses before it shows a page."""
        client = self.counter.keyed(request.query.get(self.key_name, ""))
        if len(request.query.get("state", "")) < SHORTEST_STATE:
            return self.refuse("invalid_state")
        if request.query.get("response_type") != "code":
            return self.refuse("unsupported_response_type")
        if client is not None and request.query.get("redirect_uri") != client.redirect_url:
            return self.refuse("invalid_request: the redirect_uri is not registered")
        return await super(ConsentPage, self).show(request)


def consent_page(counter: TradelabCounter) -> ConsentPage:
    """Return the page, which hands scope and state back."""
    return ConsentPage(
        counter=counter,
        title="Master Trust",
        key_name="client_id",
        code_name="code",
        returned=_returned,
        refuse=lambda text: web.Response(status=400, text=text),
    )


def _returned(client: Client, asked: Query) -> Query:
    return {"scope": asked.get("scope", ""), "state": asked.get("state", "")}


@dataclass(frozen=True, slots=True)
class Auth:
    """The token endpoint."""

    counter: TradelabCounter

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /oauth2/token, a form: grant_type, code, redirect_uri; the client proves itself in a Basic header."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            client = self._proved(request)
            if form.get("grant_type") != "authorization_code" or form.get("redirect_uri") != client.redirect_url:
                raise _refusal("invalid_grant", 400)
            refusal = _refusal("invalid_grant", 400)
            session = await redeem(self.counter, client, form.get("code", ""), refusal=refusal)
        except FaceError as error:
            return as_json({"error": error.code, "error_description": error.message}, status=error.status)
        lasts = int((session.expires_at - self.counter.desk.now()).total_seconds())
        token = {"access_token": session.token, "expires_in": lasts, "scope": _SCOPE, "token_type": "bearer"}
        return await granted(self.counter, request, client, as_json(token))

    def _proved(self, request: web.Request) -> Client:
        name, secret = _basic(request.headers.get("Authorization", ""))
        client = self.counter.keyed(name)
        if client is None or not hmac.compare_digest(client.api_secret.encode(), secret.encode()):
            raise _refusal("invalid_client", 401)
        return client


def _refusal(code: str, status: int) -> FaceError:
    return FaceError("The request could not be authorized.", status=status, code=code)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, proof = header.partition(" ")
    try:
        name, _, secret = b64decode(proof, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (name, secret) if scheme == "Basic" else ("", "")
