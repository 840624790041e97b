"""Names and limits of Zerodha's Kite Connect v3 (https://kite.trade/docs/connect/v3/)."""

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
from domain.orders import Product, Validity

_SHORTAGE = r"insufficient\s+(funds|margin)|margin\s+exceed"
_DEFINITE = (
    r"insufficient\s+holding|freeze\s+(quantity|qty|limit)|exceeds?\s+freeze"
    r"|multiple\s+of\s+(the\s+)?(tick|lot)|tick\s+size|lot\s+size|circuit\s+limit|price\s+range|price\s+band"
    r"|limit\s+price\s+protection|market\s+(orders?|protection)|trigger\s+price|disclosed\s+quantity"
    r"|(is|are|been)\s+(blocked|disabled|restricted|banned|suspended|halted)|not\s+(allowed|permitted|enabled)"
    r"|(has|have|is)\s+expired|invalid\s+\W?\w+|modifications?\s+exceed|order\s+modifications"
    r"|(cannot|can't|can\s+not)\s+be\s+(cancell?ed|modified|changed|placed)"
    r"|already\s+(been\s+)?(complete|cancell?ed|reject|execut)"
    r"|order\s+(does\s+not\s+exist|not\s+found)|markets?\s+(is|are)\s+closed|outside\s+market\s+hours"
)
"""OrderException covers failures before and after acceptance: only these messages say it was before."""

_INTRADAY = timedelta(days=60)

SPEC = BrokerSpec(
    slug="zerodha",
    name="Zerodha Kite",
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
    tag_length=20,
    tag_field="tag",
    tag_shown_as="tag, tags",
    quantity_in_lots=frozenset({"MCX", "CDS", "BCD"}),
    limits=RateLimits(orders=10, reads=10, quotes=1, candles=3, orders_per_minute=400, orders_per_day=5000),
    max_modifications=25,
    algo_field="algo_id",
    autoslice=10,
    egress=EgressRule(scope=EgressScope.ORDERS),
    token_expires_at=time(6, 0),
    # An order was once seen 83 s late in the book: a resend waits well past that.
    resend_wait_seconds=120,
    feed_symbols_per_socket=3000,
    feed_sockets=3,
    quote_batch=500,
    # MARKET and SL-M exist, but since April 2026 only with a market protection; the platform sends limits.
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.OAUTH,
        fields=(
            CredentialField("api_key", "API key", secret=False),
            CredentialField("api_secret", "API secret"),
        ),
        user_must=(
            "Create a Kite Connect app at developers.kite.trade, enter our callback and postback addresses and the "
            "account's outgoing IP address there, then sign in once a day on Kite's page."
        ),
        code_names=("request_token",),
        longest_code=128,
        success=("status", "success"),
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
            Capability.POSTBACK,
            Capability.SIGN_OUT,
        }
    ),
    candles=(
        *(CandleRule(timedelta(minutes=minutes), _INTRADAY) for minutes in (1, 3, 5, 10, 15, 30, 60)),
        CandleRule(timedelta(days=1), timedelta(days=2000)),
    ),
    errors=(
        ErrorRule(ErrorKind.SESSION_LOST, 403, "TokenException"),
        ErrorRule(ErrorKind.RATE_LIMITED, 429, "NetworkException"),
        ErrorRule(ErrorKind.MARGIN, 400, "MarginException"),
        ErrorRule(ErrorKind.MARGIN, 400, "OrderException", _SHORTAGE),
        ErrorRule(ErrorKind.REJECTED, 400, "InputException"),
        ErrorRule(ErrorKind.REJECTED, 400, "HoldingException"),
        ErrorRule(ErrorKind.REJECTED, 400, "UserException"),
        ErrorRule(ErrorKind.REJECTED, 403, "UserException"),
        ErrorRule(ErrorKind.REJECTED, 403, "PermissionException"),
        ErrorRule(ErrorKind.REJECTED, 400, "OrderException", _DEFINITE),
    ),
    not_verified=(
        "no live account was used: shapes are those of Kite's documentation, official mocks and official SDK",
        "the longest history spans (60 days of minutes, 2000 of days) are what other clients of Kite use",
        "a holding's pledged units are taken to come on top of its quantity",
        "quantities of CDS and BCD count lots by documentation; only MCX has a recorded order",
        "which OrderException texts prove non-acceptance is our reading of recorded messages",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://api.kite.trade",
    socket_url="wss://ws.kite.trade",
    login_url="https://kite.zerodha.com",
)
