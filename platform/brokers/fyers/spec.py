"""Names and limits of Fyers' API v3 (https://myapi.fyers.in/docsv3).

Not verified against a live account (in full in ``SPEC.not_verified``, which every list of brokers shows): which calls
share the limits; HTTP statuses and texts of refusals; what commodity and currency quantities count; which of two
margins is the one a basket needs; how the market socket answers what only its SDK tells of.
"""

from datetime import timedelta

from brokers.fyers.errors import PROVED
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
from domain.orders import Product, Validity

_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 240)

SPEC = BrokerSpec(
    slug="fyers",
    name="Fyers",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"}),
    refuses=frozenset(
        {
            ("MCX", Validity.IOC),
            ("MCX", Product.CNC),
            ("NFO", Product.CNC),
            ("BFO", Product.CNC),
            ("CDS", Product.CNC),
            ("BCD", Product.CNC),
            ("NSE", Product.NRML),
            ("BSE", Product.NRML),
        }
    ),
    tag_length=30,
    tag_field="orderTag",
    tag_shown_as="orderTag (1:<tag>)",
    quantity_in_lots=frozenset({"MCX", "CDS", "BCD"}),
    # 200 calls a minute are for all of them together, and the fourth minute above that blocks the user for the day:
    # 60 orders, 60 reads and a quote a second stay below it, with room for quotes that cost two calls.
    limits=RateLimits(orders=10, reads=10, quotes=1, candles=1, together=10, orders_per_minute=60, reads_per_minute=60),
    max_modifications=25,
    autoslice=10,
    egress=EgressRule(scope=EgressScope.ORDERS),
    token_expires_at=None,
    token_lasts=timedelta(hours=24),
    token_says_expiry=True,
    resend_wait_seconds=120,
    feed_symbols_per_socket=5000,
    feed_sockets=1,
    quote_batch=50,
    # MARKET and SL-M exist, but since April 2026 Fyers turns them into limits of its own; the platform sends limits.
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.OAUTH,
        fields=(
            CredentialField("api_key", "App ID", secret=False, help="Of an app for algo trading: it ends in -200."),
            CredentialField("api_secret", "Secret ID"),
        ),
        user_must=(
            "Create an app for algo trading at myapi.fyers.in, enter our callback address as its redirect URL and the "
            "account's outgoing IP address there, then sign in once a day on Fyers' page."
        ),
        code_names=("auth_code",),
        success=("s", "ok"),
        callback_field="redirect_uri",
    ),
    offers=frozenset(
        {
            Capability.TAG_LOOKUP,
            Capability.HOLDINGS,
            Capability.BASKET_MARGIN,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.MARKET_FEED,
            Capability.ORDER_STREAM,
            Capability.SIGN_OUT,
        }
    ),
    candles=(
        *(CandleRule(timedelta(minutes=minutes), timedelta(days=100)) for minutes in _MINUTES),
        CandleRule(timedelta(days=1), timedelta(days=366)),
    ),
    errors=PROVED,
    not_verified=(
        "no live account was used: shapes are those of the documentation, its samples and the fyers-apiv3 SDK",
        "10 calls a second and 200 a minute are taken to be for all calls of a user together, divided as we see fit",
        "refusals are taken to come with HTTP 400, 403 or 200; which texts of -99 prove non-acceptance is our reading",
        "the codes of v2 that name an invalid field are taken to mean the same in v3",
        "what an order_tag query answers where no order bears the tag is taken to be an empty book",
        "quantities of MCX, CDS and BCD count lots, in orders, books and market data",
        "a position's qtyMulti_com is taken as the rupees one counted quantity gains when the price rises by 1",
        "of margin_total and margin_new_order the larger is taken to be what a basket needs",
        "a holding's pledged units are taken to come on top of its quantity",
        "a token's claims fy_id, exp and hsm_key are taken for the client, its end and the key of the market socket",
        "the market socket is taken to answer a request for the full mode at any time: silence is told by that",
        "indices without a known name on the market socket are subscribed by the name in their symbol",
        "a stop order that has triggered is told from one that waits only by its fills",
        "25 modifications an order is a guess; a history is asked for without rolled contracts (cont_flag 0)",
        "postbacks are not offered: how their secret proves them is not documented",
        "freeze quantities of MCX are ours, because the master's unit is not documented; currencies are not listed",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://api-t1.fyers.in/api/v3",
    socket_url="wss://socket.fyers.in/hsm/v1-5/prod",
    login_url="https://api-t1.fyers.in/api/v3",
    data_url="https://api-t1.fyers.in/data",
    master_url="https://public.fyers.in/sym_details",
    order_socket_url="wss://socket.fyers.in/trade/v3",
)
