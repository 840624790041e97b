"""Login in the browser, and the exchange of its request token for an access token."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from simulator.clients import Client, Session, checksum_matches
from simulator.faces.calls import FaceError
from simulator.faces.sign_in import Query, SignInPage, granted, redeem
from simulator.faces.zerodha.calls import KiteCounter
from simulator.faces.zerodha.portfolio import profile_of
from simulator.faces.zerodha.wire import failure, input_error, read_form, stamp, success, token_error


def login_page(counter: KiteCounter) -> SignInPage:
    """Return /connect/login?v=3&api_key=..; ``redirect_params`` come back in the redirect, as Kite does it."""
    return SignInPage(
        counter=counter,
        title="Kite",
        key_name="api_key",
        code_name="request_token",
        returned=_returned,
        refuse=lambda text: failure(input_error(text)),
    )


def _returned(client: Client, asked: Query) -> Query:
    return {**dict(parse_qsl(asked.get("redirect_params", ""))), "action": "login", "status": "success"}


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints."""

    counter: KiteCounter

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /session/token"""
        try:
            form = await read_form(request)
            client = self._proved(form)
            refusal = token_error("Token is invalid or has expired.")
            session = await redeem(self.counter, client, form.get("request_token", ""), refusal=refusal)
        except FaceError as error:
            return failure(error)
        return await granted(self.counter, request, client, success(self._granted(client, session)))

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """DELETE /session/token?api_key=..&access_token=.."""
        token = request.query.get("access_token", "")
        try:
            self.counter.signed_in(self.counter.keyed(request.query.get("api_key", "")), token)
        except FaceError as error:
            return failure(error)
        self.counter.desk.sessions.revoke(token)
        return success(True)

    def _proved(self, form: Mapping[str, str]) -> Client:
        """Return the client that knows its secret."""
        client = self.counter.keyed(form.get("api_key", ""))
        if client is None:
            raise token_error("Invalid `api_key`.")
        checksum, token = form.get("checksum", ""), form.get("request_token", "")
        if not checksum_matches(given=checksum, client=client, request_token=token):
            raise token_error("Invalid `checksum`.")
        return client

    def _granted(self, client: Client, session: Session) -> dict[str, Any]:
        return {
            **profile_of(client),
            "api_key": client.api_key,
            "access_token": session.token,
            "public_token": secrets.token_hex(16),
            "enctoken": "",
            "refresh_token": "",
            "silo": "",
            "login_time": stamp(self.counter.desk.now()),
        }
