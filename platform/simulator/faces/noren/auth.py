"""Sign-in in the browser, and the exchange of its one-use code for a token."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from simulator.clients import Client, Session, checksum_matches
from simulator.faces.calls import FaceError
from simulator.faces.noren.calls import NorenCounter
from simulator.faces.noren.wire import Fields, as_json, invalid, read_call
from simulator.faces.sign_in import SignInPage, granted, redeem


def sign_in_page(counter: NorenCounter) -> SignInPage:
    """Return /?app_key=.. of the member's sign-in host; the client's name comes back with the code, and no state."""
    return SignInPage(
        counter=counter,
        title=counter.member.title,
        key_name=counter.member.login_key,
        code_name=counter.member.code_name,
        returned=lambda client, asked: {"client": client.client},
        refuse=lambda text: web.Response(status=400, text="Invalid App Key"),
    )


@dataclass(frozen=True, slots=True)
class Auth:
    """The session endpoints."""

    counter: NorenCounter

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /trade/apitoken, JSON: api_key, request_code, api_secret = sha256(api_key + request_code + secret)."""
        try:
            given = _json(await request.read())
            client = self._proved(given)
            session = await self._session(client, str(given.get("request_code", "")))
        except FaceError as error:
            return _refused(error)
        response = as_json({"token": session.token, "client": client.client, "status": "Ok", "stat": "Ok", "emsg": ""})
        return await granted(self.counter, request, client, response)

    async def access_token(self, request: web.Request) -> web.StreamResponse:
        """POST /GenAcsTok: the same for newer clients, checksum = sha256(api_key + secret + code)."""
        try:
            fields, _ = await read_call(request)
            client = self._proved_newly(fields)
            session = await self._session(client, fields.get("code", ""))
        except FaceError as error:
            return _refused(error)
        named = dict.fromkeys(("USERID", "uid", "actid"), client.client)
        tokens = dict.fromkeys(("access_token", "refresh_token", "susertoken"), session.token)
        return await granted(self.counter, request, client, as_json({"stat": "Ok", **named, **tokens}))

    async def _session(self, client: Client, code: str) -> Session:
        return await redeem(self.counter, client, code, refusal=invalid("Invalid request code"))

    def _proved(self, given: Mapping[str, Any]) -> Client:
        client = self.counter.keyed(str(given.get("api_key", "")))
        code, checksum = str(given.get("request_code", "")), str(given.get("api_secret", ""))
        if client is None or not checksum_matches(given=checksum, client=client, request_token=code):
            raise invalid("Invalid API key")
        return client

    def _proved_newly(self, fields: Fields) -> Client:
        client = self.counter.named(fields.get("uid", ""))
        if client is None:
            raise invalid("Invalid User")
        text = f"{client.api_key}{client.api_secret}{fields.get('code', '')}"
        if not hmac.compare_digest(hashlib.sha256(text.encode()).hexdigest(), fields.get("checksum", "").lower()):
            raise invalid("Invalid checksum")
        return client


def _refused(error: FaceError) -> web.Response:
    return as_json({"stat": "Not_Ok", "emsg": error.message}, status=error.status)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid("not JSON") from None
    if not isinstance(given, dict):
        raise invalid("not JSON")
    return given
