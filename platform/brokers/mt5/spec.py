"""Names and limits of MetaTrader 5 behind our bridge (BRIDGE.md).

Not verified in a real terminal (in full in ``SPEC.not_verified``): the expert advisor was not compiled here; how long a
comment may be and whether a broker writes over it; what ``volume_current`` shows of a deal filled in part; how long
``OrderSend`` may take to answer.
"""

from datetime import timedelta
from decimal import Decimal

from brokers.mt5.retcodes import PROVED
from domain.broker import BrokerSpec, Endpoint, RateLimits
from domain.broker_spec import CandleRule, Capability, SignIn, SignInKind
from domain.orders import OrderType, Product, Validity

SPEC = BrokerSpec(
    slug="mt5",
    name="MetaTrader 5",
    exchanges=frozenset({"MT5"}),
    products=frozenset({Product.NRML}),
    # Its stop-limit waits on the other side of the stop; ours, beyond it, it does not know.
    order_types=frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.SL_M}),
    validities=frozenset({Validity.DAY}),
    tag_length=26,
    tag_field="comment",
    tag_shown_as="comment",
    quantity_in_lots=frozenset(),
    limits=RateLimits(orders=10, reads=4, quotes=4),
    # A pending order cannot be moved to a price that trades at once: it is cancelled and placed anew instead.
    max_modifications=0,
    token_expires_at=None,
    resend_wait_seconds=120,
    feed_symbols_per_socket=200,
    feed_sockets=1,
    quote_batch=50,
    supports_market=True,
    brokerage_per_order=Decimal(0),
    brokerage_rate_futures=Decimal(0),
    sign_in=SignIn(
        kind=SignInKind.BRIDGE,
        user_must=(
            "Install our expert advisor TerminalBridge in the terminal, allow WebRequest to our address under Tools, "
            "Options, Expert Advisors, attach it to one chart and paste the account's bridge token. The terminal must "
            "run, signed in, with algorithmic trading allowed, for as long as the account trades."
        ),
        unattended=True,
    ),
    offers=frozenset({Capability.QUOTES, Capability.CANDLES, Capability.MARKET_FEED}),
    candles=tuple(
        CandleRule(timedelta(minutes=minutes), timedelta(days=days))
        for minutes, days in ((1, 1), (5, 7), (15, 20), (30, 40), (60, 80), (240, 300), (1440, 2000))
    ),
    errors=PROVED,
    not_verified=(
        "the expert advisor (ea/TerminalBridge.mq5) was written from the language's documentation and never compiled",
        "no terminal and no trade server was used: the simulated terminal follows the documentation and mt5linux",
        "comments are taken to keep 26 characters; a broker that writes over them is made up for by the EA's own ring",
        "the codes proved to mean that nothing was accepted are the documentation's words, no server's behaviour",
        "an order whose state is FILLED with volume left is read as ended there",
        "on symbols of market execution a server may ignore the price of a deal: the limit of an order that crosses "
        "the market is then no limit",
        "all accounts share one master: a symbol that means another unit at another server is not traded there",
        "commission and swap differ from server to server and are in no figure of charges, only in the account's money",
        "only accounts in USD, and symbols whose profit is in USD, are traded",
        "an exchange of terminals is taken to trade around the clock; outside a symbol's hours the server refuses",
        "a hedging account closes one position a time: an exit that spans several tickets takes one order each, and a "
        "resting order cannot be one",
        "an exit that rests on a netting account was compared with the position when it was sent, not when it fills",
        "the wait before a resend, 120 s, is a guess at how long OrderSend may stay out",
    ),
    currency="USD",
    reduces_only=True,
)

ENDPOINT = Endpoint(rest_url="", socket_url="")
"""Nowhere: the terminal comes to us."""
