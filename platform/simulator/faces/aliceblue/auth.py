"""Sign-in in the browser, the exchange of its one-use code, and what has to be asked before a socket opens."""

import hashlib
import hmac
import secrets

from aiohttp import web

from simulator.clients import Client, Session
from simulator.faces.aliceblue.calls import AliceCounter, Call
from simulator.faces.aliceblue.ticker import OrderFeed, Ticker
from simulator.faces.aliceblue.wire import Row, as_json, fields_of, read_json, refusal
from simulator.faces.calls import FaceError
from simulator.faces.sign_in import SignInPage, granted, redeem

_OK: Row = {"Status": "OK"}


def sign_in_page(counter: AliceCounter) -> SignInPage:
    """Return /?appcode=..; the client's name comes back with the code, and no state."""
    return SignInPage(
        counter=counter,
        title="Alice Blue",
        key_name="appcode",
        code_name="authCode",
        returned=lambda client, asked: {"userId": client.client},
        refuse=lambda text: web.Response(status=400, text="Invalid app code"),
    )


class Auth:
    """The session endpoints."""

    def __init__(self, counter: AliceCounter, ticker: Ticker, orders: OrderFeed) -> None:
        self._counter = counter
        self._ticker = ticker
        self._orders = orders

    async def session(self, request: web.Request) -> web.StreamResponse:
        """POST /vendor/getUserDetails: nothing but checkSum = sha256(userId + authCode + apiSecret)."""
        try:
            given = str(fields_of(await read_json(request)).get("checkSum", ""))
            client, session = await self._opened(given)
        except FaceError as error:
            return as_json({"stat": "Not_ok", "emsg": error.message}, status=error.status)
        response = as_json({"stat": "Ok", "clientId": client.client, "userSession": session.token})
        return await granted(self._counter, request, client, response)

    async def end_socket(self, client: Client, call: Call) -> Row:
        """POST /profile/invalidateWsSess"""
        self._named(client, call)
        self._ticker.forget(client)
        return _OK

    async def announce_socket(self, client: Client, call: Call) -> Row:
        """POST /profile/createWsSess"""
        self._named(client, call)
        self._ticker.announce(client)
        return _OK

    async def order_token(self, client: Client, call: Call) -> Row:
        """GET /order-notify/ws/createWsToken"""
        token = secrets.token_hex(29)
        self._orders.expect(client, token)
        return {"orderToken": token}

    def _named(self, client: Client, call: Call) -> None:
        """Refuse a call about somebody else's socket."""
        if str(call.fields.get("userId", "")).upper() != client.client.upper() or call.fields.get("source") != "API":
            raise refusal("EC914")

    async def _opened(self, checksum: str) -> tuple[Client, Session]:
        wrong = FaceError("Invalid auth code", status=200)
        for code, name in self._counter.desk.sessions.waiting():
            client = self._counter.named(name)
            if client is not None and hmac.compare_digest(_checksum(client, code), checksum.lower()):
                return client, await redeem(self._counter, client, code, refusal=wrong)
        raise wrong


def _checksum(client: Client, code: str) -> str:
    return hashlib.sha256(f"{client.client}{code}{client.api_secret}".encode()).hexdigest()
