"""What the platform needs to know of a broker without touching its wire: its SPEC, in the field's terms.

A difference between brokers is a field here or a method of the adapter, never an ``if`` on a name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.orders import OrderType, Product, Validity
from domain.venues import RUPEES, venue_of


class Capability(StrEnum):
    """What a broker may offer beyond orders and books; each is a small protocol in ``domain.broker``."""

    ORDER_HISTORY = "order history"
    TAG_LOOKUP = "lookup by tag"  # a query of its own; every broker's order book shows the tag
    HOLDINGS = "holdings"
    BASKET_MARGIN = "basket margin"
    QUOTES = "quotes"
    CANDLES = "candles"
    MARKET_FEED = "market feed"
    ORDER_STREAM = "order updates"
    POSTBACK = "postbacks"
    SIGN_OUT = "sign-out"
    REFRESH = "token refresh"


class QuantityUnit(StrEnum):
    """What quantity 1 means on the wire."""

    UNITS = "units"
    LOTS = "lots"


class SignInKind(StrEnum):
    """How a session begins."""

    NONE = "none"
    OAUTH = "oauth"  # the broker's page, which sends the browser back with a one-use code
    KEYS = "keys"  # keys, passwords or one-time codes sent by us
    BRIDGE = "bridge"  # a token of ours that a program at the client's side shows


class EgressScope(StrEnum):
    """Which calls must come from an address the broker knows."""

    NONE = "no call"
    ORDERS = "order calls"
    ALL = "every call"


class ErrorKind(StrEnum):
    """What a documented error proves. An answer no rule names is UNKNOWN."""

    REJECTED = "rejected"  # never accepted
    MARGIN = "margin"  # never accepted, for want of money
    RATE_LIMITED = "rate limit"  # never accepted; may be asked again later
    SESSION_LOST = "session"  # never accepted: the token is dead


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One line of a broker's list of proved non-acceptance.

    ``status`` is the HTTP status (``None``: any), ``code`` the broker's own ("" where it has none), ``message`` a
    regular expression its text must contain ("" for any). ``certain``: the text is documented whole, so that words
    which elsewhere mean doubt ("Unknown order sent.") mean none here.
    """

    kind: ErrorKind
    status: int | None
    code: str
    message: str = ""
    certain: bool = False

    def matches(self, *, status: int, code: str, message: str) -> bool:
        """Say whether an error falls under this rule."""
        return (
            self.status in (None, status)
            and self.code == code
            and (not self.message or re.search(self.message, message, re.IGNORECASE) is not None)
        )


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Calls per second per account the broker allows, and over longer spans where it says so; ours stay below.

    ``together`` are the calls of every kind a second, where the broker counts them as one. ``book_reads_per_half_hour``
    are the reads of each book by itself. ``books_seconds`` is how far apart reads of the order book must be, and reads
    of the trade book.
    """

    orders: int
    reads: int
    quotes: int
    candles: int = 1
    together: int | None = None
    orders_per_minute: int | None = None
    orders_per_half_hour: int | None = None
    orders_per_day: int | None = None
    reads_per_minute: int | None = None
    book_reads_per_half_hour: int | None = None
    books_seconds: int = 0


@dataclass(frozen=True, slots=True)
class EgressRule:
    """Addresses calls may come from: how many an account may register, and whether clients may share one."""

    scope: EgressScope = EgressScope.NONE
    addresses: int | None = None
    shared: bool = True


@dataclass(frozen=True, slots=True)
class CandleRule:
    """An interval the broker serves, and the longest span one request may ask for."""

    interval: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing an account holds for its sign-in, or to reach its broker.

    ``pattern`` is a regular expression the whole value must match ("": any text), ``lines`` says that it may have
    several lines, as a key in PEM does, and ``operators`` that it is theirs alone to write.
    """

    name: str
    label: str
    secret: bool = True
    required: bool = True
    help: str = ""
    pattern: str = ""
    lines: bool = False
    operators: bool = False

    def takes(self, value: str) -> bool:
        """Say whether a value may be kept: not every mistake shows here, the broker finds the others."""
        fits = not self.pattern or re.fullmatch(self.pattern, value) is not None
        return fits and len(value) <= LONGEST_CREDENTIAL and (self.lines or value.isprintable())


LONGEST_CREDENTIAL = 8000

PROXY = "proxy"
PROXY_INSIDE = "proxy_inside"
"""Nobody fills it in: it stands beside a proxy that may be on our own network, because an operator named it."""

WAY_OUT = (
    CredentialField(
        PROXY,
        "Proxy",
        required=False,
        pattern=r"https?://([^\s/@:]+:[^\s/@]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?",
        help="Where the broker must know the account by another address than ours: http://user:password@host:port",
    ),
    CredentialField(
        "local_address",
        "Source address",
        secret=False,
        required=False,
        operators=True,
        pattern=r"[0-9A-Fa-f.:]{2,45}",
        help="One of this machine's own addresses, which the account's calls then come from.",
    ),
)
"""How an account's calls leave this machine, for every broker we call."""


class SignInDenied(ValueError):
    """The browser came back from the broker's page without a usable code."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How an account signs in, for the pages that ask and the workers that do it.

    ``user_must`` tells a person what to do at the broker first. ``code_names`` are the query names the one-use code may
    come back under, ``longest_code`` how long it may be. ``success`` is a (name, value) pair the query must hold too.
    ``client_name`` is the query name that says who signed in, where the exchange of the code needs it: the code is then
    handed on as ``client:code``.
    ``callback_field`` is the credential that is our own callback address, where the broker wants to be told of it ("":
    it does not): nobody types it.
    ``returns_state`` says whether the broker hands our state back; where not, the state travels in the browser's own
    session. ``unattended`` says whether the broker lets a program sign in with what the account holds.
    """

    kind: SignInKind = SignInKind.NONE
    fields: tuple[CredentialField, ...] = ()
    user_must: str = ""
    code_names: tuple[str, ...] = ()
    longest_code: int = 2000
    success: tuple[str, str] | None = None
    client_name: str = ""
    callback_field: str = ""
    returns_state: bool = True
    unattended: bool = False

    def code_of(self, query: Mapping[str, str]) -> str:
        """Return the one-use code of a callback's query; raises ``SignInDenied``."""
        if self.success is not None and query.get(self.success[0]) != self.success[1]:
            raise SignInDenied("the broker did not report success")
        codes = [query[name] for name in self.code_names if query.get(name)]
        if not codes or len(codes[0]) > self.longest_code or not re.fullmatch(r"[\x21-\x7e]+", codes[0]):
            raise SignInDenied("the broker sent no usable code")
        return f"{self._client_of(query)}{codes[0]}"

    def _client_of(self, query: Mapping[str, str]) -> str:
        if not self.client_name:
            return ""
        client = query.get(self.client_name, "")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", client):
            raise SignInDenied("the broker did not say who signed in")
        return f"{client}:"


@dataclass(frozen=True, slots=True)
class BrokerSpec:
    """A broker's names and limits.

    ``exchanges`` are the segments orders may go to, ``quantity_in_lots`` those whose quantities count lots, also where
    contracts are only shown and no order may go. ``refuses`` lists (exchange, product, order type or validity) the
    broker has in general but not there. ``token_expires_at`` is
    the hour (IST) at which every token dies, ``token_lasts`` how long one lives at most; where ``token_says_expiry``
    the token's own word counts too. ``one_socket``: a session has one socket only, so an account that lends it to the
    market feed cannot trade. ``tag_field`` and ``tag_shown_as`` are the broker's names for our tag when placed
    and in the book, ``algo_field`` its name for the exchange's algo id ("": it takes none), ``algo_length`` how long
    one may be. ``autoslice`` is into how many orders the broker may cut one above the freeze quantity (0: never).
    ``errors`` is the allow-list of proved non-acceptance, first match wins. ``not_verified`` lists the facts nobody
    could check. ``currency`` is what an account's funds, profits and charges are in: it trades contracts of that
    currency only. ``open_orders`` is how many orders of one contract may rest at once (``None``: no such limit).
    ``reduces_only``: an order that says ``reduce_only`` is refused where it would open or turn a position; elsewhere
    the word does not reach the broker.
    ``book_of_session``: the order book forgets at a sign-in what was executed before it, which the trade book alone
    then shows.
    """

    slug: str
    name: str
    exchanges: frozenset[str]
    tag_length: int
    quantity_in_lots: frozenset[str]
    limits: RateLimits
    max_modifications: int
    token_expires_at: time | None
    resend_wait_seconds: int
    feed_symbols_per_socket: int
    feed_sockets: int
    quote_batch: int
    supports_market: bool
    brokerage_per_order: Decimal = Decimal(20)
    brokerage_rate_futures: Decimal = Decimal("0.0003")
    products: frozenset[Product] = frozenset(Product)
    order_types: frozenset[OrderType] = frozenset(OrderType)
    validities: frozenset[Validity] = frozenset(Validity)
    refuses: frozenset[tuple[str, Product | OrderType | Validity]] = frozenset()
    tag_field: str = ""
    tag_shown_as: str = ""
    tag_digits_only: bool = False
    algo_field: str = ""
    algo_length: int = 20
    autoslice: int = 0
    egress: EgressRule = EgressRule()
    token_lasts: timedelta | None = None
    token_says_expiry: bool = False
    one_socket: bool = False
    sign_in: SignIn = SignIn()
    offers: frozenset[Capability] = frozenset()
    candles: tuple[CandleRule, ...] = ()
    errors: tuple[ErrorRule, ...] = ()
    not_verified: tuple[str, ...] = ()
    currency: str = RUPEES
    open_orders: int | None = None
    book_of_session: bool = False
    reduces_only: bool = False

    @property
    def credential_fields(self) -> tuple[str, ...]:
        """Names of the credentials an account cannot do without."""
        return tuple(field.name for field in self.sign_in.fields if field.required)

    @property
    def asked_fields(self) -> tuple[CredentialField, ...]:
        """Everything a person may write for an account, the required fields first."""
        ways = WAY_OUT if self.sign_in.kind in (SignInKind.OAUTH, SignInKind.KEYS) else ()
        return tuple(sorted((*self.sign_in.fields, *ways), key=lambda field: not field.required))

    @property
    def never_closes(self) -> bool:
        """Whether every market of the broker trades around the clock: no hour is too early to sign in."""
        return all(venue_of(exchange).never_closes for exchange in self.exchanges)

    def quantity_unit(self, exchange: str) -> QuantityUnit:
        """Return what quantity 1 means in orders on an exchange."""
        return QuantityUnit.LOTS if exchange in self.quantity_in_lots else QuantityUnit.UNITS

    def takes(self, exchange: str, *words: Product | OrderType | Validity) -> bool:
        """Say whether orders with these words may go to an exchange; instruments may narrow it further."""
        offered = self.products | self.order_types | self.validities
        return exchange in self.exchanges and all(
            word in offered and (exchange, word) not in self.refuses for word in words
        )

    def product_for(self, exchange: str, wanted: Product) -> Product | None:
        """Return what orders meant as ``wanted`` go out as on an exchange, ``None`` where the broker has nothing.

        Where there is no intraday product they are carried: then only our own square-off ends the position's day.
        """
        carried = (Product.NRML, Product.CNC) if wanted is Product.MIS else ()
        return next((one for one in (wanted, *carried) if self.takes(exchange, one)), None)

    def is_tag(self, text: str) -> bool:
        """Say whether the broker takes this as our tag."""
        fits = 0 < len(text) <= self.tag_length and text.isascii()
        return fits and (_is_number(text) if self.tag_digits_only else text.isalnum())


def _is_number(text: str) -> bool:
    """Noughts before a number are lost where a broker keeps it as one."""
    return text.isdigit() and not text.startswith("0")
