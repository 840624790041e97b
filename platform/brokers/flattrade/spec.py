"""Names and limits of Flattrade's PiConnect (https://pi.flattrade.in/docs).

Not verified against a live account (in full in ``SPEC.not_verified``, which every list of brokers shows): what
``remarks`` may hold and how long it may be; the unit of MCX quantities and of a position's ``prcftr``; the texts and
HTTP statuses of a lost session, of too many calls and of refusals, and which of them are sent before acceptance;
whether market orders are blocked; whether a sign-in's redirect can carry a state; when exactly tokens die; how funds
add up; how many contracts a socket takes and how far back history goes; how often an order may be modified.
"""

from datetime import time, timedelta

from brokers.noren.errors import PROVED
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

SPEC = BrokerSpec(
    slug="flattrade",
    name="Flattrade",
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
    tag_length=20,
    tag_field="remarks",
    tag_shown_as="remarks",
    algo_field="algo_id",
    # Too small an order is refused, too large a one is filled: where the unit is not known, lots are the safe guess.
    quantity_in_lots=frozenset({"MCX"}),
    limits=RateLimits(orders=10, reads=40, quotes=1, candles=1, orders_per_minute=40, reads_per_minute=200),
    max_modifications=25,
    egress=EgressRule(scope=EgressScope.ALL),
    token_expires_at=time(5, 0),
    token_lasts=timedelta(hours=24),
    resend_wait_seconds=120,
    feed_symbols_per_socket=1000,
    feed_sockets=1,
    one_socket=True,
    # A quote is a call of its own: three a second stay below 200 calls a minute.
    quote_batch=3,
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.OAUTH,
        fields=(
            CredentialField("api_key", "API key", secret=False),
            CredentialField("api_secret", "API secret"),
        ),
        user_must=(
            "Create an API key on Flattrade's wall, enter our callback address and the account's outgoing IP address "
            "there (the sign-in is bound to it as well), then sign in once a day on Flattrade's page."
        ),
        code_names=("request_code", "code"),
        returns_state=False,
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
        *(CandleRule(timedelta(minutes=minutes), timedelta(days=60)) for minutes in (1, 3, 5, 10, 15, 30, 60, 120)),
        CandleRule(timedelta(days=1), timedelta(days=2000)),
    ),
    errors=PROVED,
    not_verified=(
        "the name of the algo id's field (`algo_id`) is a guess",
        "no live account was used: shapes are those of the documentation, its samples and the NorenRestApi SDK",
        "remarks: 20 letters and digits are our choice; no length is documented, no live order has shown it back",
        "MCX orders count lots; a row whose ls is more than 1 is read in parts of a lot, and refused where that fails",
        "the texts of a lost session, of too many calls and of refusals before acceptance are the documentation's",
        "MKT and SL-MKT are taken to be blocked for API orders, so only LMT and SL-LMT are sent",
        "a sign-in's redirect is taken to bring no state back; request_code and code are both understood",
        "tokens are taken to die at 05:00 IST, the beginning of the documented hour, and after 24 hours at most",
        "margins: cash + payin - payout - marginused is free; collateral is not counted",
        "a position's prcftr is taken as the rupees one counted quantity gains when the price rises by 1",
        "one session has one socket: an account that feeds prices must not be one that trades",
        "every heartbeat of ours on the socket is taken to be answered: a quiet socket is told from a dead one by that",
        "1000 instruments a socket, 25 modifications an order, 60 days of minute and 2000 of day bars are guesses",
        "price steps of futures and stocks come from one quote per underlying, of options are 0.05: no file has them",
        "BSE stocks, BSE stock derivatives and currencies are not listed",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://piconnect.flattrade.in/PiConnectAPI",
    socket_url="wss://piconnect.flattrade.in/PiConnectWSAPI/",
    login_url="https://auth.flattrade.in",
    master_url="https://flattrade.s3.ap-south-1.amazonaws.com/scripmaster",
    token_url="https://authapi.flattrade.in/trade/apitoken",  # noqa: S106 -- an address
)
