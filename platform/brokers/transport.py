"""One HTTP exchange with a broker: sent once, answered whole, or a failure that proves nothing.

No retries (the library's own, on a dropped keep-alive connection, included), no redirects followed, bodies
bounded.
"""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from brokers.outside import OutsideResolver
from domain.broker import BrokerUnavailable, Credentials
from domain.broker_spec import PROXY, PROXY_INSIDE

ORDER_BODY_LIMIT = 1_000_000
BOOK_BODY_LIMIT = 32_000_000
MASTER_BODY_LIMIT = 128_000_000
CONNECT_SECONDS = 2.0

KEEP_ALIVE_SECONDS = 60.0
"""Longer than accounts wait between reads, so that a wave finds its connections open; shorter than servers wait."""

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What goes on the wire. ``query`` may repeat a name; at most one body: ``form`` is sent url-encoded, ``json``
    encoded, ``text`` as it is. ``is_quoted``: the URL goes out as it is written, nothing in it is quoted again."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: object = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What came back, whole and decompressed. ``retry_after``: the seconds its header asks to wait."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    retry_after: float | None = None


class WireFailure(Exception):
    """No whole answer came. It never proves that the request was not served.

    ``code`` is TIMEOUT, NO_CONNECTION, DROPPED, OVERSIZE or GARBLED.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def as_unavailable(self, broker: str) -> BrokerUnavailable:
        """The same as a failed read."""
        return BrokerUnavailable(self.code, f"{broker}: {self.message}")


@dataclass(frozen=True, slots=True)
class Egress:
    """How an account leaves this machine: a proxy or a local address, where its broker knows it by its IP."""

    proxy: str | None = None
    local_address: str | None = None
    may_stay_inside: bool = False  # the proxy's name may be one of our own network

    @classmethod
    def of(cls, credentials: Credentials) -> "Egress":
        """Read the account's optional ``proxy`` and ``local_address`` fields."""
        return cls(
            proxy=credentials.fields.get(PROXY) or None,
            local_address=credentials.fields.get("local_address") or None,
            may_stay_inside=bool(credentials.fields.get(PROXY_INSIDE)),
        )

    @property
    def is_guarded(self) -> bool:
        """Whether only public addresses may be connected to."""
        return self.proxy is not None and not self.may_stay_inside


def shared_connector() -> aiohttp.TCPConnector:
    """Return a pool for all accounts of a process: no cap, because a wave must not queue behind itself.

    Call it inside the running loop; whoever made it closes it.
    """
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, ttl_dns_cache=300)


class Wire:
    """The HTTP side of one account: its own session over the process's pool, opened at the first call."""

    def __init__(
        self, *, timeout: float, connector: aiohttp.BaseConnector | None = None, egress: Egress = Egress()
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=timeout, connect=min(CONNECT_SECONDS, timeout), sock_connect=min(CONNECT_SECONDS, timeout)
        )
        self._shared = connector if egress.local_address is None and not egress.is_guarded else None
        self._egress = egress
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: WireRequest, *, limit: int) -> WireAnswer:
        """Send once and return the whole answer; raises ``WireFailure`` for everything else.

        ``limit`` bounds the decompressed body in bytes.
        """
        try:
            return await self._exchange(request, limit)
        except TimeoutError as error:
            raise WireFailure("TIMEOUT", f"no answer within {self._timeout.total} s") from error
        except aiohttp.ClientConnectorError as error:
            raise WireFailure("NO_CONNECTION", str(error)) from error
        except aiohttp.ClientResponseError as error:
            # Its own text tells the whole address, which may hold a token, or the proxy's with its password.
            raise WireFailure("GARBLED", f"the answer is not HTTP: {error.status} {error.message}") from None
        except (aiohttp.ClientPayloadError, HttpProcessingError) as error:
            raise WireFailure("GARBLED", f"the answer is not HTTP: {error}") from error
        except (aiohttp.ClientError, OSError, EOFError) as error:
            raise WireFailure("DROPPED", f"the connection was lost: {error}") from error
        except (ValueError, zlib.error) as error:
            raise WireFailure("GARBLED", f"the exchange could not be read: {error}") from error

    async def read(self, request: WireRequest, *, broker: str, limit: int) -> WireAnswer:
        """Send once like ``send``; raises ``BrokerUnavailable``, which a read may."""
        try:
            return await self.send(request, limit=limit)
        except WireFailure as failure:
            raise failure.as_unavailable(broker) from failure

    async def socket(
        self,
        url: str,
        *,
        heartbeat: float,
        max_message: int,
        headers: Mapping[str, str] | None = None,
        autoping: bool = True,
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket; without ``autoping`` the other side's pings are messages, for the caller to answer.

        Raises ``aiohttp.ClientError``, ``OSError`` or ``TimeoutError``.
        """
        async with asyncio.timeout(self._timeout.total):
            return await self._opened().ws_connect(
                url,
                headers=headers,
                proxy=self._egress.proxy,
                heartbeat=heartbeat,
                max_msg_size=max_message,
                autoping=autoping,
            )

    async def aclose(self) -> None:
        """Close the session; a shared pool stays open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, request: WireRequest, limit: int) -> WireAnswer:
        async with self._opened().request(
            request.method,
            URL(request.url, encoded=request.is_quoted),
            headers=request.headers,
            params=request.query or None,
            data=request.form if request.text is None else request.text.encode(),
            json=request.json,
            allow_redirects=False,
            proxy=self._egress.proxy,
        ) as response:
            body = await _read(response, limit)
            return WireAnswer(
                status=response.status,
                body=body,
                content_type=response.headers.get("Content-Type", ""),
                retry_after=_seconds(response.headers.get("Retry-After", "")),
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = self._open()
        return self._session

    def _open(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=self._shared or self._own_connector(),
            connector_owner=self._shared is None,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # aiohttp sends PUT and DELETE again when a kept-alive connection drops: a modify or cancel goes once.
        session._retry_connection = False
        return session

    def _own_connector(self) -> aiohttp.TCPConnector:
        address = self._egress.local_address
        return aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ttl_dns_cache=300,
            local_addr=(address, 0) if address else None,
            resolver=OutsideResolver() if self._egress.is_guarded else None,
        )


def _seconds(text: str) -> float | None:
    """Read a Retry-After in seconds (RFC 9110, 10.2.3); its other form, a date, is not used by any broker known."""
    return float(text) if text.strip().isascii() and text.strip().isdigit() else None


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > limit:
            response.close()
            raise WireFailure("OVERSIZE", f"the answer is longer than {limit} bytes")
        parts.append(part)
    return b"".join(parts)
