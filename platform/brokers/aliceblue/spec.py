"""Names and limits of Alice Blue's ANT A3 open API (https://ant.aliceblueonline.com/productdocumentation/).

Not verified against a live account (in full in ``SPEC.not_verified``, which every list of brokers shows): the product
code of derivatives carried overnight; the unit of MCX quantities and of a position's ``multiplier``; with which HTTP
status and where in the body an error code comes; how a call too many is answered; when a session really ends; the
header of the contract files; whether a socket answers a repeated subscription, and how many contracts it takes; in
which order books come; how funds add up.
"""

from collections.abc import Mapping
from datetime import time, timedelta
from types import MappingProxyType

from brokers.aliceblue.errors import PROVED
from domain.broker import BrokerSpec, Endpoint, RateLimits
from domain.broker_spec import (
    CandleRule,
    Capability,
    CredentialField,
    EgressRule,
    EgressScope,
    SignIn,
    SignInKind,
)
from domain.orders import OrderType, Product, Validity

CARRY_CODES = ("NORMAL", "NRML")
"""What overnight derivatives may be called; the first one unless an account's ``carry_product`` says otherwise."""

PRODUCT_CODES: Mapping[Product, str] = MappingProxyType(
    {Product.MIS: "INTRADAY", Product.CNC: "LONGTERM", Product.NRML: CARRY_CODES[0]}
)
"""Our products in orders."""

SPEC = BrokerSpec(
    slug="aliceblue",
    name="Alice Blue",
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
    tag_length=50,
    tag_field="orderTag",
    tag_shown_as="orderTag",
    algo_field="algoId",
    algo_length=12,
    # Too small an order is refused, too large a one is filled: where the unit is not known, lots are the safe guess.
    quantity_in_lots=frozenset({"MCX"}),
    limits=RateLimits(orders=10, reads=10, quotes=1, candles=1, reads_per_minute=120),
    max_modifications=25,
    egress=EgressRule(scope=EgressScope.ORDERS),
    token_expires_at=time(5, 0),
    token_lasts=timedelta(hours=24),
    token_says_expiry=True,
    resend_wait_seconds=120,
    feed_symbols_per_socket=1000,
    feed_sockets=1,
    quote_batch=50,
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.OAUTH,
        fields=(
            CredentialField("api_key", "App code", secret=False),
            CredentialField("api_secret", "API secret"),
            CredentialField(
                "carry_product",
                "Product code of overnight derivatives",
                secret=False,
                required=False,
                pattern="|".join(CARRY_CODES),
                help=f"{CARRY_CODES[0]} where it is left empty; {CARRY_CODES[1]} where Alice Blue refuses that.",
            ),
        ),
        user_must=(
            "Create an app at a3.aliceblueonline.com, enter our callback address and the account's outgoing IP address "
            "there, have it activated, then sign in once a day on Alice Blue's page."
        ),
        code_names=("authCode",),
        client_name="userId",
        returns_state=False,
    ),
    offers=frozenset(
        {
            Capability.ORDER_HISTORY,
            Capability.HOLDINGS,
            Capability.BASKET_MARGIN,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.MARKET_FEED,
            Capability.ORDER_STREAM,
        }
    ),
    candles=(
        CandleRule(timedelta(minutes=1), timedelta(days=60)),
        CandleRule(timedelta(days=1), timedelta(days=730)),
    ),
    errors=PROVED,
    not_verified=(
        "no live account was used: shapes are those of the documentation, its samples and the official A3 SDK",
        "overnight derivatives: NORMAL in the SDK and the error table, NRML elsewhere; an account may choose",
        "MCX orders count lots: samples contradict each other; a position whose lotsize is more than 1 counts parts",
        "MCX prices on the socket count lots, as the recorded sample does, whatever its ls says",
        "an error's code (EC...) is looked for in the message and the emsg, with HTTP 200, 400 or 401",
        "HTTP 401 without a body is taken as the end of a session, HTTP 429 as a call too many",
        "sessions are taken to die at 05:00 IST and after 24 hours at most, though a sample's token lives for 60 days",
        "a sign-in's redirect is taken to bring no state back",
        "MARKET and SLM need a market protection whose effect nobody could check, so only LIMIT and SL are sent",
        "orders are not limited by the documentation; ten a second is the exchange's rule for unregistered algorithms",
        "order and trade books are taken to come newest first, an order's history in either direction",
        "funds: opening cash + payin - blocked for payout - utilized margin is free; collateral is not counted",
        "positions show no last price; a holding's units are totalQuantity, or dpQuantity + t1Quantity where that is 0",
        "the margin of orders is what a basket's currentOrderMargin says",
        "contract files are read by their columns' names in any case; price steps come from their Tick Size",
        "a subscription said again is taken to be acknowledged again: a quiet socket is told from a dead one by that",
        "quotes are asked on the market socket: the API has no call for them, and a session only one socket",
        "depth asked beside a touchline may end that touchline, so it is subscribed again afterwards",
        "1000 instruments a socket, 25 modifications an order, 60 days of minute and 730 of day bars are guesses",
        "history is not served during market hours, and not of BSE or BFO at all",
        "currencies are not listed",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://a3.aliceblueonline.com/open-api",
    socket_url="wss://ws1.aliceblueonline.com/NorenWS/",
    login_url="https://ant.aliceblueonline.com",
    master_url="https://v2api.aliceblueonline.com/restpy/static/contract_master/V2",
    order_socket_url="wss://a3.aliceblueonline.com/open-api/order-notify/websocket",
)
