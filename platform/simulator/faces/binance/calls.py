"""How Binance knows its callers, weighs their calls, and words what happens at every broker."""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from simulator.clients import Client
from simulator.faces.binance.limits import ORDER, WEIGHT, WINDOWS
from simulator.faces.binance.wire import BinanceError, failure, illegal, mandatory, stamp, success
from simulator.faces.calls import Counter, FaceError, Handler, Read
from simulator.faces.desk import Desk
from simulator.faces.limits import CallLimits, Excess

BROKER = "binance"
ANONYMOUS = Client(client="", api_key="", api_secret="", broker=BROKER)
"""Whoever asks for what is everybody's."""

_LONGEST_WINDOW = 60_000
_AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says: its parameters (those of the query win), and the text its signature is over."""

    key: str
    params: Mapping[str, str] = field(default_factory=dict)
    signed: str = field(default="", repr=False)

    def text(self, name: str) -> str:
        """Return a parameter that must be there; raises ``FaceError``."""
        if not self.params.get(name):
            raise mandatory(name)
        return self.params[name]

    def whole(self, name: str, *, default: int | None = None) -> int:
        """Return a whole number; raises ``FaceError``."""
        text = self.params.get(name) or ("" if default is None else str(default))
        if not text:
            raise mandatory(name)
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise illegal(name, "^[0-9]{1,20}$")
        return int(text)


class BinanceCounter(Counter[Asked]):
    """Where signed calls are checked and spoilt."""

    broker = BROKER
    half = b'{"symbol":"BTCUSDT","orderId":'
    spans: Sequence[str] = ("10S", "1D")
    """What orders are counted over, in the names of headers."""

    def __init__(self, desk: Desk, limits: CallLimits | None = None, *, dead: dict[str, Client] | None = None) -> None:
        super().__init__(desk, limits or CallLimits(WINDOWS, switch=desk.limits))
        self.dead: dict[str, Client] = {} if dead is None else dead
        """Clients whose key was deleted: it is one for all markets."""

    def reading(self, read: Read[Asked], *, name: str, bucket: str | None = None) -> Handler:
        """Wrap a read; its reply tells what the minute's calls weighed."""
        handle = super().reading(read, name=name, bucket=bucket)

        async def weighed(request: web.Request) -> web.StreamResponse:
            response = await handle(request)
            self.show_weight(request, response)
            return response

        return weighed

    def show_weight(self, request: web.Request, response: web.StreamResponse) -> None:
        """Tell how much of the minute's weight the caller has used."""
        client = self.keyed(request.headers.get("X-MBX-APIKEY", ""))
        (used,) = self.limits.used(who=client.client if client else "", bucket=WEIGHT, now=time.time())
        if not response.prepared:
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(used)

    def show_orders(self, request: web.Request, response: web.StreamResponse) -> None:
        """Tell how many new orders the caller has sent, beside one that was taken."""
        client = self.keyed(request.headers.get("X-MBX-APIKEY", ""))
        if client is not None and response.status == web.HTTPOk.status_code and not response.prepared:
            used = self.limits.used(who=client.client, bucket=ORDER, now=time.time())
            for span, count in zip(self.spans, used, strict=True):
                response.headers[f"X-MBX-ORDER-COUNT-{span}"] = str(count)

    async def asked(self, request: web.Request) -> Asked:
        """Read query and body as they were sent; one that cannot be read is signed by nobody."""
        query = request.raw_path.partition("?")[2]
        try:
            body = (await request.read()).decode("ascii")
        except UnicodeDecodeError:
            body = ""
        params = dict(parse_qsl(body, keep_blank_values=True)) | dict(parse_qsl(query, keep_blank_values=True))
        signed = _unsigned(query) + _unsigned(body)
        return Asked(request.headers.get("X-MBX-APIKEY", ""), params, signed)

    def client(self, asked: Asked) -> Client:
        """Return whose call it is: the key's, if the secret signed it and it is not out of time."""
        client = self.alive(asked.key)
        self.prove(client, asked.params, asked.signed)
        return client

    def alive(self, key: str) -> Client:
        """Return the client of a key that lives; raises ``FaceError``."""
        if not key:
            raise BinanceError(-2014, "API-key format invalid.", status=401)
        client = self.keyed(key)
        if client is None or self.dead.get(client.client) is client:
            raise self.session_lost()
        return client

    def prove(self, client: Client, params: Mapping[str, str], signed: str) -> None:
        """Check a signature and its time; raises ``FaceError``."""
        asked = Asked(client.api_key, params)
        window, given = _window(asked), asked.whole("timestamp")
        if window > _LONGEST_WINDOW:
            raise BinanceError(-1131, "recvWindow must be less than 60000")
        expected = hmac.new(client.api_secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(asked.text("signature").lower(), expected):
            raise BinanceError(-1022, "Signature for this request is not valid.")
        now = stamp(self.desk.now())
        if given >= now + _AHEAD:
            raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - given > window:
            raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")

    def kill_sessions(self, client: Client) -> None:
        """Delete a client's key; registering the client again gives it back."""
        self.dead[client.client] = client
        self.note_session(client, "killed by a fault")

    def count(self, client: Client, bucket: str) -> None:
        """Count a call's weight, or raise the refusal of one too many."""
        bucket, weight = (WEIGHT, int(bucket)) if bucket.isdigit() else (bucket, 1)
        excess = self.limits.take(who=client.client, bucket=bucket, now=time.time(), calls=weight)
        if excess is not None:
            raise self.too_many(excess)

    def success(self, data: Any) -> web.Response:
        """Return a result."""
        return success(data)

    def failure(self, error: FaceError) -> web.Response:
        """Return an error."""
        return failure(error)

    def session_lost(self) -> FaceError:
        """A key nobody has (any more)."""
        return BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)

    def too_many(self, excess: Excess) -> FaceError:
        """A limit is used up."""
        most, span = excess.window.calls, excess.window.name
        if excess.bucket == ORDER:
            return BinanceError(-1015, f"Too many new orders; current limit is {most} orders per {span}.", status=429)
        return BinanceError(-1003, self.too_heavy(most, span), status=429)

    def too_heavy(self, most: int, span: str) -> str:
        """Word that calls weighed more than ``most`` within a span."""
        return f"Too much request weight used; current limit is {most} request weight per {span}."

    def unavailable(self, status: int) -> FaceError:
        """Binance's own servers fail."""
        text = "Internal error; unable to process your request. Please try again."
        return BinanceError(-1001, text, status=status)

    def timed_out(self) -> FaceError:
        """Something behind the gateway did not answer in time."""
        text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
        return BinanceError(-1007, text)

    def unknown_path(self, status: int) -> FaceError:
        """Nothing at this address, or not by this method."""
        return BinanceError(-1020, "This operation is not supported.", status=status)


class PublicCounter(BinanceCounter):
    """Where calls are weighed that nobody has to sign."""

    half = b'[{"symbol":"BTCUSDT","lastPri'

    def client(self, asked: Asked) -> Client:
        """It is nobody's in particular."""
        return ANONYMOUS


def _window(asked: Asked) -> float:
    """Return the recvWindow: milliseconds, of which Binance takes three decimals."""
    text = asked.params.get("recvWindow") or "5000"
    if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,3})?", text):
        raise illegal("recvWindow", r"^[0-9]{1,10}(\.[0-9]{1,3})?$")
    return float(text)


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
