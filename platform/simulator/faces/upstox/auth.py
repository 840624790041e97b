"""The page of the sign-in, and the exchange of its one-use code (OAuth 2.0).

https://upstox.com/developer/api-documentation/authentication/. The redirect address is a part of both, and must be the
registered one.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.clients import Client, Session
from simulator.faces.calls import FaceError
from simulator.faces.sign_in import SignInPage, granted, redeem, with_state
from simulator.faces.upstox.calls import UpstoxCounter, bearer
from simulator.faces.upstox.portfolio import profile_of
from simulator.faces.upstox.wire import bare, failure, invalid_input, success

_WRONG_APP = "Check your 'client_id' and 'redirect_uri'; one or both are incorrect."


class Dialog(SignInPage):
    """The page, which is not shown to an app that would be sent back to another address than its own."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /v2/login/authorization/dialog."""
        client = self.counter.keyed(request.query.get(self.key_name, ""))
        if client is None or client.redirect_url != request.query.get("redirect_uri"):
            return self.refuse(_WRONG_APP)
        return await super().show(request)


def dialog(counter: UpstoxCounter) -> SignInPage:
    """Return the page; ``state`` comes back in the redirect."""
    return Dialog(
        counter=counter,
        title="Upstox",
        key_name="client_id",
        code_name="code",
        returned=with_state,
        refuse=lambda text: failure(_refused("UDAPI100068", _WRONG_APP)),
    )


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints."""

    counter: UpstoxCounter

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /v2/login/authorization/token: the session comes without an envelope."""
        try:
            form = await _form(request)
            client = self._proved(form)
            refusal = _refused("UDAPI100057", "Invalid Auth code")
            session = await redeem(self.counter, client, form.get("code", ""), refusal=refusal)
        except FaceError as error:
            return failure(error)
        return await granted(self.counter, request, client, bare(_granted(client, session)))

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """DELETE /v2/logout"""
        try:
            self.counter.client(request)
        except FaceError as error:
            return failure(error)
        self.counter.desk.sessions.revoke(bearer(request))
        return success(True)

    def _proved(self, form: Mapping[str, str]) -> Client:
        """Return the client that knows its secret and its redirect address."""
        client = self.counter.keyed(form.get("client_id", ""))
        if client is None or not hmac.compare_digest(client.api_secret, form.get("client_secret", "")):
            raise _refused("UDAPI100069", "Check your 'client_id' and 'client_secret'; one or both are incorrect.")
        if form.get("grant_type") != "authorization_code":
            raise invalid_input("Invalid 'grant_type'", "UDAPI100038")
        if client.redirect_url != form.get("redirect_uri"):
            raise _refused("UDAPI100070", "The 'redirect_uri' is not the registered one.")
        return client


def _granted(client: Client, session: Session) -> dict[str, Any]:
    profile = {name: value for name, value in profile_of(client).items() if name != "ddpi"}
    return {**profile, "access_token": session.token, "extended_token": secrets.token_hex(16)}


def _refused(code: str, message: str) -> FaceError:
    return FaceError(message, status=401, code=code)


async def _form(request: web.Request) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in (await request.post()).items()}
    except (ValueError, LookupError):
        raise invalid_input("Invalid Input", "UDAPI100036") from None
