"""Sign-in in the browser, and the exchange of its one-use code for a token."""

import hashlib
import hmac
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from aiohttp import web

from simulator.clients import Client, Session, checksum_matches
from simulator.faces.desk import Desk
from simulator.faces.noren.calls import Counter, pause, spoil
from simulator.faces.noren.member import Member
from simulator.faces.noren.wire import NorenError, as_json, invalid, read_call
from simulator.faults import READ_FAULTS, FaultKind
from simulator.ledger import Entry, Event

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} (simulated)</title></head>
<body><main><h1>Simulated {title} login</h1>
<p>This stands in for the broker's login page: no password is asked.</p>
<form method="post" action="/{broker}/login">
<input type="hidden" name="key" value="{api_key}">
<label>Client <select name="client"><option>{client}</option></select></label>
<button type="submit">Log in</button></form></main></body></html>"""

ENDPOINT = "session.token"
_SPOILING = READ_FAULTS - {FaultKind.TOKEN_DEATH}


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints."""

    counter: Counter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @property
    def member(self) -> Member:
        """The broker."""
        return self.counter.member

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /?app_key=.. of the member's sign-in host."""
        client = self._keyed(request.query.get(self.member.login_key, ""))
        if client is None:
            return web.Response(status=400, text="Invalid App Key")
        text = _PAGE.format(
            title=html.escape(self.member.title),
            broker=self.member.broker,
            api_key=html.escape(client.api_key),
            client=html.escape(client.client),
        )
        return web.Response(text=text, content_type="text/html")

    async def login(self, request: web.Request) -> web.StreamResponse:
        """POST of the page: send the browser back with a one-use code, and with nothing else."""
        form = await request.post()
        client = self._keyed(str(form.get("key", "")))
        if client is None or client.client != form.get("client") or not client.redirect_url:
            return web.Response(status=400, text="Invalid App Key")
        query = urlencode({self.member.code_name: self.desk.sessions.begin(client), "client": client.client})
        separator = "&" if urlsplit(client.redirect_url).query else "?"
        raise web.HTTPFound(f"{client.redirect_url}{separator}{query}")

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /trade/apitoken, JSON: api_key, request_code, api_secret = sha256(api_key + request_code + secret)."""
        try:
            given = _json(await request.read())
            client, session = await self._redeemed(given)
        except NorenError as error:
            return as_json({"stat": "Not_Ok", "emsg": error.emsg}, status=error.status)
        response = as_json({"token": session.token, "client": client.client, "status": "Ok", "stat": "Ok", "emsg": ""})
        fault = self.desk.faults.draw(_SPOILING, client=client.client, endpoint=ENDPOINT)
        return response if fault is None else await spoil(self.counter, request, response, fault)

    async def access_token(self, request: web.Request) -> web.StreamResponse:
        """POST /GenAcsTok: the same for newer clients, checksum = sha256(api_key + secret + code)."""
        try:
            fields, _ = await read_call(request)
            client = self.desk.clients.named(fields.get("uid", ""))
            session = self._newer(fields, client)
        except NorenError as error:
            return as_json({"stat": "Not_Ok", "emsg": error.emsg}, status=error.status)
        named = {"USERID": session.client, "uid": session.client, "actid": session.client}
        tokens = dict.fromkeys(("access_token", "refresh_token", "susertoken"), session.token)
        return as_json({"stat": "Ok", **named, **tokens})

    async def _redeemed(self, given: Mapping[str, Any]) -> tuple[Client, Session]:
        client = self._keyed(str(given.get("api_key", "")))
        code = str(given.get("request_code", ""))
        checksum = str(given.get("api_secret", ""))
        if client is None or not checksum_matches(given=checksum, client=client, request_token=code):
            raise invalid("Invalid API key")
        await pause(self.desk.faults.delay_seconds(client=client.client, endpoint=ENDPOINT, symbol=""))
        return client, self._session(client, code)

    def _newer(self, fields: Mapping[str, str], client: Client | None) -> Session:
        code = fields.get("code", "")
        if client is None or client.broker != self.member.broker:
            raise invalid("Invalid User")
        text = f"{client.api_key}{client.api_secret}{code}"
        if not hmac.compare_digest(hashlib.sha256(text.encode()).hexdigest(), fields.get("checksum", "").lower()):
            raise invalid("Invalid checksum")
        return self._session(client, code)

    def _session(self, client: Client, code: str) -> Session:
        session = self.desk.sessions.redeem(code, client)
        if session is None:
            raise invalid("Invalid request code")
        broker = self.member.broker
        self.desk.ledger.append(Entry(event=Event.SESSION, broker=broker, client=client.client, message="issued"))
        return session

    def _keyed(self, api_key: str) -> Client | None:
        client = self.desk.clients.keyed(api_key)
        return client if client is not None and client.broker == self.member.broker else None


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid("not JSON") from None
    if not isinstance(given, dict):
        raise invalid("not JSON")
    return given
