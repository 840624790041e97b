"""Sign-in in the browser: one page for every broker, and the one-use code it sends the browser back with."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from simulator.clients import Client, Session
from simulator.faces.calls import Counter, FaceError
from simulator.faults import READ_FAULTS, FaultKind

ENDPOINT = "session.token"

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} (simulated)</title></head>
<body><main><h1>Simulated {title} login</h1>
<p>This stands in for the broker's login page: no password is asked.</p>
<form method="post" action="{action}">
{asked}
<label>Client <select name="client"><option>{client}</option></select></label>
<button type="submit">Log in</button></form></main></body></html>"""
_HIDDEN = '<input type="hidden" name="{name}" value="{value}">'
_SPOILING = READ_FAULTS - {FaultKind.TOKEN_DEATH}

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SignInPage:
    """A broker's page: GET shows it, and POST of the same address sends the browser back.

    ``key_name`` is the query name of the application key, ``code_name`` the one the code comes back under.
    ``returned`` says what else comes back, of the client and of the query the page was opened with; ``refuse`` words
    the refusal of a key that is not known or has nowhere to go back to.
    """

    counter: Counter[Any]
    title: str
    key_name: str
    code_name: str
    returned: Callable[[Client, Query], Query]
    refuse: Callable[[str], web.Response]

    def mount(self, app: web.Application, *paths: str) -> None:
        """Put the page at its addresses."""
        for path in paths:
            app.router.add_get(path, self.show)
            app.router.add_post(path, self.send_back)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Answer GET with a form that carries the whole query on."""
        client = self.counter.keyed(request.query.get(self.key_name, ""))
        if client is None:
            return self.refuse(f"Invalid `{self.key_name}`.")
        text = _PAGE.format(
            title=html.escape(self.title),
            action=html.escape(request.path),
            asked="\n".join(map(_hidden, request.query.items())),
            client=html.escape(client.client),
        )
        return web.Response(text=text, content_type="text/html")

    async def send_back(self, request: web.Request) -> web.StreamResponse:
        """Answer POST with a redirect that has the code."""
        try:
            form = {name: str(value) for name, value in (await request.post()).items()}
        except (ValueError, LookupError):
            return self.refuse("The request body is not a readable form.")
        client = self.counter.keyed(form.get(self.key_name, ""))
        if client is None or client.client != form.get("client"):
            return self.refuse(f"Invalid `{self.key_name}`.")
        if not client.redirect_url:
            return self.refuse(f"No redirect URL is registered for this `{self.key_name}`.")
        raise web.HTTPFound(self._back(client, form))

    def _back(self, client: Client, form: Query) -> str:
        code = {self.code_name: self.counter.desk.sessions.begin(client)}
        query = urlencode({**self.returned(client, form), **code})
        separator = "&" if urlsplit(client.redirect_url).query else "?"
        return f"{client.redirect_url}{separator}{query}"


def with_state(client: Client, asked: Query) -> Query:
    """Hand the ``state`` back, where one was sent."""
    return {"state": asked["state"]} if "state" in asked else {}


async def redeem(counter: Counter[Any], client: Client, code: str, *, refusal: FaceError) -> Session:
    """Turn a one-use code into a session as fast as the faults let; raises ``refusal`` for a code that is not good."""
    await counter.wait(client, endpoint=ENDPOINT)
    session = counter.desk.sessions.redeem(code, client)
    if session is None:
        raise refusal
    counter.note_session(client, "issued")
    return session


async def open_session(counter: Counter[Any], client: Client, *, token: str = "") -> Session:
    """Give a session to a client that proved itself without a page; ``token`` where both sides made it."""
    await counter.wait(client, endpoint=ENDPOINT)
    counter.note_session(client, "issued")
    return counter.desk.sessions.open(client, token=token)


async def granted(
    counter: Counter[Any], request: web.Request, client: Client, response: web.Response
) -> web.StreamResponse:
    """Return the reply that carries a session, or what a fault makes of it: the code is spent either way."""
    fault = counter.desk.faults.draw(_SPOILING, client=client.client, endpoint=ENDPOINT)
    return response if fault is None else await counter.spoil(request, response, fault)


def _hidden(item: tuple[str, str]) -> str:
    return _HIDDEN.format(name=html.escape(item[0]), value=html.escape(item[1]))
