"""What a broker brings to the contract: how its face is used, and samples in its own formats."""

import gzip
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aiohttp import web

from domain.broker import BrokerSpec, Endpoint, Verdict
from domain.orders import OrderRequest, OrderStatus, OrderType
from tests.brokers.contract.contracts import Contract as Contract
from tests.brokers.contract.stage import INDIA, Stage

if TYPE_CHECKING:
    from brokers.connect import Desk
    from tests.brokers.contract.bench import Bench


@dataclass(frozen=True, slots=True)
class Sample:
    """A documented answer to an order call, and what it proves."""

    name: str
    status: int
    body: bytes
    verdict: Verdict
    is_margin: bool = False
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of an order book as the broker would show it; quantities in its own count."""

    order_id: str
    status: str
    quantity: int = 65
    filled: int = 0
    order_type: OrderType = OrderType.LIMIT
    tag: str = "VAYDA000000000000001"


@dataclass(frozen=True, slots=True)
class Status:
    """A status the broker documents and what it means; ``filled`` of 65."""

    raw: str
    expected: OrderStatus
    filled: int = 0
    order_type: OrderType = OrderType.LIMIT


@dataclass(frozen=True, slots=True)
class File:
    """A file of the instrument master."""

    body: bytes
    content_type: str = "text/csv"


HERE = b"http://here.invalid"
"""Stands in a master's files for the address of the server that serves them."""

Spoil = Callable[[File], File]


def _body(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda file: replace(file, body=change(file.body))


CSV_UNUSABLE: Mapping[str, Spoil] = {
    "empty": _body(lambda body: b""),
    "header only": _body(lambda body: body.splitlines(keepends=True)[0]),
    "no header": _body(lambda body: body.split(b"\n", 1)[1]),
    "missing column": _body(lambda body: b"renamed" + body.lstrip()[body.lstrip().index(b",") :]),
    "invalid UTF-8": _body(lambda body: body.replace(b"NIFTY", b"NIF\xff\xfe", 1)),
    "proxy page": lambda file: File(b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    "cut gzip": _body(lambda body: gzip.compress(body)[:-20]),
}
"""What is no instrument master at all, for brokers whose master is CSV."""


@dataclass(frozen=True, slots=True)
class FeedSample:
    """Messages of a market socket: one whole with ``ticks`` ticks, and broken ones that carry none."""

    whole: bytes | str
    ticks: int
    broken: Sequence[bytes | str]


@dataclass(frozen=True, slots=True)
class Member:
    """One broker under the contract.

    ``register`` returns the fields of ``POST /control/clients`` for a client's name, ``fields`` its credentials.
    ``code`` brings what a person's sign-in would bring back (``None``: the broker signs in without a person);
    ``browse`` follows the broker's page as a browser would and returns the query it is sent back with; ``denied`` are
    queries of a sign-in that failed. ``book`` and ``placed`` write the broker's answers. ``master`` writes contracts
    in the broker's format by path (with the query where there is no file), ``unusable`` spoils one, ``symbols`` names
    the contracts. ``greet`` is the socket's server side of a handshake, ``before_socket`` answers the calls that come
    before it where there are any. ``secret`` is what postbacks are verified with. ``long_listing``: the live contracts
    take hundreds of calls, and are read once for all cases. ``token`` is what an account is signed in with whose broker
    is a server of the case's own. ``quotes_by_key``: quotes go by the application's key, whatever becomes of the
    session. ``late_refusals`` names cases whose refusal has an order id by documentation and shows in the
    book. ``reasons`` says why a case proves nothing here.

    ``part`` tells the members of one broker apart, each an exchange of its own. ``stage`` is what is traded. ``taken``
    writes the answer to a place where it repeats more of the order than its id, ``order_id`` is what the adapter calls
    the order of such an answer. ``client_name`` names a client by number.
    ``session_endpoint`` is what a sign-in's faults go by, ``renew`` gives a client whose token died what the next
    sign-in needs. ``public_data``: quotes, candles and prices are everybody's, without a session. ``unfilled`` is how
    an IOC order ends that found nothing.

    A broker that calls us has a ``desk`` for each client; ``stub_desk`` is one whose calls bring what a case's server
    says, within ``stub_seconds``; ``stranger`` lets a client's terminal call in another's name.
    """

    spec: BrokerSpec
    endpoint: Callable[[str], Endpoint]
    register: Callable[[str], Mapping[str, object]]
    fields: Callable[[str], Mapping[str, str]]
    code: "Callable[[Bench, str], Awaitable[str]] | None"
    browse: "Callable[[Bench, str, str], Awaitable[Mapping[str, str]]] | None"
    denied: Sequence[Mapping[str, str]]
    errors: Sequence[Sample]
    statuses: Sequence[Status]
    book: Callable[[Sequence[Shown]], bytes]
    placed: Callable[[str], bytes]
    master: Callable[[Sequence[Contract]], Mapping[str, File]]
    symbols: Mapping[str, str]
    greet: Callable[[web.WebSocketResponse], Awaitable[None]]
    feed: FeedSample
    before_socket: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    late_refusals: frozenset[int] = frozenset()
    unusable: Mapping[str, Spoil] = field(default_factory=lambda: CSV_UNUSABLE)
    secret: Callable[[str], str] = field(default=lambda name: "")
    long_listing: bool = False
    token: Callable[[str], str] = field(default=lambda base: "stub-token")
    quotes_by_key: bool = False
    reasons: Mapping[int, str] = field(default_factory=dict)
    part: str = ""
    stage: Stage = INDIA
    taken: Callable[[str, OrderRequest], bytes] | None = None
    order_id: Callable[[str, OrderRequest], str] = field(default=lambda order_id, wish: order_id)
    client_name: Callable[[int], str] | None = None
    session_endpoint: str = "session.token"
    renew: "Callable[[Bench, str], Awaitable[object]] | None" = None
    public_data: bool = False
    unfilled: OrderStatus = OrderStatus.CANCELLED
    desk: "Callable[[Bench, str], Awaitable[Desk]] | None" = None
    stub_desk: "Callable[[Bench, str], Awaitable[Desk]] | None" = None
    stub_seconds: float = 0.5
    stranger: "Callable[[Bench, str, str], Awaitable[None]] | None" = None

    @property
    def slug(self) -> str:
        """The broker's name in code."""
        return self.spec.slug

    @property
    def column(self) -> str:
        """The member's name in code."""
        return f"{self.slug}-{self.part.lower()}" if self.part else self.slug

    @property
    def title(self) -> str:
        """The member's name for people."""
        return f"{self.spec.name} {self.part}".strip()

    def name_of(self, number: int) -> str:
        """Return a client's name."""
        return self.client_name(number) if self.client_name else f"{self.slug[:4].upper()}{number:05d}"

    def answer(self, order_id: str, wish: OrderRequest) -> bytes:
        """Return the broker's answer to an order that was taken."""
        return self.taken(order_id, wish) if self.taken else self.placed(order_id)
