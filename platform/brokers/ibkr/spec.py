"""Names and limits of Interactive Brokers' Web API (https://ibkrcampus.com/campus/ibkr-api-page/cpapi-v1/).

The gateway of the Client Portal, which a person signs in to by cookie, is not supported: only an account's own OAuth
keys are, which need no person. Contracts of NSE only: there IBKR counts units and the multiplier is 1.
"""

from datetime import timedelta

from domain.broker import BrokerSpec, Endpoint, RateLimits
from domain.broker_spec import (
    CandleRule,
    Capability,
    CredentialField,
    ErrorKind,
    ErrorRule,
    SignIn,
    SignInKind,
)
from domain.orders import OrderType, Product

_SHORTAGE = (
    r"equity\s+with\s+loan\s+value|must\s+exceed\s+the\s+initial\s+margin|available\s+funds\s+are\s+in\s?sufficient"
    r"|insufficient\s+(funds|margin|cash|buying\s+power)|minimum\s+of\s+.*\s+required\s+to"
)
_DEFINITE = (
    r"minimum\s+price\s+variation|does\s+not\s+conform\s+to|(exceeds|above|below)\s+the\s+(maximum|minimum)\s+order\s+size"
    r"|order\s+size\s+cannot\s+be\s+zero|no\s+security\s+definition|invalid\s+(order|contract|conid|price|quantity)"
    r"|no\s+trading\s+permissions?|not\s+(allowed|permitted|available)\s+for\s+(this|trading)|outside\s+of\s+the\s+price\s+(band|limits)"
    r"|order\s+is\s+inactive|orderid\s+\w+\s+doesn't\s+exist|can\s?not\s+be\s+(cancell?ed|modified)"
    r"|can't\s+modify\s+a\s+(filled|cancell?ed)|order\s+not\s+confirmed|stop\s+price\s+.*(above|below)"
)
"""What an error says of an order that was turned down before it was taken. A tag that "is already registered" is not
among it: an order that bears our tag is then at the broker, and only the book says which."""

_POINTS = 1000
_NSE_DAY = timedelta(hours=6, minutes=15)
_WEEK = timedelta(days=7)


def _span(interval: timedelta) -> timedelta:
    """Return the calendar days whose sessions hold as many bars as one answer may have."""
    sessions = _POINTS * interval // _NSE_DAY
    return max(timedelta(days=1), sessions // 5 * _WEEK + timedelta(days=sessions % 5))


SPEC = BrokerSpec(
    slug="ibkr",
    name="Interactive Brokers",
    exchanges=frozenset({"NSE", "NFO"}),
    products=frozenset({Product.NRML, Product.CNC}),
    order_types=frozenset({OrderType.LIMIT, OrderType.SL}),
    refuses=frozenset({("NFO", Product.CNC), ("NSE", Product.NRML)}),
    tag_length=64,
    tag_field="cOID",
    tag_shown_as="order_ref",
    quantity_in_lots=frozenset(),
    # 50 calls a second for a user name in all, but the books of orders and of trades one call in five seconds each.
    limits=RateLimits(orders=10, reads=10, quotes=10, candles=5, books_seconds=5),
    max_modifications=25,
    book_of_session=True,
    token_expires_at=None,
    token_lasts=timedelta(hours=24),
    token_says_expiry=True,
    resend_wait_seconds=120,
    feed_symbols_per_socket=100,
    feed_sockets=1,
    quote_batch=100,
    # MKT and STP exist, but without the market protection India wants of them.
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.KEYS,
        fields=(
            CredentialField("consumer_key", "Consumer key", secret=False),
            CredentialField("oauth_token", "Access token"),
            CredentialField("oauth_token_secret", "Access token secret"),
            CredentialField("signature_key", "Private signature key (PEM)", lines=True),
            CredentialField("encryption_key", "Private encryption key (PEM)", lines=True),
            CredentialField("dh_prime", "Diffie-Hellman prime (hex)", lines=True),
        ),
        user_must=(
            "Register a consumer key with your own signature and encryption keys and a Diffie-Hellman prime in IBKR's "
            "OAuth self-service portal, and enter all of them here. Use a second user name for it: a user name has one "
            "trading session, and signing in anywhere else ends ours."
        ),
        unattended=True,
    ),
    offers=frozenset(
        {
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.MARKET_FEED,
            Capability.ORDER_STREAM,
            Capability.SIGN_OUT,
        }
    ),
    candles=(
        *(
            CandleRule(timedelta(minutes=minutes), _span(timedelta(minutes=minutes)))
            for minutes in (1, 3, 5, 10, 15, 30, 60)
        ),
        CandleRule(timedelta(days=1), timedelta(days=1000)),
    ),
    errors=(
        ErrorRule(ErrorKind.SESSION_LOST, 401, ""),
        ErrorRule(ErrorKind.SESSION_LOST, 400, "", r"no\s+bridge"),
        ErrorRule(ErrorKind.RATE_LIMITED, 429, ""),
        *(ErrorRule(ErrorKind.MARGIN, status, "", _SHORTAGE) for status in (200, 400)),
        *(ErrorRule(ErrorKind.REJECTED, status, "", _DEFINITE) for status in (200, 400)),
    ),
    not_verified=(
        "no live account was used: shapes are those of IBKR's OpenAPI document, its guides, and reports of its users",
        "an account cannot use the gateway of the Client Portal (a person's cookie), only OAuth keys of its own",
        "query parameters are left out of the signature, as the client most in use does; the guides put them in",
        "the books' first answers in a session are empty: the sign-in asks for them once, and an order book is "
        'believed only when it says "snapshot": true',
        "an order waits for the answer to a question, and a declined one is discarded, by IBKR's guides; that a "
        'declined one is answered with 400 "order not confirmed" is from an older one',
        'a tag sent twice within 24 hours is answered 400 "Local order ID=.. is already registered" by reports',
        "the order book shows the current brokerage session; executions of earlier ones, which the trade book is taken "
        "to show still, are joined to orders by our tag (order_ref)",
        "the lot of a derivative is the sizeIncrement of its rules, and the multiplier 1, on NSE",
        "the names of NSE's indices at IBKR (NIFTY50, BANKNIFTY)",
        "which error texts prove that an order was not accepted is our reading of documented and reported ones",
        "Inactive is taken as refused unless IBKR's own status still says pending",
        "whether orders survive a sign-in elsewhere, which ends our session, is not documented",
        "history is asked for up to now: whether startTime begins or ends a span is not clear",
        "100 market data lines and 100 contracts in a snapshot are what accounts have without buying more",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://api.ibkr.com/v1/api",
    socket_url="wss://api.ibkr.com/v1/api/ws",
)
