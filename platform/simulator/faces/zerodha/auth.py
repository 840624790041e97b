"""Login in the browser, and the exchange of its request token for an access token."""

import html
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from simulator.clients import Client, Session, checksum_matches
from simulator.faces.desk import Desk
from simulator.faces.zerodha.calls import BROKER, pause, spoil
from simulator.faces.zerodha.portfolio import profile_of
from simulator.faces.zerodha.wire import (
    KiteError,
    failure,
    input_error,
    read_form,
    stamp,
    success,
    token_error,
)
from simulator.faults import READ_FAULTS, Fault, FaultKind
from simulator.ledger import Entry, Event

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Kite (simulated)</title></head>
<body><main><h1>Simulated Kite login</h1>
<p>This stands in for the broker's login page: no password is asked.</p>
<form method="post" action="/connect/login">
<input type="hidden" name="api_key" value="{api_key}">
<input type="hidden" name="redirect_params" value="{redirect_params}">
<label>Client <select name="client"><option>{client}</option></select></label>
<button type="submit">Log in</button></form></main></body></html>"""


ENDPOINT = "session.token"
_SPOILING = READ_FAULTS - {FaultKind.TOKEN_DEATH}


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints."""

    desk: Desk

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /connect/login?v=3&api_key=...

        ``redirect_params`` come back in the redirect, as Kite does it.
        """
        client = self.desk.clients.keyed(request.query.get("api_key", ""))
        if client is None:
            return failure(KiteError(400, "InputException", "Invalid `api_key`."))
        text = _PAGE.format(
            api_key=html.escape(client.api_key),
            client=html.escape(client.client),
            redirect_params=html.escape(request.query.get("redirect_params", "")),
        )
        return web.Response(text=text, content_type="text/html")

    async def login(self, request: web.Request) -> web.StreamResponse:
        """POST /connect/login: send the browser back with a request token."""
        try:
            form = await read_form(request)
            client = self._redirected(form)
        except KiteError as error:
            return failure(error)
        raise web.HTTPFound(self._redirect(client, form.get("redirect_params", "")))

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /session/token"""
        try:
            form = await read_form(request)
            data, fault = await self._exchange(form)
        except KiteError as error:
            return failure(error)
        return success(data) if fault is None else await spoil(request, success(data), fault)

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """DELETE /session/token?api_key=..&access_token=.."""
        client = self.desk.clients.keyed(request.query.get("api_key", ""))
        token = request.query.get("access_token", "")
        if client is None or not self.desk.sessions.holds(client, token):
            return failure(token_error())
        self.desk.sessions.revoke(token)
        return success(True)

    def _redirected(self, form: Mapping[str, str]) -> Client:
        client = self.desk.clients.keyed(form.get("api_key", ""))
        if client is None or client.client != form.get("client"):
            raise input_error("Invalid `api_key`.")
        if not client.redirect_url:
            raise input_error("No redirect URL is registered for this `api_key`.")
        return client

    async def _exchange(self, form: Mapping[str, str]) -> tuple[dict[str, Any], Fault | None]:
        """Return the session, and the fault that spoils the reply; the request token is spent either way."""
        client = self._proved(form)
        await pause(self.desk.faults.delay_seconds(client=client.client, endpoint=ENDPOINT, symbol=""))
        session = self.desk.sessions.redeem(form.get("request_token", ""), client)
        if session is None:
            raise token_error("Token is invalid or has expired.")
        self.desk.ledger.append(Entry(event=Event.SESSION, broker=BROKER, client=client.client, message="issued"))
        fault = self.desk.faults.draw(_SPOILING, client=client.client, endpoint=ENDPOINT)
        return self._granted(client, session), fault

    def _proved(self, form: Mapping[str, str]) -> Client:
        """Return the client that knows its secret."""
        client = self.desk.clients.keyed(form.get("api_key", ""))
        if client is None or client.broker != BROKER:
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
            "login_time": stamp(self.desk.now()),
        }

    def _redirect(self, client: Client, params: str) -> str:
        fixed = {"request_token": self.desk.sessions.begin(client), "action": "login", "status": "success"}
        query = urlencode({**dict(parse_qsl(params)), **fixed})
        separator = "&" if urlsplit(client.redirect_url).query else "?"
        return f"{client.redirect_url}{separator}{query}"
