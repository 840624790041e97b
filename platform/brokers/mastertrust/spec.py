"""Names and limits of Master Trust's trade API (https://tradeapi.mastertrust.co.in).

Not verified against a live account (in full in ``SPEC.not_verified``, which every list of brokers shows): how wide
``user_order_id`` is; the statuses, codes and texts of refusals, which its documentation leaves out; whether market
orders pass; when exactly tokens die; which states either half of the order book shows; the columns of the master; the
shape of quotes, candles and order updates; the names in the socket's address; every limit.
"""

from datetime import time, timedelta

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

_STATUSES = (200, 400)
"""HTTP statuses a refusal may come with: 4XX by documentation, and samples show none; any other proves nothing."""


def _proved(code: str, message: str) -> tuple[ErrorRule, ...]:
    return tuple(ErrorRule(ErrorKind.REJECTED, status, code, message) for status in _STATUSES)


SPEC = BrokerSpec(
    slug="mastertrust",
    name="Master Trust",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "MCX"}),
    order_types=frozenset({OrderType.LIMIT, OrderType.SL}),
    refuses=frozenset(
        {
            ("MCX", Validity.IOC),
            ("MCX", Product.CNC),
            ("NFO", Product.CNC),
            ("BFO", Product.CNC),
            ("NSE", Product.NRML),
            ("BSE", Product.NRML),
        }
    ),
    tag_length=18,
    tag_digits_only=True,
    tag_field="user_order_id",
    tag_shown_as="user_order_id",
    quantity_in_lots=frozenset({"MCX"}),
    limits=RateLimits(orders=10, reads=10, quotes=1, candles=1),
    max_modifications=25,
    egress=EgressRule(scope=EgressScope.ORDERS),
    token_expires_at=time(6, 0),
    token_lasts=timedelta(hours=24),
    token_says_expiry=True,
    resend_wait_seconds=120,
    feed_symbols_per_socket=1000,
    feed_sockets=1,
    # A quote is two calls of its own.
    quote_batch=3,
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.OAUTH,
        fields=(
            CredentialField("api_key", "OAuth client id", secret=False),
            CredentialField("api_secret", "OAuth client secret"),
        ),
        user_must=(
            "Ask Master Trust for an OAuth client of the trade API, register our callback address and the account's "
            "outgoing IP address with it, then sign in once every trading day on Master Trust's page."
        ),
        code_names=("code",),
        longest_code=512,
        callback_field="redirect_uri",
    ),
    offers=frozenset(
        {
            Capability.ORDER_HISTORY,
            Capability.HOLDINGS,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.MARKET_FEED,
            Capability.ORDER_STREAM,
        }
    ),
    candles=(
        *(CandleRule(timedelta(minutes=minutes), timedelta(days=60)) for minutes in (1, 3, 5, 10, 15, 30, 60)),
        CandleRule(timedelta(days=1), timedelta(days=2000)),
    ),
    errors=(
        ErrorRule(ErrorKind.SESSION_LOST, 401, ""),
        ErrorRule(ErrorKind.RATE_LIMITED, 429, ""),
        *_proved("44000", r"^`\w+`( `\w+`)? (is invalid|can't be blank)"),
        *_proved("45000", r"^`(price|trigger_price|quantity|disclosed_quantity)` is invalid"),
        *_proved("45000", r"^Error from backend: \(1\)-Trigger price cannot be"),
    ),
    not_verified=(
        "no live account was used: shapes are those of the documentation, its samples, fastbt and Pocketful's SDK",
        "user_order_id: up to 18 digits without a leading nought are our choice; the only sample has 7 digits",
        "no algo id is sent: no field for one is documented",
        "codes 44000 and 45000 and their texts are those of other brokers of the platform; 401 and 429 are by HTTP",
        "the pending half of the order book is taken to show every order that is not final, the other half the rest",
        "a modification's quantity is taken as the order's new total",
        "market_protection_percentage is sent as 0: market orders after April 2026 are open, so only LIMIT and SL go",
        "tokens are taken to die at 06:00 IST, after 24 hours and after expires_in, whichever comes first",
        "a token's client is asked of /user/trading_info, because the token reply does not name it",
        "MCX orders, trades and positions count lots; a position's multiplier is taken as that of one lot",
        "a position's average price is that of its side; a holding's collateral is taken to be part of its quantity",
        "funds: Available is free, Margin Used is in use; collateral and premium rows are not added",
        "the Compact master: columns, rupees for strikes and price steps, segment IDX for indices are the platform's",
        "quotes: /marketdata and its bid and ask in paise are the platform's; bands are those of the scrip info",
        "candles: type 3 for days, NSE_INDICES for indices and the row of six are the platform's; spans are guesses",
        "order updates on the socket are taken to be rows of the order book; what trades push is left to the books",
        "the socket is asked for with token and access_token, and taken to answer WebSocket pings",
        "1000 instruments a socket, 25 modifications an order and 10 reads a second are guesses",
        "currencies are not listed",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://masterswift-beta.mastertrust.co.in",
    socket_url="wss://masterswift-beta.mastertrust.co.in",
    login_url="https://masterswift-beta.mastertrust.co.in",
    data_url="https://masterswift.mastertrust.co.in",
)
