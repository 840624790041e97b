"""Names and limits of Upstox (https://upstox.com/developer/api-documentation/)."""

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
from domain.orders import Product

_REFUSALS = {
    (400,): (
        "UDAPI1003",  # order_id is required (modify)
        "UDAPI1004",  # order_type is required
        "UDAPI1007",  # validity is required
        "UDAPI1008",  # price is required
        "UDAPI1010",  # order_id has other characters than letters, digits and dashes
        "UDAPI1023",  # order_id is required (cancel)
        "UDAPI1026",  # the instrument key is missing
        "UDAPI1029",  # price is required
        "UDAPI1030",  # price is not wanted
        "UDAPI1031",  # price and trigger_price are required
        "UDAPI1032",  # trigger_price alone is wanted
        "UDAPI1036",  # trigger_price is required
        "UDAPI1039",  # disclosed_quantity is too small
        "UDAPI1043",  # price is required
        "UDAPI1052",  # quantity is zero
        "UDAPI1054",  # product is invalid
        "UDAPI1055",  # validity is invalid
        "UDAPI1056",  # order_type is invalid
        "UDAPI1057",  # transaction_type is invalid
        "UDAPI1118",  # more slices than may be placed at once
        "UDAPI1119",  # tag is too long
        "UDAPI1156",  # the algo name is not known
        "UDAPI1158",  # market orders are not allowed
        "UDAPI1159",  # market_protection is above 25 %
        "UDAPI1160",  # market_protection is invalid
        "UDAPI100011",  # the instrument key is not known
        "UDAPI100036",  # invalid input
        "UDAPI100038",  # invalid input
        "UDAPI100039",  # after-market order within market hours
        "UDAPI100040",  # cancel of an order that is final
        "UDAPI100041",  # modification of an order that is final
    ),
    (400, 404): ("UDAPI100010",),  # the order is not known
    (400, 401, 403): (
        "UDAPI1154",  # the address is not registered
        "UDAPI100049",  # the account may not use this API
        "UDAPI100067",  # the token may only read
        "UDAPI100073",  # the API key is not active
    ),
    (400, 403, 423): ("UDAPI100074",),  # between 00:00 and 05:30
}
"""Documented codes that can only be given instead of an order id, by the HTTP status they come with.

UDAPI1161 (MCX is disabled) is not among them: its text says "temporarily", and no such order is sent.
"""

_MONTH, _QUARTER, _DECADE = timedelta(days=28), timedelta(days=89), timedelta(days=3650)

SPEC = BrokerSpec(
    slug="upstox",
    name="Upstox",
    # MCX orders through the API are disabled (UDAPI1161); its contracts are listed and quoted.
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO"}),
    refuses=frozenset(
        {
            ("NFO", Product.CNC),
            ("BFO", Product.CNC),
            ("NSE", Product.NRML),
            ("BSE", Product.NRML),
        }
    ),
    tag_length=40,
    tag_field="tag",
    tag_shown_as="tag",
    quantity_in_lots=frozenset({"MCX"}),
    # Every API has 500 calls a minute and 2,000 in half an hour of its own: one quote a second stays below.
    limits=RateLimits(
        orders=10,
        reads=50,
        quotes=1,
        candles=1,
        orders_per_minute=500,
        orders_per_half_hour=2000,
        reads_per_minute=500,
        book_reads_per_half_hour=2000,
    ),
    max_modifications=25,
    egress=EgressRule(scope=EgressScope.ORDERS, addresses=2, shared=False),
    token_expires_at=time(3, 30),
    resend_wait_seconds=120,
    feed_symbols_per_socket=1500,
    feed_sockets=2,
    quote_batch=500,
    # MARKET and SL-M exist, but since April 2026 only with a market protection; the platform sends limits.
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.OAUTH,
        fields=(
            CredentialField("api_key", "API key", secret=False),
            CredentialField("api_secret", "API secret"),
            CredentialField(
                "algo_name",
                "Algo name",
                secret=False,
                required=False,
                help="Only where the Upstox app has a registered algo: its name, not its id.",
            ),
        ),
        user_must=(
            "Create an app at account.upstox.com/developer/apps, enter our callback address and the account's own "
            "outgoing IP address there (Upstox takes an address for one customer only), then sign in once a day on "
            "Upstox's page."
        ),
        code_names=("code",),
        longest_code=128,
        callback_field="redirect_url",
    ),
    offers=frozenset(
        {
            Capability.ORDER_HISTORY,
            Capability.TAG_LOOKUP,
            Capability.HOLDINGS,
            Capability.BASKET_MARGIN,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.MARKET_FEED,
            Capability.ORDER_STREAM,
            Capability.SIGN_OUT,
            # Webhooks bear no proof of who sent them, so none is listened to: the order socket says the same.
        }
    ),
    candles=(
        *(CandleRule(timedelta(minutes=minutes), _MONTH) for minutes in (1, 3, 5, 10, 15)),
        *(CandleRule(timedelta(minutes=minutes), _QUARTER) for minutes in (30, 60, 120)),
        CandleRule(timedelta(days=1), _DECADE),
    ),
    errors=(
        ErrorRule(ErrorKind.SESSION_LOST, 401, "UDAPI100050"),
        ErrorRule(ErrorKind.RATE_LIMITED, 429, "UDAPI10005"),
        *(
            ErrorRule(ErrorKind.REJECTED, status, code)
            for statuses, codes in _REFUSALS.items()
            for code in codes
            for status in statuses
        ),
    ),
    not_verified=(
        "no live account was used: shapes are those of the documentation, its samples and the official SDK 2.30.0",
        "which HTTP status comes with which code is documented for few: 400, and 401, 403, 404, 423 where they fit",
        "quantities off the lot, prices off the tick and quantities above the freeze may be answered as invalid input "
        "(UDAPI100038), as the face does, or get an order id and be rejected in the book: both are understood",
        "a shortage of money is taken to show as an order that is rejected in the book, never as a refused call",
        "an order's history, also by tag, is taken to be listed oldest first",
        "25 modifications an order are our own caution: no limit is documented",
        "a quote's close is its last_price less its net_change: the sample's ohlc.close is the price of the day itself",
        "a quote of a key nobody lists is taken to be left out, as in the samples of several keys",
        "MCX quantities count lots by the documentation of orders, in quotes and on the feed by analogy",
        "a holding's collateral_quantity is taken to be part of its quantity",
        "funds: commodity is added to equity, which holds both since July 2025",
        "one registered algo name per account, in X-Algo-Name; an order's own algo id is not sent",
        "how often the sockets' servers ping is not documented; one without a ping or a message is dead after 60 s",
        "the address rule is taken to bind order calls only",
        "BSE stocks and currencies are not listed",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://api.upstox.com",
    order_url="https://api-hft.upstox.com",
    socket_url="wss://api.upstox.com/v3/feed/market-data-feed",
    order_socket_url="wss://api.upstox.com/v2/feed/portfolio-stream-feed",
    login_url="https://api.upstox.com",
    master_url="https://assets.upstox.com/market-quote/instruments/exchange",
)
