"""Names and limits of Binance's spot API v3 (https://developers.binance.com/docs/binance-spot-api-docs) and its USD-M
futures (https://developers.binance.com/docs/derivatives/usds-margined-futures)."""

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
FUTURES = "BINANCE_UM"
PAIRS = "BTCUSDT ETHUSDT"
"""The pairs of an account that names nothing."""

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
"""Refused by the checks before the book; -2022: neither half of a cancel-replace was done, or at the futures exchange
an order that may only reduce would not have."""

_WOULD_TRIGGER = r"^Order would immediately trigger\.$"
"""At the futures exchange; -2021 of the spot market is half a replacement."""

_SHORT_OF_MARGIN = ("-2018", "-2019", "-2027", "-2028")
_REFUSED_FUTURES = (
    *("-1122", "-2023", "-2024", "-2025", "-4109"),
    *(f"-{code}" for code in (*range(4000, 4007), 4013, 4014, 4015, 4016, 4023, 4024)),
    *("-4060", "-4061", "-4062", "-4087", "-4088", "-4118", "-4120", "-4131", "-4140", "-4141", "-4164", "-4192"),
    *("-4401", "-4402", "-5021", "-5022", "-5024", "-5025", "-5026", "-5027", "-5028", "-5029"),
)
"""What the futures exchange refuses by filters and rules. -4116, a client order id that is taken, is left out: there is
an order then; so is -5043, another change of the order still on its way."""

_MOST_CANDLES = 999
_MINUTES = (1, 3, 5, 15, 30, 60, 120, 240)

SPEC = BrokerSpec(
    slug="binance",
    name="Binance",
    exchanges=frozenset({SPOT, FUTURES}),
    currency="USDT",
    tag_length=20,
    tag_field="newClientOrderId",
    tag_shown_as="clientOrderId",
    quantity_in_lots=frozenset(),
    # 50 orders in ten seconds; a read of the books costs up to 92 of the 6000 a minute may weigh. The futures exchange
    # counts by itself: 300 orders in ten seconds, and up to 11 of the 2400 a minute may weigh for a contract's book.
    limits=RateLimits(orders=5, reads=2, quotes=2, candles=2, orders_per_minute=280, reads_per_minute=60),
    max_modifications=10,
    products=frozenset({Product.CNC, Product.NRML}),
    order_types=frozenset({OrderType.LIMIT, OrderType.SL}),
    validities=frozenset({Validity.DAY, Validity.IOC}),
    # Stops at the futures exchange are a service beside it, with books of its own.
    refuses=frozenset({(SPOT, Product.NRML), (FUTURES, Product.CNC), (FUTURES, OrderType.SL)}),
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
                "Spot pairs",
                secret=False,
                required=False,
                pattern=r"[A-Za-z0-9, ]+",
                help=f"What this account trades in the spot market; {PAIRS} if it names no futures either.",
            ),
            CredentialField(
                "contracts",
                "Futures",
                secret=False,
                required=False,
                pattern=r"[A-Za-z0-9, ]+",
                help="Perpetual USD-M contracts this account trades, BTCUSDT and the like; none if empty.",
            ),
        ),
        user_must=(
            "Create an API key at Binance with spot trading on and withdrawals off, restricted to the account's "
            "outgoing IP address; pay fees in BNB and hold some: a fee taken from the coin leaves less than a step. "
            "For futures, turn futures trading on as well, and choose one-way mode among the futures preferences."
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
        *(ErrorRule(ErrorKind.MARGIN, 400, code) for code in _SHORT_OF_MARGIN),
        ErrorRule(ErrorKind.REJECTED, 400, "-2021", _WOULD_TRIGGER, certain=True),
        ErrorRule(ErrorKind.REJECTED, 400, "-4400", r"only reduceOnly order is allowed", certain=True),
        *(ErrorRule(ErrorKind.REJECTED, 400, code) for code in _REFUSED_FUTURES),
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
        "futures: fees of 0.05 % are what P&L counts; funding, paid or received every few hours, is not counted at all",
        "futures: a position's price is the mark price, by which Binance itself counts",
        "futures: in multi-assets mode, money is what the wallet shows of USDT alone",
        "futures: money of the two wallets is shown as one sum, though neither can be spent at the other market",
        "futures: an order that is changed is taken to keep its number, its client order id and its reduceOnly",
        "futures: sockets are opened by the routes that ccxt and the official SDK use",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://api.binance.com",
    socket_url="wss://stream.binance.com:9443/stream",
    order_socket_url="wss://ws-api.binance.com:443/ws-api/v3",
    futures_url="https://fapi.binance.com",
    futures_socket_url="wss://fstream.binance.com",
)
