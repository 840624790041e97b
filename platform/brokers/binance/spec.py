"""Names and limits of Binance's spot REST API v3 (https://developers.binance.com/docs/binance-spot-api-docs)."""

from datetime import timedelta

from domain.broker import BrokerSpec, Endpoint, RateLimits
from domain.broker_spec import (
    CandleRule,
    Capability,
    CredentialField,
    EgressRule,
    EgressScope,
    ErrorKind,
    ErrorRule,
    SignIn,
    SignInKind,
)
from domain.orders import OrderType, Product, Validity

SPOT = "BINANCE"
PAIRS = "BTCUSDT ETHUSDT"
"""The pairs of an account that names none."""

_SHORTAGE = r"insufficient balance"
_BEFORE_THE_BOOK = (
    r"market is closed|not support|unsupported|zero or less|exceeds|disabled|may not place|would trigger immediately"
    r"|immediately match|relationship of the prices|not enabled"
)
"""What -2010 says of orders that never reached the book. "Duplicate order sent." is left out: there is one then."""

_UNKNOWN_ORDER = r"^Unknown order sent\.$"
_INVALID = (
    *("-1013", "-1014", "-1020", "-1021", "-1022", "-1100", "-1101", "-1102", "-1103", "-1104", "-1105", "-1106"),
    *("-1111", "-1114", "-1115", "-1116", "-1117", "-1118", "-1119", "-1121", "-1128", "-1130", "-1145", "-1002"),
    *("-2013", "-2022", "-2026"),
)
"""Refused by the checks before the book; -2022: neither half of a cancel-replace was done."""

_MOST_CANDLES = 999
_MINUTES = (1, 3, 5, 15, 30, 60, 120, 240)

SPEC = BrokerSpec(
    slug="binance",
    name="Binance",
    exchanges=frozenset({SPOT}),
    currency="USDT",
    tag_length=20,
    tag_field="newClientOrderId",
    tag_shown_as="clientOrderId",
    quantity_in_lots=frozenset(),
    # 50 orders in ten seconds; a read of the books costs up to 92 of the 6000 a minute may weigh.
    limits=RateLimits(orders=5, reads=2, quotes=2, candles=2, orders_per_minute=280, reads_per_minute=60),
    max_modifications=10,
    products=frozenset({Product.CNC}),
    order_types=frozenset({OrderType.LIMIT, OrderType.SL}),
    validities=frozenset({Validity.DAY, Validity.IOC}),
    egress=EgressRule(scope=EgressScope.ALL),
    token_expires_at=None,
    resend_wait_seconds=60,
    feed_symbols_per_socket=512,
    feed_sockets=1,
    quote_batch=20,
    supports_market=False,
    open_orders=200,
    sign_in=SignIn(
        kind=SignInKind.KEYS,
        fields=(
            CredentialField("api_key", "API key", secret=False),
            CredentialField(
                "api_secret", "Secret key", lines=True, help="HMAC, or a private key in PEM for RSA and Ed25519 keys."
            ),
            CredentialField(
                "pairs",
                "Pairs",
                secret=False,
                required=False,
                pattern=r"[A-Za-z0-9, ]+",
                help=f"What this account trades; {PAIRS} where it is left empty.",
            ),
        ),
        user_must=(
            "Create an API key at Binance with spot trading on and withdrawals off, restricted to the account's "
            "outgoing IP address; pay fees in BNB and hold some: a fee taken from the coin leaves less than a step."
        ),
        unattended=True,
    ),
    offers=frozenset({Capability.QUOTES, Capability.CANDLES, Capability.MARKET_FEED, Capability.ORDER_STREAM}),
    candles=(
        *(CandleRule(timedelta(minutes=count), timedelta(minutes=count * _MOST_CANDLES)) for count in _MINUTES),
        CandleRule(timedelta(days=1), timedelta(days=_MOST_CANDLES)),
    ),
    errors=(
        *(ErrorRule(ErrorKind.RATE_LIMITED, status, code) for status in (429, 418) for code in ("-1003", "-1015")),
        ErrorRule(ErrorKind.RATE_LIMITED, 400, "-1015"),
        *(ErrorRule(ErrorKind.SESSION_LOST, status, code) for status in (401, 400) for code in ("-2014", "-2015")),
        ErrorRule(ErrorKind.MARGIN, 400, "-2010", _SHORTAGE),
        ErrorRule(ErrorKind.REJECTED, 400, "-2010", _BEFORE_THE_BOOK),
        ErrorRule(ErrorKind.REJECTED, 400, "-2011", _UNKNOWN_ORDER, certain=True),
        *(ErrorRule(ErrorKind.REJECTED, 400, code) for code in _INVALID),
    ),
    not_verified=(
        "no live account was used: shapes are those of the documentation, its samples and the official SDK",
        "a client order id is taken to be free again once the order that bore it is cancelled, as a modify needs it",
        "a cancelled order is taken to show the client order id of its cancel or its own: ours are the same",
        "fees of 0.1 % without discounts, and no taxes or TDS withheld from Indian residents, are what P&L counts",
        "a fee taken in the coin itself leaves part of a step behind: the position is then one unit short",
        "the smallest notional (5 USDT for most pairs) is left to Binance, which refuses an order below it",
        "weights are per address: accounts that leave by one address share Binance's 6000 a minute",
        "a quantity step that Binance changes while a pair is held is not followed before the next master",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://api.binance.com",
    socket_url="wss://stream.binance.com:9443/stream",
    order_socket_url="wss://ws-api.binance.com:443/ws-api/v3",
)
