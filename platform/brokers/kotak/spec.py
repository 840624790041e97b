"""Names and limits of Kotak Neo's Trade API v2 (https://github.com/Kotak-Neo/kotak-neo-python, docs/).

A sign-in answers with the host this account trades on; that host, the session's two parts and its sockets travel with
the token (``access``). What nobody could check is in ``SPEC.not_verified``, which every list of brokers shows.
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

ANSWERED = (200, 400)
"""HTTP statuses an answer of the order system itself comes with; 424 and 5xx are a gateway's and prove nothing."""

_SIGNED_OUT = (200, 400, 401, 403)


def _rules(kind: ErrorKind, code: str, message: str = "", *, statuses: tuple[int, ...] = ANSWERED) -> list[ErrorRule]:
    return [ErrorRule(kind, status, code, message) for status in statuses]


SPEC = BrokerSpec(
    slug="kotak",
    name="Kotak Neo",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "MCX"}),
    # MKT is taken, and turned into a limit within Kotak's own band; SL-M is refused.
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.SL}),
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
    tag_field="ig",
    tag_shown_as="GuiOrdId",
    # Too small an order is refused, too large a one is filled: where the unit is not known, lots are the safe guess.
    quantity_in_lots=frozenset({"MCX"}),
    limits=RateLimits(orders=10, reads=10, quotes=5, candles=1, together=10),
    max_modifications=25,
    egress=EgressRule(scope=EgressScope.ORDERS, addresses=2, shared=False),
    token_expires_at=time(0, 0),
    token_lasts=timedelta(hours=24),
    token_says_expiry=True,
    resend_wait_seconds=120,
    feed_symbols_per_socket=3000,
    feed_sockets=1,
    quote_batch=50,
    supports_market=False,
    sign_in=SignIn(
        kind=SignInKind.KEYS,
        fields=(
            CredentialField("consumer_key", "Consumer key (API access token)"),
            CredentialField("mobile_number", "Registered mobile number", secret=False, help="With +91."),
            CredentialField("totp_secret", "TOTP setup key", help="The text beside the QR code of TOTP Registration."),
            CredentialField("mpin", "MPIN"),
        ),
        user_must=(
            "In the NEO app under More, Trade API: create an application and copy its token, enter the account's "
            "outgoing IP address (sessions are bound to it), and register for TOTP, keeping the setup key."
        ),
        unattended=True,
    ),
    offers=frozenset(
        {
            Capability.ORDER_HISTORY,
            Capability.HOLDINGS,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.MARKET_FEED,
            Capability.ORDER_STREAM,
            Capability.SIGN_OUT,
        }
    ),
    candles=(
        *(CandleRule(timedelta(minutes=minutes), timedelta(days=30)) for minutes in (1, 3, 5)),
        *(CandleRule(timedelta(minutes=minutes), timedelta(days=60)) for minutes in (10, 15)),
        *(CandleRule(timedelta(minutes=minutes), timedelta(days=90)) for minutes in (30, 60)),
        CandleRule(timedelta(days=1), timedelta(days=180)),
    ),
    errors=(
        *_rules(ErrorKind.SESSION_LOST, "1003", r"session", statuses=_SIGNED_OUT),
        *_rules(ErrorKind.SESSION_LOST, "1037", r"session ip", statuses=_SIGNED_OUT),
        ErrorRule(ErrorKind.SESSION_LOST, 401, "401", r"session|token"),
        ErrorRule(ErrorKind.SESSION_LOST, 403, "403", r"session|token"),
        ErrorRule(ErrorKind.RATE_LIMITED, 429, "429"),
        *_rules(ErrorKind.MARGIN, "1004"),
        *_rules(ErrorKind.REJECTED, "1006", r"invalid exchange|already (executed|cancelled|rejected)|not found"),
        *_rules(ErrorKind.REJECTED, "1007"),
        *_rules(ErrorKind.REJECTED, "1009"),
        *_rules(ErrorKind.REJECTED, "1021", r"order is completed"),
        *_rules(ErrorKind.REJECTED, "100008", r"unauthori[sz]ed", statuses=_SIGNED_OUT),
        ErrorRule(ErrorKind.REJECTED, 400, "400", r"^(missing required field|invalid)\b"),
    ),
    not_verified=(
        "no live account was used: shapes are those of the documentation, its samples and the official SDK (3.0.9)",
        "ig: 20 letters and digits are our choice; no length is documented, and samples show GuiOrdId empty",
        "MCX orders count lots; a row whose lotSz is more than 1 is read in parts of a lot, or refused",
        "the HTTP statuses of refusals: 200 or 400 for the order system's own codes, 401 or 403 besides for sessions",
        "424, 5xx, code 1005 and texts of doubt prove nothing; 1021, 1006, 1007, 1009 and 1004 are taken to come first",
        "code 1037 (the session is of another address) counts as a lost session, 100008 (unknown address) as a refusal",
        "NRML orders of stocks, which samples show, are not offered; nor are MTF, after-market and bracket orders",
        "calls: 10 a second are documented for all APIs together; history is kept to 1 as others measured",
        "25 modifications an order are our own caution",
        "tokens are taken to die at midnight IST, or earlier where the token's own exp says so",
        "Net + MarginUsed is the whole of an account; collateral is part of Net, though it does not pay for options",
        "a position's ltp, where shown, may be 0; cf quantities may be missing only where qty confirms the net",
        "the order socket's first words go out unquoted as documented, and as JSON after a drop before the answer",
        "whether the order socket shows GuiOrdId, and what it answers to a dead session, is not documented",
        "feedUrl and rtUrl of the sign-in are used where given; the service that may name others is not asked",
        "SFeed: times are taken as epoch seconds, MCX quantities as lots; a quiet socket is asked for a snapshot",
        "index names: Nifty 50, Nifty Bank, SENSEX are documented; Nifty Fin Service, NIFTY MID SELECT, BANKEX are not",
        "history: candle rows and the texts of an empty span are as others saw them; wicks are widened over the open",
        "masters: one row of nse_fo was seen, none of bse_fo, bse_cm and mcx_fo; MCX lots and steps are our own table",
        "logout is the SDK's address, which its newest release does not call any more",
    ),
)

ENDPOINT = Endpoint(
    rest_url="https://mis.kotaksecurities.com",
    socket_url="wss://sfeed.kotaksecurities.com/apifeed",
    login_url="https://mis.kotaksecurities.com",
)
"""Where a session begins; the sign-in answers with the host it goes on at."""
